"""The spool's own clock, for the age of its entries.

The time of day jumps: a box without a battery starts in 1970 until it finds a time server. An entry must not be
thrown away as fifty years old because of that. So age is time that passed: counted by the kernel while the machine
is on, also between two processes of one boot, and taken from the time of day only across a boot and only if it is
plausible.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Mapping

LONGEST_OFF = 400 * 86400.0
_PASSING = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SpoolClock:
    """Seconds that have passed since the spool was made, as far as anybody can know."""

    def __init__(self, saved: Mapping[str, Any]) -> None:
        self._began = passed()
        self._base = float(saved.get("seconds", 0.0))
        if not saved:
            return
        if saved.get("boot") == boot():
            self._base += max(0.0, self._began - float(saved["passed"]))
        else:
            off = time.time() - float(saved["wall"])
            if 0 <= off <= LONGEST_OFF:
                self._base += off

    def now(self) -> float:
        return self._base + passed() - self._began

    def save(self) -> dict[str, Any]:
        """What the next process needs to go on."""
        return {"seconds": self.now(), "passed": passed(), "wall": time.time(), "boot": boot()}


def passed() -> float:
    """Seconds since the machine was switched on, asleep or awake."""
    return time.clock_gettime(_PASSING)


def boot() -> str:
    """A name for this boot of the machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
