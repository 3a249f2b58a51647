"""Who judges a frame that carries the name of a version: shared by all flowunits of a process.

A unit that swaps models installs a judge; the unit that detects asks for it when a frame's meta names a version. A
judge keeps a version's detector alive as long as a call is under way, so a swap never pulls a model from under a frame.
"""
from __future__ import annotations

import threading
from typing import Any, Callable, Sequence

from edgevision.errors import ModelError

Results = Sequence[Any]
Call = Callable[[Any, Sequence[Any]], Results]


class Judge:
    """What a judge can do. `sedna_bridge`'s switchboard has the same two methods and is one."""

    def session(self, version: str) -> Any:
        """The detector of a version, None when it does not know it."""
        raise NotImplementedError

    def judge(self, version: str, frames: Sequence[Any], call: Call) -> tuple[Results, str]:
        """`call(detector, frames)` with the detector of that version: its results, and the version that judged."""
        raise NotImplementedError


class Detectors(Judge):
    """Detectors by version, each let go when nobody uses it any more: the simplest judge.

    >>> detectors = Detectors()
    >>> detectors.put("1", "a detector")
    >>> detectors.judge("1", [7], lambda detector, frames: [detector])
    (['a detector'], '1')
    """

    def __init__(self, let_go: Callable[[Any], None] = lambda detector: None) -> None:
        self._guard = threading.Condition()
        self._detectors: dict[str, Any] = {}
        self._users: dict[str, int] = {}
        self._let_go = let_go

    def put(self, version: str, detector: Any) -> None:
        with self._guard:
            if version in self._detectors:
                raise ModelError("version %s: there is a detector of that version already; take it off first" % version)
            self._detectors[version] = detector

    def take_off(self, version: str, timeout: float = 10.0) -> bool:
        """No new frame gets this version; wait until the last call has returned, then let the detector go."""
        with self._guard:
            detector = self._detectors.pop(version, None)
            if detector is None:
                return False
            free = self._guard.wait_for(lambda: not self._users.get(version), timeout)
        if free:
            self._let_go(detector)
        return free

    def session(self, version: str) -> Any:
        with self._guard:
            return self._detectors.get(version)

    def acquire(self, version: str) -> Any:
        with self._guard:
            if version not in self._detectors:
                raise ModelError("version %s: no detector of that version is loaded; there is: %s" % (
                    version, ", ".join(sorted(self._detectors)) or "none"))
            self._users[version] = self._users.get(version, 0) + 1
            return self._detectors[version]

    def release(self, version: str) -> None:
        with self._guard:
            self._users[version] -= 1
            if not self._users[version]:
                del self._users[version]
            self._guard.notify_all()

    def judge(self, version: str, frames: Sequence[Any], call: Call) -> tuple[Results, str]:
        detector = self.acquire(version)
        try:
            return call(detector, frames), version
        finally:
            self.release(version)


_judges: list[Any] = []
_lock = threading.Lock()


def install(judge: Any) -> None:
    """Make a judge known to the detecting units of this process."""
    with _lock:
        if not any(other is judge for other in _judges):
            _judges.append(judge)


def remove(judge: Any) -> None:
    with _lock:
        _judges[:] = [other for other in _judges if other is not judge]


def judge_of(version: str) -> Any:
    """The judge that knows a version; else the one installed last, which may know what to do; None without any."""
    with _lock:
        judges = list(reversed(_judges))
    for judge in judges:
        if judge.session(version) is not None:
            return judge
    return judges[0] if judges else None
