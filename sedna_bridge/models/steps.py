"""What each step of a swap does. A step returns its figures when it is done, None when it is not done yet, and raises
else."""

from __future__ import annotations

from typing import Any, Sequence

from . import failpoints
from .errors import ModelError, RejectedModel, SourceError
from .fetching import Fetch
from .journal import Swap
from .judging import verdict
from .line import AVAILABILITY, MEMORY, Line
from .offers import Offer
from .probation import Probation, Tally
from .runtime import Judged


class Unneeded(Exception):
    """Raised when a swap has nothing to do, because what it brings runs already."""


class Steps:
    """The steps of one swap, and what they remember from one to the next while the process lives."""

    def __init__(self, line: Line, offer: Offer | None = None) -> None:
        self.line = line
        self.offer = offer
        self.probation: Probation | None = None
        self._fetch: Fetch | None = None
        self._golden: list[Any] = []
        self._old_golden: list[Judged] | None = None
        self._old_classes: Sequence[str] = ()
        self._old_tally: Tally | None = None

    def fetch(self, swap: Swap) -> dict[str, Any] | None:
        """Bring the offer into the store, beside this thread."""
        if self._fetch is None:
            if self.offer is None:
                raise SourceError("the source took its offer back.")
            self._fetch = Fetch(self.line.store, self.offer)
        if not self._fetch.done:
            if self.line.orders.waiting():
                raise SourceError("an order of a person comes first.")
            self._fetch.wait(0.05)
            return None
        record = self._fetch.result()
        known = self.line.store.rejection(record.id)
        active = self.line.store.pointer().active
        if known:
            raise RejectedModel("%s was tried before: %s" % (record.id, known.reason))
        if record.id == active:
            raise Unneeded("it is active already")
        if active and record.continues == active and record.model_sha256 == self.line.store.get(active).model_sha256:
            raise Unneeded("the same bytes as %s, which is active" % active)
        return {"version": record.id, "bytes": record.size}

    def verify(self, swap: Swap) -> dict[str, Any]:
        """Hash what is on the disk once more: it may have lain there for months."""
        self.line.store.verify(swap.version)
        return {}

    def load(self, swap: Swap) -> dict[str, Any]:
        """First in a child process with limits, then here, beside the old model or in its place."""
        sessions = self.line.sessions
        sessions.probe(swap.version)
        if swap.old:
            self._old_classes = sessions.classes(swap.old)
            self._old_tally = self.line.board.tally(swap.old)
        if self.line.policy == MEMORY and swap.old:
            if swap.trial:
                self._golden = self._recent()
                self._old_golden = list(sessions.judge(swap.old, self._golden)) if self._golden else []
            self.line.board.hold()
            sessions.retire_now(swap.old)
        sessions.bring_up(swap.version)
        return {}

    def warm_up(self, swap: Swap) -> dict[str, Any]:
        self.line.sessions.warm_up(swap.version)
        return {}

    def judge(self, swap: Swap) -> dict[str, Any]:
        """On golden frames: those that the model brings, and recent ones of this site."""
        if not swap.trial:
            return {}
        sessions, gate = self.line.sessions, self.line.gate
        if self._old_golden is None:
            self._golden = self._recent()
        shipped = list(sessions.golden(swap.version))[: gate.golden_frames]
        frames = [*self._golden, *shipped]
        new = list(sessions.judge(swap.version, frames)) if frames else []
        if len(new) != len(frames):
            raise RejectedModel("it answered %d of %d golden frames." % (len(new), len(frames)))
        old = self._old_golden
        if old is None and frames and swap.old and self.line.board.session(swap.old) is not None:
            old = list(sessions.judge(swap.old, frames))
        why, figures = verdict(old, new, self._old_classes, sessions.classes(swap.version), gate)
        if why:
            raise RejectedModel(why)
        return dict(figures)

    def switch(self, swap: Swap) -> dict[str, Any]:
        """The pointer first, then the line: what runs is never ahead of what a restart would find."""
        board = self.line.board
        pointer = self.line.store.point_at(swap.version)
        failpoints.reach("swap.switched")
        beside = swap.old if self.line.policy == AVAILABILITY and swap.trial else ""
        serial = board.switch(swap.version, pointer.serial, beside)
        if not beside and swap.old:
            self.line.sessions.retire(swap.old)
        return {"serial": serial}

    def watch(self, swap: Swap) -> dict[str, Any] | None:
        """Probation: the running line's figures against the old model's."""
        if not swap.trial or not swap.old:
            return {}
        probation = self.probation or self.begin_probation(swap)
        board, sessions = self.line.board, self.line.sessions
        if self.line.policy == AVAILABILITY and board.session(swap.old) is None and not self._gave_up_beside:
            self._load_beside(swap.old, probation)
        while board.pairs and board.session(swap.old) is not None:
            frame, found = board.pairs.popleft()
            try:
                probation.pair(sessions.judge(swap.old, [frame])[0].detections, found)
            except RejectedModel as error:  # the old model failed, which says nothing of the new one
                self.line.store.history.add("no_pair", swap.old, swap=swap.id, reason=str(error))
                board.pairs.clear()
        why = probation.verdict(self.line.clock())
        if why:
            raise RejectedModel(why)
        return dict(probation.figures()) if why == "" else None

    def begin_probation(self, swap: Swap) -> Probation:
        line = self.line
        self.probation = Probation(
            line.terms,
            line.gate,
            line.clock(),
            self._old_tally,
            line.board.tally(swap.version),
            self._old_classes,
            line.sessions.classes(swap.version),
        )
        return self.probation

    def cancel(self) -> None:
        """Stop a fetch that is under way; what has come stays for the next try."""
        if self._fetch:
            self._fetch.cancel()
            self._fetch = None

    _gave_up_beside = False

    def _load_beside(self, old: str, probation: Probation) -> None:
        """After a restart within probation the old model comes up beside, for comparison and for a quick way back."""
        try:
            self.line.sessions.ready(old)
            probation.old_names = self.line.sessions.classes(old)
        except (ModelError, OSError) as error:
            self._gave_up_beside = True
            self.line.store.history.add("not_beside", old, reason=str(error))

    def _recent(self) -> list[Any]:
        return list(self.line.recent_frames())[: self.line.gate.golden_frames]
