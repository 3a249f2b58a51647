"""Puts the frames of each camera back into order before a filter that remembers frames sees them.

An engine calls a condition unit from several threads at once and only puts its results into order. Two neighbours may
so overtake each other by a hair, and a thing would be "lost" and "back" that was there all the time.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import Iterator

RESTART = 64


class _Line:
    """The frames of one camera: the next index that is due, who waits, and how long one waits for a frame that may
    have been dropped on the way."""

    def __init__(self, patience: float) -> None:
        self.due = 0
        self.waiting: list[int] = []
        self.patience = patience


class Turnstile:
    """One frame of all at a time; those of a camera by their index.

    A frame waits while the one before it has not been here, but not for ever: it may have been dropped. Each gap that
    was real halves the patience of its camera, down to `shortest`; each frame that came too late doubles it. So whole
    streams are in order, and sampled ones lose little time.

    >>> turnstile = Turnstile()
    >>> with turnstile.turn("gate", 0):
    ...     pass
    """

    def __init__(self, longest: float = 0.5, shortest: float = 0.004) -> None:
        self.longest = longest
        self.shortest = shortest
        self._guard = threading.Condition()
        self._lines: dict[str, _Line] = {}

    @contextmanager
    def turn(self, camera: str, index: int) -> Iterator[None]:
        """The turn of one frame: nobody else has one at the same time."""
        with self._guard:
            line = self._lines.setdefault(camera, _Line(self.longest))
            if index > line.due:
                self._wait(line, index)
            elif index < line.due and 0 < index > line.due - RESTART:
                line.patience = min(self.longest, line.patience * 2)
            try:
                yield
            finally:
                restarted = index == 0 or index <= line.due - RESTART
                line.due = index + 1 if restarted else max(line.due, index + 1)
                self._guard.notify_all()

    def _wait(self, line: _Line, index: int) -> None:
        deadline = time.monotonic() + line.patience
        line.waiting.append(index)
        try:
            while index > line.due:
                left = deadline - time.monotonic()
                if left <= 0 and index == min(line.waiting):
                    line.patience = max(self.shortest, line.patience / 2)
                    return
                self._guard.wait(max(left, self.shortest))
        finally:
            line.waiting.remove(index)
