"""Between the swap machine and the frames: which version must judge the next frame, and the sessions that judge.

The frame path only stamps (a short lock, no disk, no network) and judges. A switch falls between two stamps. An old
session is let go when the last frame that was stamped with it is through; a frame whose session is gone after all is
judged by the active one and counted, never lost.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Callable, NamedTuple, Sequence

from .errors import ModelError
from .judging import broken_numbers
from .probation import Tally
from .runtime import Detections


class Stamp(NamedTuple):
    """Put on a frame: the version that must judge it, and the serial of the switch, which only grows."""

    version: str
    serial: int


@dataclass
class Counts:
    """Frames since the board was made."""

    stamped: int = 0
    through: int = 0
    late: int = 0
    errors: int = 0
    rescued: int = 0
    held_seconds: float = 0.0


class Switchboard:
    """One per pipeline; shared by the unit that stamps and the unit that judges."""

    def __init__(self, hold_limit: float = 120.0, pair_every: int = 5) -> None:
        self.counts = Counts()
        self.hold_limit = hold_limit
        self.pair_every = pair_every
        self.max_boxes = 300
        self.pairs: deque[tuple[Any, Detections]] = deque(maxlen=4)
        self.keep_frame: Callable[[Any], Any] = lambda frame: frame
        self._guard = threading.Condition()
        self._stamp: Stamp | None = None
        self._sessions: dict[str, Any] = {}
        self._tallies: dict[str, Tally] = {}
        self._in_flight: dict[str, int] = {}
        self._in_use: dict[str, int] = {}
        self._trial: tuple[str, str] | None = None
        self._held = False
        self._closed = False
        self._moved = time.monotonic()

    # -- the frame path ------------------------------------------------------------------------------------------------
    def stamp(self) -> Stamp:
        """The version that must judge the next frame. Waits only while a swap of policy `memory` holds the line."""
        with self._guard:
            if self._held:
                began = time.monotonic()
                self._guard.wait_for(lambda: not self._held or self._closed, self.hold_limit)
                self.counts.held_seconds += time.monotonic() - began
            if self._closed:
                raise ModelError("the line is closed: its swap machine has stopped, and no model is loaded any more.")
            if self._stamp is None:
                raise ModelError("no model is active yet; start the swap machine before frames come.")
            stamp = self._stamp
            self._in_flight[stamp.version] = self._in_flight.get(stamp.version, 0) + 1
            self.counts.stamped += 1
            return stamp

    def judge(
        self, version: str, frames: Sequence[Any], call: Callable[[Any, Sequence[Any]], Sequence[Detections]]
    ) -> tuple[Sequence[Detections], str]:
        """Judge stamped frames by `call(session, frames)`: (detections of each, version that judged).

        While a version is on trial and the old one still in memory, frames that the new one fails on are judged by
        the old.
        """
        judged_by, session = self._enter(version)
        tally = self._tallies[judged_by]
        try:
            began = time.perf_counter()
            try:
                found = call(session, frames)
                self._refuse_broken(judged_by, found)
            except Exception as error:
                return self._rescue(judged_by, frames, call, error)
            seconds = (time.perf_counter() - began) / max(1, len(frames))
            for detections in found:
                tally.saw(seconds, detections)
            self._offer_pair(judged_by, frames, found)
            return found, judged_by
        finally:
            self._leave(version, judged_by, len(frames))

    def dropped(self, version: str, frames: int = 1) -> None:
        """Stamped frames that will never be judged: some unit in between has dropped them."""
        with self._guard:
            self._count_through(version, frames)

    def session(self, version: str) -> Any:
        """The session of a version, for looks at its input size and classes; None when it is not loaded."""
        with self._guard:
            return self._sessions.get(version)

    def _enter(self, version: str) -> tuple[str, Any]:
        with self._guard:
            if version not in self._sessions:
                self._guard.wait_for(lambda: self._ready() or self._closed, self.hold_limit)
                if self._stamp is None or not self._ready():
                    raise ModelError("no model is loaded; the log of the store says why (`sednabox model log`).")
                self.counts.late += 1
                judged_by = self._stamp.version
            else:
                judged_by = version
            self._in_use[judged_by] = self._in_use.get(judged_by, 0) + 1
            return judged_by, self._sessions[judged_by]

    def _ready(self) -> bool:
        return self._stamp is not None and self._stamp.version in self._sessions

    def _leave(self, version: str, judged_by: str, frames: int) -> None:
        with self._guard:
            self._in_use[judged_by] -= 1
            self._count_through(version, frames)

    def _count_through(self, version: str, frames: int) -> None:
        self._in_flight[version] = max(0, self._in_flight.get(version, 0) - frames)
        self.counts.through += frames
        self._moved = time.monotonic()
        self._guard.notify_all()

    def _rescue(
        self,
        failed: str,
        frames: Sequence[Any],
        call: Callable[[Any, Sequence[Any]], Sequence[Detections]],
        error: Exception,
    ) -> tuple[Sequence[Detections], str]:
        for _ in frames:
            self._tallies[failed].failed("%s: %s" % (type(error).__name__, error))
        with self._guard:
            self.counts.errors += len(frames)
            rescuer = self._rescuer(failed)
            session = self._sessions.get(rescuer)
            if session is None:
                raise error
            self._in_use[rescuer] = self._in_use.get(rescuer, 0) + 1
        try:
            found = call(session, frames)
        finally:
            with self._guard:
                self._in_use[rescuer] -= 1
                self._guard.notify_all()
        self.counts.rescued += len(frames)
        return found, rescuer

    def _rescuer(self, failed: str) -> str:
        """Who judges what a version failed on: the old one while it is on trial, the active one after it was undone."""
        if self._trial and self._trial[0] == failed:
            return self._trial[1]
        return self._stamp.version if self._stamp is not None and self._stamp.version != failed else ""

    def _refuse_broken(self, judged_by: str, found: Sequence[Detections]) -> None:
        """On trial, and of a version that was undone, every number is looked at; a proven model is believed."""
        trial, stamp = self._trial, self._stamp
        if (trial and trial[0] == judged_by) or (stamp is not None and stamp.version != judged_by):
            for detections in found:
                why = broken_numbers(detections, self.max_boxes)
                if why:
                    raise ModelError(why)

    def _offer_pair(self, judged_by: str, frames: Sequence[Any], found: Sequence[Detections]) -> None:
        trial = self._trial
        if not trial or trial[0] != judged_by or self._tallies[judged_by].frames % self.pair_every >= len(frames):
            return
        if len(self.pairs) < (self.pairs.maxlen or 0) and len(frames) and len(found):
            self.pairs.append((self.keep_frame(frames[-1]), [list(map(float, box)) for box in found[-1]]))

    # -- the side of the swap machine ----------------------------------------------------------------------------------
    @property
    def holding(self) -> bool:
        """Whether frames wait for a swap of policy `memory`."""
        return self._held

    @property
    def current(self) -> Stamp | None:
        return self._stamp

    def loaded(self) -> list[str]:
        with self._guard:
            return sorted(self._sessions)

    def tally(self, version: str) -> Tally:
        return self._tallies[version]

    def put(self, version: str, session: Any) -> None:
        """A session is ready; no frame is stamped with it yet."""
        with self._guard:
            self._sessions[version] = session
            self._tallies[version] = Tally()
            self._guard.notify_all()

    def switch(self, version: str, serial: int, old_on_trial: str = "") -> int:
        """From the next stamp on, this version judges. The serial (returned) only grows, also
        when the version goes back."""
        with self._guard:
            if version not in self._sessions:
                raise ModelError("%s is not loaded; load it before the switch." % version)
            if self._stamp is not None:
                serial = max(serial, self._stamp.serial + 1)
            self._stamp = Stamp(version, serial)
            self._tallies[version] = Tally()
            self._trial = (version, old_on_trial) if old_on_trial else None
            self._held = False
            self._guard.notify_all()
        self.pairs.clear()
        return serial

    def end_trial(self) -> None:
        """The version that judges has proven itself."""
        with self._guard:
            self._trial = None
        self.pairs.clear()

    def hold(self) -> None:
        """No frame is stamped until `switch` or `resume`: frames wait in the queues before the line."""
        with self._guard:
            self._held = True

    def resume(self) -> None:
        with self._guard:
            self._held = False
            self._guard.notify_all()

    def close(self) -> None:
        """No more stamps; who waits is woken with an error. Sessions may be taken off."""
        with self._guard:
            self._closed = self._held = True
            self._guard.notify_all()

    def _drained(self, version: str) -> bool:
        """Whether no frame of this version is between stamp and judge."""
        return not self._in_flight.get(version) and not self._in_use.get(version)

    def wait_drained(self, version: str, timeout: float, quiet: float | None = None) -> bool:
        """Wait for the last frame of a version. False after `timeout`, and when for `quiet` seconds no frame came
        through and none is being judged: then the rest was dropped on the way."""
        with self._guard:
            began = time.monotonic()
            while not self._drained(version):
                end = began + timeout
                if quiet is not None and not self._in_use.get(version):
                    end = min(end, max(began, self._moved) + quiet)
                left = end - time.monotonic()
                if left <= 0:
                    return False
                self._guard.wait(left)
            return True

    def take_off(self, version: str, force: bool = False) -> Any:
        """Remove a session that no frame needs, to release it; None when frames still need it, or it is not there.

        `force` gives up on frames that were lost on the way, but never takes a session that is judging right now.
        """
        with self._guard:
            active = self._stamp is not None and self._stamp.version == version and not self._held
            if version not in self._sessions or active or self._in_use.get(version):
                return None
            if not force and not self._drained(version):
                return None
            self._in_flight.pop(version, None)
            self._in_use.pop(version, None)
            self._tallies.pop(version, None)
            return self._sessions.pop(version)


_published: dict[str, Switchboard] = {}


def publish(board: Switchboard, name: str = "default") -> None:
    """Let the units of this process find the board by its name."""
    _published[name] = board


def withdraw(name: str = "default") -> None:
    """Forget a published board."""
    _published.pop(name, None)


def published(name: str = "default") -> Switchboard:
    """The board of that name; raises ModelError naming those there are."""
    try:
        return _published[name]
    except KeyError:
        raise ModelError(
            "no model_hot_swap unit named %r runs in this process (there are: %s); "
            "put one into the graph before the detector." % (name, ", ".join(sorted(_published)) or "none")
        ) from None
