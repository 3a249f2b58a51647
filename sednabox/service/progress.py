"""Whether a running graph gets on: the watchdog's question.

A graph without work is healthy: a camera may be away for days. One in which frames wait in front of a node while no
node has done anything for a while hangs; then systemd is told nothing more, and starts the service anew.
"""
from __future__ import annotations

import time
from typing import Any, Callable, Mapping, Sequence


class Progress:
    """Look at the engine's figures now and then; `healthy` is the verdict."""

    def __init__(self, stall_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.stall_seconds = stall_seconds
        self._clock = clock
        self._seen: tuple[Any, ...] = ()
        self._at = clock()

    def look(self, stats: Sequence[Mapping[str, Any]]) -> None:
        seen = tuple((node["processed"], node.get("failures", 0)) for node in stats)
        waiting = any(node.get("queue") or (node.get("running") and node.get("ports")) for node in stats)
        if seen != self._seen or not waiting:
            self._seen = seen
            self._at = self._clock()

    def seconds(self) -> float:
        """Since the graph last got on, or had nothing to do."""
        return self._clock() - self._at

    def healthy(self) -> bool:
        return self.seconds() < self.stall_seconds
