"""Work beside the frame path: a bounded queue and one thread, so that frames never wait for the network.

When the queue is full the oldest item goes, counted as "full". An item that fails is tried again with growing pauses,
at most `tries` times, then counted as "undelivered".
"""
from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any, Callable

from edgevision.errors import VisionError
from edgevision.retry import Retry
from edgevision.tally import DROPS
from edgevision.url import redact


class Beside:
    """Does `work(item)` for every item that is put, in order, in a thread of its own."""

    def __init__(self, name: str, work: Callable[[Any], None], room: int = 256, tries: int = 5,
                 first: float = 0.5, longest: float = 30.0, finish: Callable[[], None] | None = None) -> None:
        if room < 1:
            raise VisionError("%s: the queue needs room for at least 1, got %d" % (redact(name), room))
        self.name = redact(name)
        self.messages: deque[tuple[str, str]] = deque(maxlen=100)
        self._work, self._finish = work, finish
        self._room, self._tries = room, tries
        self._retry = Retry(first, longest)
        self._items: deque[Any] = deque()
        self._change = threading.Condition()
        self._busy = False
        self._closing = False
        self._deadline = 0.0
        self._thread = threading.Thread(target=self._run, name="to " + self.name, daemon=True)
        self._thread.start()

    def put(self, item: Any) -> None:
        with self._change:
            if len(self._items) >= self._room:
                self._items.popleft()
                self._dropped("full", "the queue of %d is full" % self._room)
            self._items.append(item)
            self._change.notify_all()

    def flush(self, seconds: float) -> bool:
        """Wait until everything that was put is done; False when time ran out."""
        with self._change:
            return self._change.wait_for(lambda: not self._items and not self._busy, seconds)

    def close(self, seconds: float = 5.0) -> None:
        """Finish what is queued, for at most so long; the rest is counted as "undelivered"."""
        with self._change:
            self._deadline = time.monotonic() + seconds
            self._closing = True
            self._change.notify_all()
        self._thread.join(seconds + 1.0)
        with self._change:
            if self._items:
                self._dropped("undelivered", "it was closed", len(self._items))
                self._items.clear()

    def _run(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._items or self._closing)
                if not self._items or (self._closing and time.monotonic() > self._deadline):
                    break
                item = self._items.popleft()
                self._busy = True
            try:
                self._deliver(item)
            finally:
                with self._change:
                    self._busy = False
                    self._change.notify_all()
        if self._finish is not None:
            try:
                self._finish()
            except Exception as error:
                self._say("warn", "cannot be finished: %s" % error)

    def _deliver(self, item: Any) -> None:
        for attempt in range(1, self._tries + 1):
            try:
                self._work(item)
            except Exception as error:  # libraries raise what they like, and the thread must live on
                pause = self._retry.failed()
                failures = self._retry.failures
                if failures & (failures - 1) == 0:
                    self._say("warn", "failure %d in a row: %s" % (failures, error))
                if attempt < self._tries and self._rest(pause):
                    continue
                self._dropped("undelivered", str(error))
                return
            if self._retry.failures:
                self._say("info", "works again after %d failures" % self._retry.failures)
                self._retry.succeeded()
            return

    def _rest(self, seconds: float) -> bool:
        """Wait before the next try; False when there is no time left for it."""
        with self._change:
            self._change.wait_for(lambda: self._closing, seconds)
            if not self._closing:
                return True
            left = self._deadline - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(seconds, left))
        return True

    def _dropped(self, why: str, text: str, much: int = 1) -> None:
        total = DROPS.count(self.name, why, much)
        if total & (total - 1) == 0:
            self._say("warn", "%d dropped so far (%s): %s" % (total, why, text))

    def _say(self, level: str, text: str) -> None:
        self.messages.append((level, "%s: %s" % (self.name, redact(text))))
