"""The swap machine: walks one version after the other through the table in states.py, and undoes what does not work out.

One thread calls `step` again and again; each call does one thing and returns soon, but for loading and warming up, which
have deadlines. The rules that make a crash at any point harmless:

* the journal is written before a step begins, the pointer moves in one rename, and an end (kept, rejected, rolled back) is
  first written to the journal and then carried out by `_conclude`, each part of which may be done twice;
* in memory nothing is older than on disk: the line is switched only after the pointer;
* a process that finds a journal counts itself; a version that several processes have died on is not tried again.
"""

from __future__ import annotations

import logging
import time
from typing import Any, Callable, Sequence

from . import failpoints
from .errors import ModelError, RejectedModel, SourceError, StoreBusy, StoreError
from .fetching import Fetch
from .journal import Journal, Swap
from .judging import Gate, verdict
from .locks import FileLock
from .offers import Offer, OfferLedger
from .orders import ROLLBACK, Order, Orders, resting_target
from .probation import Probation, Tally, Terms
from .probe import ProbeLimits
from .reports import COMPLETED, FAILED, Hook, Reports
from .runtime import Judged, Runtime
from .sessions import Sessions
from .states import ACTIVE, DISCOVERED, ENDS, FETCHED, KEPT, REJECTED, ROLLED_BACK, Step, next_step
from .store import ModelStore
from .sweep import sweep
from .switchboard import Switchboard

log = logging.getLogger(__name__)
AVAILABILITY = "availability"
MEMORY = "memory"


