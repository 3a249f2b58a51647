"""How many calls can be at work at once here."""
from __future__ import annotations

import os

_QUOTA = "/sys/fs/cgroup/cpu.max"   # of the control group: "max 100000", or microseconds in a period


def usable_cores(quota_file: str = _QUOTA) -> int:
    """Cores that this process may use: its affinity, or what a container's quota leaves of it."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        with open(quota_file, encoding="ascii") as file:
            quota, period = file.read().split()
        return max(1, min(cores, -(-int(quota) // int(period))))
    except (OSError, ValueError):
        return cores
