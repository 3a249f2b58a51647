"""When to try again: back-off with jitter, Retry-After, and a breaker that lets one example probe a target."""

from __future__ import annotations

import random
import threading
import time
from typing import Callable

FIRST = 1.0
LONGEST = 300.0
LONGEST_ASKED = 86400.0
FAILURES = 3


class Circuit:
    """Remembers how a target fared.

    Each failure in a row doubles the pause, of which half is left to chance, so that a thousand boxes do not come
    back at once. A target that names a time is not asked before it. After three failures the circuit is open: when
    the pause is over a single example probes, and only its success lets the others go.
    """

    def __init__(
        self,
        first: float = FIRST,
        longest: float = LONGEST,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._first = first
        self._longest = longest
        self._clock = clock
        self._chance = chance
        self._failures = 0
        self._until = 0.0
        self._lock = threading.Lock()

    @property
    def state(self) -> str:
        """`closed` all is well, `waiting` after a failure, `open` after many, `probing` when one may try."""
        if not self._failures:
            return "closed"
        if self._failures < FAILURES:
            return "waiting" if self.pause() else "closed"
        return "open" if self.pause() else "probing"

    def pause(self) -> float:
        """Seconds until the next try."""
        return max(0.0, self._until - self._clock()) if self._failures else 0.0

    def tries(self, wanted: int) -> int:
        """How many examples may try now."""
        if self.pause():
            return 0
        return 1 if self._failures else wanted

    def failed(self, retry_after: float | None = None) -> float:
        """Notes a failure; returns the pause."""
        with self._lock:
            self._failures += 1
            most = min(self._longest, self._first * 2 ** min(self._failures - 1, 30))
            pause = self._chance(most / 2, most)
            if retry_after is not None:
                pause = max(pause, min(retry_after, LONGEST_ASKED))
            self._until = self._clock() + pause
            return pause

    def succeeded(self) -> None:
        with self._lock:
            self._failures = 0

    def try_now(self) -> None:
        """Somebody asked for it: the pause is over."""
        with self._lock:
            self._until = 0.0
