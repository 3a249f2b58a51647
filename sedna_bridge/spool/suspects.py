"""Which examples may themselves be the reason why their delivery fails.

A target that is away fails every example; an example that upsets the target fails alone, and in a queue that begins
with it nothing would ever move. So the example that failed last is not the one that probes next, and one that fails
again after others went through waits longer each time.
"""

from __future__ import annotations

import time
from typing import Callable

FIRST_WAIT = 10.0
LONGEST_WAIT = 3600.0


class Suspects:
    """Remembers failures of examples by their number."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._successes = 0
        self._failures: dict[int, tuple[int, int]] = {}
        self._until: dict[int, float] = {}
        self._last = 0

    def failed(self, seq: int) -> None:
        times, successes = self._failures.get(seq, (0, self._successes))
        if successes < self._successes:
            times += 1
            self._until[seq] = self._clock() + min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(times - 1, 10))
        self._failures[seq] = (times, self._successes)
        self._last = seq

    def succeeded(self, seq: int) -> None:
        self._successes += 1
        self._failures.pop(seq, None)
        self._until.pop(seq, None)
        if self._last == seq:
            self._last = 0
        # Those that failed only while nothing went through were never suspects.
        if len(self._failures) > 1000:
            self._failures = {one: record for one, record in self._failures.items() if record[0]}

    def skip(self) -> set[int]:
        """The examples that should not be tried now."""
        now = self._clock()
        self._until = {seq: until for seq, until in self._until.items() if until > now}
        skipped = set(self._until)
        if self._last:
            skipped.add(self._last)
            self._last = 0
        return skipped
