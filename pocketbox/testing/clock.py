"""A clock that a test turns by hand."""
from __future__ import annotations

import time
from typing import Any

NAMES = ("time", "monotonic", "perf_counter", "sleep", "time_ns", "monotonic_ns", "perf_counter_ns")


class FakeClock:
    """While it is in use, `time.time`, `time.monotonic` and `time.perf_counter` stand still; `time.sleep` moves them.

        with FakeClock() as clock:
            unit.process(...)
            clock.advance(60)

    Waiting for locks and sockets goes by the real clock. Code that did `from time import monotonic` before keeps that.
    """

    def __init__(self, start: float = 1700000000.0) -> None:
        self.now = start
        self._saved: dict[str, Any] = {}

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        if seconds < 0:
            raise ValueError("time does not go back: %g" % seconds)
        self.now += seconds

    def __enter__(self) -> FakeClock:
        if self._saved:
            raise RuntimeError("this clock is already in use")
        self._saved = {name: getattr(time, name) for name in NAMES}
        for name in ("time", "monotonic", "perf_counter"):
            setattr(time, name, lambda: self.now)
            setattr(time, name + "_ns", lambda: int(self.now * 1000000000))
        setattr(time, "sleep", self.advance)  # noqa: B010
        return self

    def __exit__(self, *_: Any) -> None:
        for name, value in self._saved.items():
            setattr(time, name, value)
        self._saved = {}
