"""Transfer windows: the times of day at which examples may leave."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from sedna_bridge.errors import StorageError

MINUTES_OF_DAY = 24 * 60


class TransferWindows:
    """`22:00-06:00, 12:30-13:00` in local time; without any, it is always open. The end belongs to no window."""

    def __init__(self, text: str = "") -> None:
        self.text = text.strip()
        self._windows = [self._read(part.strip()) for part in self.text.split(",") if part.strip()]

    def is_open(self, now: datetime | None = None) -> bool:
        return self.seconds_until_open(now) == 0

    def seconds_until_open(self, now: datetime | None = None) -> float:
        """0 while a window is open."""
        now = now or datetime.now()
        minute = now.hour * 60 + now.minute
        waits = []
        for begin, end in self._windows:
            inside = begin <= minute < end if begin < end else (minute >= begin or minute < end)
            if inside:
                return 0.0
            opens = now.replace(hour=begin // 60, minute=begin % 60, second=0, microsecond=0)
            waits.append((opens - now if opens > now else opens + timedelta(days=1) - now).total_seconds())
        return min(waits) if waits else 0.0

    def _read(self, part: str) -> tuple[int, int]:
        match = re.match(r"^([01]?\d|2[0-4]):([0-5]\d)\s*-\s*([01]?\d|2[0-4]):([0-5]\d)$", part)
        if not match:
            raise StorageError("a transfer window must read like '22:00-06:00', not %r" % part)
        hour, minute, to_hour, to_minute = map(int, match.groups())
        begin, end = hour * 60 + minute, to_hour * 60 + to_minute
        if begin >= MINUTES_OF_DAY or end > MINUTES_OF_DAY or begin == end:
            raise StorageError("a transfer window must begin before 24:00 and not end where it begins: %r" % part)
        return begin, end