class SwapMachine:
    """Brings versions into use on one line. `start` before the first frame, `step` from one thread, `close` at the end."""

    def __init__(
        self,
        store: ModelStore,
        runtime: Runtime,
        board: Switchboard | None = None,
        policy: str = AVAILABILITY,
        gate: Gate | None = None,
        terms: Terms | None = None,
        probe_limits: ProbeLimits | None = None,
        on_report: Hook | None = None,
        wants_report: Callable[[str], bool] = lambda source: True,
        recent_frames: Callable[[], Sequence[Any]] = tuple,
        max_starts: int = 2,
        keep_versions: int = 3,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if policy not in (AVAILABILITY, MEMORY):
            raise ModelError("policy %r: expected %r or %r." % (policy, AVAILABILITY, MEMORY))
        self.store = store
        self.board = board or Switchboard()
        self.policy = policy
        self.gate = gate or Gate()
        self.terms = terms or Terms()
        self.on_report = on_report
        self.wants_report = wants_report
        self.recent_frames = recent_frames
        self.max_starts = max_starts
        self.keep_versions = keep_versions
        self.clock = clock
        self.board.max_boxes = self.gate.max_boxes
        self.board.keep_frame = runtime.keep_frame
        self.sessions = Sessions(store, runtime, self.board, self.gate, probe_limits or ProbeLimits())
        self.journal = Journal(store.root)
        self.orders = Orders(store)
        self.offers = OfferLedger(store)
        self.reports = Reports(store.root)
        self.swap: Swap | None = None
        self._runner: FileLock | None = None
        self._waiting: dict[str, Offer] = {}
        self._pause: dict[str, tuple[float, float]] = {}
        self._fetch_job: Fetch | None = None
        self._probation: Probation | None = None
        self._old_golden: list[Judged] | None = None
        self._golden: list[Any] = []
        self._held_back: set[str] = set()

    # -- start and end -------------------------------------------------------------------------------------------------
    def start(self) -> str:
        """Bring the active version up, after settling what an earlier process left; returns its id."""
        self._runner = self.store.runner(self.store.lock_timeout)
        try:
            swap, pointer = self.journal.read(), self.store.pointer()
            if swap and swap.step == "switch" and swap.state not in (ACTIVE, *ENDS) and pointer.active == swap.version:
                swap = swap.to(state=ACTIVE)
            if swap is None:
                self._start_proven(pointer.active or "", pointer.previous or "")
            elif swap.state in ENDS:
                self._start_ended(swap)
            elif swap.state == ACTIVE:
                self._start_on_trial(swap.to(starts=swap.starts + 1))
            else:
                self._start_interrupted(swap.to(starts=swap.starts + 1), pointer.active or "", pointer.previous or "")
        except BaseException:
            self.close()
            raise
        stamp = self.board.current
        assert stamp is not None
        log.info("model %s judges frames", stamp.version)
        return stamp.version

    def close(self) -> None:
        """Release every session and the right to swap. What was under way goes on at the next start."""
        if self._fetch_job:
            self._fetch_job.cancel()
            self._fetch_job = None
        self.sessions.close()
        runner, self._runner = self._runner, None
        if runner:
            runner.free()

    def _start_proven(self, version: str, fallback: str) -> None:
        if not version:
            raise ModelError(
                "the model store %s has no active model; install one with `sednabox model install FILE`."
                % self.store.root
            )
        try:
            self._up(version)
        except (ModelError, OSError) as error:
            if not fallback or fallback == version:
                raise
            log.error("the active model %s cannot be loaded (%s); going back to %s", version, error, fallback)
            self._up(fallback)
            self.store.point_back(fallback, None)
            self.store.reject(version, str(error), ROLLED_BACK)
            self.store.history.add("rolled_back", version, to=fallback, reason=str(error))
            version = fallback
        self.board.switch(version, self.store.pointer().serial)

    def _start_ended(self, swap: Swap) -> None:
        """The end was decided, perhaps not carried out."""
        self.swap = swap
        self._conclude()
        pointer = self.store.pointer()
        self._start_proven(pointer.active or "", pointer.previous or "")

    def _start_interrupted(self, swap: Swap, active: str, previous: str) -> None:
        """The version had not judged any frame yet: the old one goes on, and the new one is tried again, or not."""
        self._start_proven(active, previous)
        self.store.history.add("interrupted", swap.version, swap=swap.id, state=swap.state, step=swap.step)
        if not swap.version or not self.store.has(swap.version):
            self.journal.clear()
        elif swap.starts > self.max_starts:
            self.swap = swap
            self._end(
                REJECTED, "%d processes ended while it was in step %s" % (swap.starts - 1, swap.step or swap.state)
            )
        else:
            self.swap = self.journal.write(swap.to(state=FETCHED, step="", old=self.store.pointer().active or ""))

    def _start_on_trial(self, swap: Swap) -> None:
        """The version had begun to judge frames, or was activated while no pipeline ran."""
        self.swap = swap
        why = ""
        if swap.starts > self.max_starts and swap.old:
            why = "%d processes ended while it was on probation" % (swap.starts - 1)
        else:
            self.journal.write(swap)
            try:
                self.sessions.probe(swap.version)
                self._up(swap.version)
                if swap.trial:
                    self._check_golden(swap.version, "")
            except (ModelError, OSError) as error:
                if not swap.old:
                    raise
                why = str(error)
        if why:
            self.sessions.retire(swap.version)
            self._up(swap.old)
            self.board.switch(swap.old, self.store.pointer().serial + 1)
            self._end(ROLLED_BACK, why)
            return
        beside = swap.old if self.policy == AVAILABILITY else ""
        self.board.switch(swap.version, self.store.pointer().serial, beside)
        self._begin_probation()

    def _up(self, version: str) -> None:
        self.sessions.bring_up(version)
        self.sessions.warm_up(version)

    # -- what to do next -----------------------------------------------------------------------------------------------
    def propose(self, offer: Offer) -> bool:
        """A source has something. False when it was dealt with before; a newer offer of a source replaces its older one."""
        if self.offers.ended(offer.key) or (self.swap and self.swap.offer == offer.key):
            return False
        for key, older in list(self._waiting.items()):
            if older.source == offer.source and key != offer.key:
                self._waiting.pop(key, None)
        self._waiting[offer.key] = offer
        return True

    def step(self) -> bool:
        """Do one thing; False when there is nothing to do now."""
        moved = self.reports.deliver(self.on_report) > 0
        self.sessions.tick()
        try:
            return (self._go_on() if self.swap else self._begin()) or moved
        except StoreBusy:
            return moved
        except OSError as error:
            log.error("the model store cannot be written (%s); the model in use keeps judging", error)
            return moved

    def _begin(self) -> bool:
        order = self.orders.waiting()
        if order:
            return self._begin_order(order)
        now = self.clock()
        for key, offer in list(self._waiting.items()):
            if self._pause.get(key, (0.0, 0.0))[0] > now:
                continue
            pointer = self.store.pointer()
            if pointer.active in self.store.pins():
                if key not in self._held_back:
                    self._held_back.add(key)
                    self.store.history.add("held_back", offer.version, reason="%s is pinned" % pointer.active)
                continue
            self._take(
                Swap(
                    state=DISCOVERED,
                    old=pointer.active or "",
                    older=pointer.previous or "",
                    offer=key,
                    report_key=offer.version,
                    report=self.wants_report(offer.source),
                    by=offer.source,
                )
            )
            return True
        return False

    def _begin_order(self, order: Order) -> bool:
        pointer = self.store.pointer()
        back = order.action == ROLLBACK
        try:
            version = resting_target(self.store, order.version) if back else order.version
            record = self.store.get(version)
        except StoreError as error:
            self.store.history.add(REJECTED, order.version, order=order.id, by=order.by, reason=str(error))
            self.orders.done(order)
            return True
        if version == pointer.active:
            self.store.history.add(KEPT, version, order=order.id, by=order.by, reason="it is active already")
            self.orders.done(order)
            return True
        self.store.forgive(version)
        self._take(
            Swap(
                state=FETCHED,
                version=version,
                old=pointer.active or "",
                older=pointer.previous or "",
                trial=not back,
                report=not back and self.wants_report(record.source),
                order=order.id,
                by=order.by,
                report_key=record.report_key,
            )
        )
        self.orders.done(order)
        return True

    def _take(self, swap: Swap) -> None:
        self.swap = self.journal.write(swap)
        self._old_golden, self._golden, self._probation = None, [], None
        self.store.history.add(swap.state, swap.version or swap.report_key, swap=swap.id, by=swap.by)

    # -- walking the table ---------------------------------------------------------------------------------------------
    def _go_on(self) -> bool:
        assert self.swap is not None
        if self.swap.state in ENDS:
            self._conclude()
            return True
        step = next_step(self.swap.state)
        if step.name == "watch" and self._asked_back():
            return True
        if self.swap.step != step.name and step.name != "watch":
            try:
                self.swap = self.journal.write(self.swap.to(step=step.name))
            except OSError as error:
                self._put_off("the journal cannot be written: %s" % error)
                return False
        began = time.monotonic()
        try:
            failpoints.reach("swap." + step.name)
            figures = getattr(self, "_" + step.name)()
        except (RejectedModel, StoreError) as error:
            if isinstance(error, StoreBusy):
                return False
            self._fail(step, str(error))
            return True
        except (ModelError, OSError) as error:
            if step.name != "watch":
                self._put_off(str(error))
            return True
        if figures is None:
            return False
        self._reach(step.after, figures, time.monotonic() - began)
        return True

    def _reach(self, state: str, figures: dict[str, Any], took: float) -> None:
        assert self.swap is not None
        if state == KEPT:
            self._end(KEPT, "", **figures)
            return
        self.swap = self.swap.to(state=state)
        try:
            self.journal.write(self.swap)
            self.store.history.add(state, self.swap.version, swap=self.swap.id, took=round(took, 3), **figures)
        except OSError:
            if state != ACTIVE:
                raise
            log.exception(
                "the disk does not take the journal; the pointer has moved, so a restart finds the same version"
            )

    def _fail(self, step: Step, reason: str) -> None:
        assert self.swap is not None
        if step.failed == ROLLED_BACK:
            self._roll_back(reason)
            return
        self._undo()
        self._end(REJECTED, reason)

    def _put_off(self, reason: str) -> None:
        """Not the model's fault: leave everything as it was and try later."""
        swap = self.swap
        assert swap is not None
        self._undo()
        key = swap.offer or swap.version
        wait = min(self._pause.get(key, (0.0, 2.5))[1] * 2, 600.0)
        self._pause[key] = (self.clock() + wait, wait)
        log.warning("the swap to %s is put off for %.0f s: %s", swap.version or swap.report_key, wait, reason)
        self.swap = None
        self.store.history.add(
            "put_off", swap.version or swap.report_key, swap=swap.id, order=swap.order, reason=reason
        )
        self.journal.clear()
        if swap.order:
            self.store.history.add(REJECTED, swap.version, order=swap.order, by=swap.by, reason=reason)

    def _undo(self) -> None:
        """Back to the old model alone; with the policy `memory` it has to be loaded again."""
        swap = self.swap
        assert swap is not None
        if self._fetch_job:
            self._fetch_job.cancel()
            self._fetch_job = None
        stamp = self.board.current
        if swap.version and (stamp is None or stamp.version != swap.version):
            self.sessions.retire(swap.version)
        if stamp is not None and self.board.session(stamp.version) is None:
            self._bring_back(stamp.version)
        self.board.resume()

    def _bring_back(self, version: str) -> None:
        for attempt in (1, 2, 3):
            try:
                self._up(version)
                return
            except (ModelError, OSError) as error:
                log.error("the old model %s cannot be loaded again (attempt %d): %s", version, attempt, error)
        self.store.history.add("no_model", version, reason="it could not be loaded again")

    # -- the steps -----------------------------------------------------------------------------------------------------
    def _fetch(self) -> dict[str, Any] | None:
        assert self.swap is not None
        if self._fetch_job is None:
            offer = self._waiting.get(self.swap.offer)
            if offer is None:
                raise SourceError("the source took the offer back")
            self._fetch_job = Fetch(self.store, offer)
        if not self._fetch_job.done:
            if self.orders.waiting():
                self._put_off("an order of a person comes first")
            else:
                self._fetch_job.wait(0.05)
            return None
        job, self._fetch_job = self._fetch_job, None
        record = job.result()
        known = self.store.rejection(record.id)
        self.swap = self.swap.to(version=record.id)
        if known:
            raise RejectedModel("it was tried before: %s" % known.reason)
        if record.id == self.store.pointer().active:
            self._end(KEPT, "it is active already")
            return None
        return {"bytes": record.size}

    def _verify(self) -> dict[str, Any]:
        assert self.swap is not None
        self.store.verify(self.swap.version)
        return {}

    def _load(self) -> dict[str, Any]:
        assert self.swap is not None
        self.sessions.probe(self.swap.version)
        if self.policy == MEMORY and self.swap.old:
            if self.swap.trial:
                self._golden = list(self.recent_frames())[: self.gate.golden_frames]
                self._old_golden = list(self.sessions.judge(self.swap.old, self._golden)) if self._golden else []
            self._old_classes = self.sessions.classes(self.swap.old)
            self.board.hold()
            self.sessions.retire_now(self.swap.old)
        self.sessions.bring_up(self.swap.version)
        return {}

    def _warm_up(self) -> dict[str, Any]:
        assert self.swap is not None
        self.sessions.warm_up(self.swap.version)
        return {}

    def _judge(self) -> dict[str, Any]:
        assert self.swap is not None
        return self._check_golden(self.swap.version, self.swap.old) if self.swap.trial else {}

    def _check_golden(self, version: str, old: str) -> dict[str, Any]:
        if self._old_golden is None:
            self._golden = list(self.recent_frames())[: self.gate.golden_frames]
        shipped = list(self.sessions.golden(version))[: self.gate.golden_frames]
        frames = [*self._golden, *shipped]
        new = list(self.sessions.judge(version, frames)) if frames else []
        if len(new) != len(frames):
            raise RejectedModel("it answered %d of %d golden frames" % (len(new), len(frames)))
        before: list[Judged] | None = self._old_golden
        if before is None and old and frames and self.board.session(old) is not None:
            before = list(self.sessions.judge(old, frames))
        old_classes = self._classes_of(old)
        why, figures = verdict(before, new, old_classes, self.sessions.classes(version), self.gate)
        if why:
            raise RejectedModel(why)
        return dict(figures)

    def _classes_of(self, version: str) -> list[str]:
        if version and self.board.session(version) is not None:
            self._old_classes = self.sessions.classes(version)
        return list(self._old_classes)

    _old_classes: Sequence[str] = ()

    def _switch(self) -> dict[str, Any]:
        assert self.swap is not None
        self._probation = None
        pointer = self.store.point_at(self.swap.version)
        failpoints.reach("swap.switched")
        beside = self.swap.old if self.policy == AVAILABILITY and self.swap.trial else ""
        self._old_tally = self.board.tally(self.swap.old) if self.swap.old else None
        self.board.switch(self.swap.version, pointer.serial, beside)
        if not beside and self.swap.old:
            self.sessions.retire(self.swap.old)
        stamp = self.board.current
        return {"serial": stamp.serial if stamp else pointer.serial}

    _old_tally: Tally | None = None

    def _begin_probation(self) -> None:
        assert self.swap is not None
        self._probation = Probation(
            self.terms,
            self.gate,
            self.clock(),
            self._old_tally,
            self.board.tally(self.swap.version),
            self._classes_of(self.swap.old),
            self.sessions.classes(self.swap.version),
        )

    def _watch(self) -> dict[str, Any] | None:
        assert self.swap is not None
        if not self.swap.trial or not self.swap.old:
            return {}
        if self._probation is None:
            self._begin_probation()
        assert self._probation is not None
        if self.policy == AVAILABILITY and self.board.session(self.swap.old) is None:
            self._load_beside(self.swap.old)
        while self.board.pairs and self.board.session(self.swap.old) is not None:
            frame, found = self.board.pairs.popleft()
            judged = self.sessions.judge(self.swap.old, [frame])
            self._probation.pair(judged[0].detections, found)
        why = self._probation.verdict(self.clock())
        if why:
            raise RejectedModel(why)
        return self._probation.figures() if why == "" else None

    def _load_beside(self, old: str) -> None:
        """After a restart within probation the old model comes up beside, for comparison and for a quick way back."""
        try:
            self._up(old)
            if self._probation:
                self._probation.old_names = self._classes_of(old)
        except (ModelError, OSError) as error:
            log.warning("the old model %s cannot be loaded beside (%s); probation goes on without it", old, error)
            assert self.swap is not None
            self.swap = self.swap.to(trial=True)

    # -- the ends ------------------------------------------------------------------------------------------------------
    def _asked_back(self) -> bool:
        """A person wants the old model back while the new one is on probation."""
        assert self.swap is not None
        order = self.orders.waiting()
        if order is None or not self.swap.old:
            return False
        target = order.version or (self.swap.old if order.action == ROLLBACK else "")
        if target != self.swap.old:
            return False
        self.swap = self.swap.to(order=order.id, by=order.by)
        self._roll_back("asked for%s" % (" by " + order.by if order.by else ""))
        self.orders.done(order)
        return True

    def _roll_back(self, reason: str) -> None:
        assert self.swap is not None
        old, new = self.swap.old, self.swap.version
        if self.board.session(old) is None:
            if self.policy == MEMORY:
                self.board.hold()
                self.sessions.retire_now(new)
            try:
                self._up(old)
            except (ModelError, OSError) as error:
                log.error("going back from %s (%s) is not possible: %s cannot be loaded: %s", new, reason, old, error)
                self.store.history.add(
                    "rollback_failed", new, swap=self.swap.id, reason="%s; %s: %s" % (reason, old, error)
                )
                if self.board.session(new) is None:
                    self._bring_back(new)
                self.board.resume()
                self._begin_probation()
                return
        self.board.switch(old, self.store.pointer().serial + 1)
        self._end(ROLLED_BACK, reason, **(self._probation.figures() if self._probation else {}))

    def _end(self, state: str, reason: str, **figures: Any) -> None:
        """Decide; `_conclude` carries it out, now or after a restart."""
        assert self.swap is not None
        self.swap = self.swap.to(state=state, reason=reason)
        self._figures = figures
        self.journal.write(self.swap)
        self._conclude()

    _figures: dict[str, Any] = {}

    def _conclude(self) -> None:
        swap = self.swap
        assert swap is not None
        failpoints.reach("swap.conclude")
        if swap.state == ROLLED_BACK and self.store.pointer().active == swap.version:
            self.store.point_back(swap.old, swap.older or None)
        failpoints.reach("swap.pointed")
        if swap.state != KEPT and swap.version:
            self.store.reject(swap.version, swap.reason, swap.state)
        if swap.state == KEPT and not swap.trial and swap.old:
            self.store.reject(swap.old, "rolled back%s" % (" by " + swap.by if swap.by else ""), ROLLED_BACK)
        if swap.offer:
            self.offers.end(swap.offer, swap.state, swap.version)
            self._waiting.pop(swap.offer, None)
        if swap.report and swap.report_key:
            self.reports.intend(swap.report_key, COMPLETED if swap.state == KEPT else FAILED, swap.reason)
        failpoints.reach("swap.noted")
        self.store.history.add_once(
            swap.id + swap.state,
            swap.state,
            swap.version or swap.report_key,
            swap=swap.id,
            old=swap.old,
            by=swap.by,
            reason=swap.reason,
            order=swap.order,
            **self._figures,
        )
        self.journal.clear()
        self.swap, self._figures = None, {}
        stamp = self.board.current
        if stamp is not None:
            self.board.end_trial()
            for version in self.board.loaded():
                if version != stamp.version:
                    self.sessions.retire(version)
        if swap.state == KEPT:
            sweep(self.store, self.keep_versions)
