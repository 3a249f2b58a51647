"""Files that others write in place: believed only when they have held still."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Callable, Tuple

Mark = Tuple[int, int, int]


def mark_of(path: Path) -> Mark | None:
    """Inode, size and time of a plain file; None when there is none."""
    try:
        found = os.stat(str(path))
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns)


class Stillness:
    """Says for how long a value has been the same, between one look and the next."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._value: object = None
        self._since = 0.0

    def seconds(self, value: object) -> float:
        """0 at the first look at a new value, then the seconds since that look."""
        now = self._clock()
        if value != self._value:
            self._value, self._since = value, now
        return now - self._since
