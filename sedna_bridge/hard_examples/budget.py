"""How many hard examples may leave: budgets per minute, hour and day, and quotas per reason.

Time is the time that passes, not the time of day, so that a clock that jumps neither opens nor closes a budget.
"""

from __future__ import annotations

import re
import time
from typing import Any, Callable, Mapping, Sequence

from sedna_bridge.errors import HardExampleError

SPANS = {"minute": 60.0, "hour": 3600.0, "day": 86400.0}
SLOTS = 60


class Allowance:
    """At most `limit` in any stretch of `seconds`. Counts in sixty slots: constant memory, never one too many."""

    def __init__(self, limit: int, span: str) -> None:
        self.limit = limit
        self.span = span
        self._slot = SPANS[span] / SLOTS
        self._counts: dict[int, int] = {}

    def open(self, now: float) -> bool:
        """Whether one more may leave now."""
        current = int(now // self._slot)
        for old in [slot for slot in self._counts if slot < current - SLOTS]:
            del self._counts[old]
        return sum(self._counts.values()) < self.limit

    def spend(self, now: float) -> None:
        slot = int(now // self._slot)
        self._counts[slot] = self._counts.get(slot, 0) + 1

    def __str__(self) -> str:
        return "%d/%s" % (self.limit, self.span)


class Budget:
    """All allowances of one filter."""

    def __init__(
        self,
        total: Sequence[Allowance] = (),
        quotas: Mapping[str, Sequence[Allowance]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total = list(total)
        self._quotas = {reason: list(allowances) for reason, allowances in (quotas or {}).items()}
        self._clock = clock

    @classmethod
    def from_attributes(cls, attributes: Mapping[str, Any], clock: Callable[[], float] = time.monotonic) -> Budget:
        """Reads budget_per_minute, budget_per_hour, budget_per_day (0 or none: no limit) and `quota`, such as
        `flicker=10/minute, IBT=100/hour`."""
        total = []
        for span in SPANS:
            given = attributes.get("budget_per_" + span)
            if given in (None, ""):
                continue
            limit = _whole("budget_per_" + span, given)
            if limit:
                total.append(Allowance(limit, span))
        return cls(total, read_quota(str(attributes.get("quota") or "")), clock)

    def spend(self, reasons: Sequence[str]) -> str | None:
        """Spends one, or says which budget withholds it.

        A frame goes if at least one of its reasons has quota left, and spends only on those.
        """
        now = self._clock()
        for allowance in self._total:
            if not allowance.open(now):
                return "budget %s" % allowance
        going: list[str] = []
        closed = ""
        for reason in reasons:
            shut = [a for a in self._quotas.get(reason, ()) if not a.open(now)]
            if shut:
                closed = "quota %s %s" % (reason, shut[0])
            else:
                going.append(reason)
        if closed and not going:
            return closed
        for allowance in self._total + [a for reason in going for a in self._quotas.get(reason, ())]:
            allowance.spend(now)
        return None


def read_quota(text: str) -> dict[str, list[Allowance]]:
    """`flicker=10/minute, IBT=100/hour, IBT=500/day` as allowances by reason."""
    quotas: dict[str, list[Allowance]] = {}
    for part in filter(None, (piece.strip() for piece in re.split("[,;]", text))):
        match = re.match(r"^(\w+)\s*[= ]\s*(\d+)\s*/\s*(minute|hour|day)$", part)
        if not match:
            raise HardExampleError("quota must read like 'flicker=10/minute, IBT=100/hour', not %r" % part)
        reason, limit, span = match.groups()
        quotas.setdefault(reason, []).append(Allowance(int(limit), span))
    return quotas


def _whole(name: str, given: Any) -> int:
    try:
        limit = int(str(given))
    except ValueError:
        limit = -1
    if limit < 0:
        raise HardExampleError("%s must be a whole number of frames, 0 for no limit, not %r" % (name, given))
    return limit
