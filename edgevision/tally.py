"""Counts that everything in the process adds to: frames dropped, and why; reconnects; reports that could not be sent.

A drop without a reason is a bug, so there is one way to count: `count(where, what)`.
"""
from __future__ import annotations

import threading
from typing import Iterable, Tuple

Key = Tuple[str, str]


class Tally:
    """Counters by place (a camera, a target) and kind ("late", "stale", "sampled", "full" ...)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[Key, int] = {}

    def count(self, where: str, what: str, much: int = 1) -> int:
        with self._lock:
            total = self._counts[(where, what)] = self._counts.get((where, what), 0) + much
        return total

    def snapshot(self) -> dict[Key, int]:
        with self._lock:
            return dict(self._counts)

    def by_kind(self, kinds: Iterable[str] = ()) -> dict[str, int]:
        """Sums over all places; of some kinds, or of all."""
        wanted = set(kinds)
        sums: dict[str, int] = {}
        for (_, what), much in self.snapshot().items():
            if not wanted or what in wanted:
                sums[what] = sums.get(what, 0) + much
        return sums

    def clear(self) -> None:
        with self._lock:
            self._counts.clear()


DROPS = Tally()    # frames and reports that were dropped
EVENTS = Tally()   # what else is worth counting: reconnects, stalls, failures
