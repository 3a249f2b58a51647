"""How long calls and frames take, as histograms that cost two additions for each call."""
from __future__ import annotations

import bisect
import threading
import time
from typing import Any, Callable

CALL_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
LATENCY_BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0, 30.0)
OLDEST = 3600.0     # a frame's time that is further away is a clock that jumped, or a recording


class Histogram:
    """Counts below bounds, and the sum."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.sum = 0.0
        self._counts = [0] * (len(bounds) + 1)
        self._lock = threading.Lock()

    def add(self, value: float) -> None:
        with self._lock:
            self._counts[bisect.bisect_left(self.bounds, value)] += 1
            self.sum += value

    def cumulative(self) -> tuple[list[tuple[str, float]], float]:
        """Prometheus' buckets, and the sum."""
        with self._lock:
            counts, total = list(self._counts), self.sum
        found, running = [], 0
        for bound, count in zip((*map(str, self.bounds), "+Inf"), counts):
            running += count
            found.append((bound, float(running)))
        return found, total


class Timing:
    """Hangs itself into an engine: the time of each node's calls, and how old frames are when they leave the graph."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.calls: dict[str, Histogram] = {}
        self.latency = Histogram(LATENCY_BOUNDS)

    def watch(self, engine: Any) -> None:
        """Call it once, with the engine that runs."""
        before = engine.on_run
        for node in engine.nodes.values():
            self.calls.setdefault(node.name, Histogram(CALL_BOUNDS))
            if not any(getattr(node, "targets", ())):
                self._watch_end(node)

        def on_run(node: Any, began: float, seconds: float, entries: int) -> None:
            if entries:
                self.calls[node.name].add(seconds)
            if before is not None:
                before(node, began, seconds, entries)
        engine.on_run = on_run

    def _watch_end(self, node: Any) -> None:
        run = node.run

        def timed(job: Any) -> None:
            taken = [at for at in map(_taken, job.entries) if at is not None]
            run(job)
            now = self._clock()
            for at in taken:
                if 0 <= now - at < OLDEST:
                    self.latency.add(now - at)
        node.run = timed


def _taken(entry: Any) -> float | None:
    """When the frame of an entry was taken, if that is known."""
    buffer = entry[0] if isinstance(entry, tuple) and entry else entry
    try:
        at = buffer.get("wall_time")
    except Exception:
        return None
    return float(at) if isinstance(at, (int, float)) else None
