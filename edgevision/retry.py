"""When to try again: pauses that double, half of each left to chance, so that cameras do not all come back at once."""
from __future__ import annotations

import random
from typing import Callable

from edgevision.errors import VisionError

DEGRADED_AFTER = 3  # failures in a row


class Retry:
    """Counts failures in a row. `degraded` says that it is more than a hiccup.

    >>> retry = Retry(1.0, 30.0, chance=lambda low, high: high)
    >>> [retry.failed() for _ in range(7)]
    [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    """

    def __init__(self, first: float = 1.0, longest: float = 30.0, limit: int = -1,
                 chance: Callable[[float, float], float] = random.uniform) -> None:
        if not 0 < first <= longest:
            raise VisionError("retry: expected 0 < first pause <= longest pause, got %g and %g" % (first, longest))
        self._first, self._longest, self._limit, self._chance = first, longest, limit, chance
        self.failures = 0

    def failed(self) -> float:
        """Note a failure; the pause in seconds before the next try."""
        self.failures += 1
        most = min(self._longest, self._first * 2 ** min(self.failures - 1, 30))
        return self._chance(most / 2, most)

    def succeeded(self) -> None:
        self.failures = 0

    @property
    def degraded(self) -> bool:
        return self.failures >= DEGRADED_AFTER

    @property
    def given_up(self) -> bool:
        return 0 <= self._limit < self.failures
