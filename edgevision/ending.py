"""When a batch graph is over: after the last stream has ended at every sink that has something to finish.

ModelBox runs until a unit returns STOP, and STOP ends everything at once: a sink that returned it alone would cut off
its neighbour's last frames. So the sinks of a graph agree here, and the last one to finish says stop.
"""
from __future__ import annotations

import threading
from typing import Any

_lock = threading.Lock()
_newest: list[Sink] = []


class Sink:
    """One sink's part. Sinks that open before the first stream begins at any of them belong together."""

    def __init__(self) -> None:
        global _newest
        self._ended = 0
        self._expected = 1
        self._began = False
        with _lock:
            if any(sink._began for sink in _newest):
                _newest = []
            _newest.append(self)
            self._group = _newest

    def began(self, streams: int = 1) -> None:
        """A stream begins; `streams` is how many there will be, as its source says."""
        with _lock:
            self._began = True
            self._expected = max(self._expected, streams)

    def ended(self) -> bool:
        """A stream has ended here: whether everything has ended now, everywhere."""
        with _lock:
            self._ended += 1
            return all(sink._ended >= sink._expected for sink in self._group)

    def leave(self) -> None:
        with _lock:
            if self in self._group:
                self._group.remove(self)


def stream_count(ctx: Any, port: str) -> int:
    """How many streams the source says there will be, in the meta of a unit's input; 1 when it does not."""
    try:
        return max(1, ctx.get_input_meta(port).get_private_int("stream_count"))
    except (AttributeError, RuntimeError, ValueError):
        return 1
