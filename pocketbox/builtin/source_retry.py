"""Whether and when a lost video source is opened again; data_source_parser decides, video_demuxer asks."""
from __future__ import annotations

import time
from typing import Callable

RETRY = "source_context"    # key in the stream's meta
FOR_EVER = -1
STEADY_SECONDS = 60.0       # a source that was there for so long may be lost as often again


class Retry:
    """The answers for one stream. `find_url` asks the parser anew, since a source may move; it raises MediaError."""

    STOP, GIVE_UP, AGAIN = "stop", "give up", "again"

    def __init__(self, find_url: Callable[[], str], enabled: bool, interval_ms: int, limit: int, is_file: bool) -> None:
        self.find_url = find_url
        self.enabled = enabled
        self.interval = max(0, interval_ms) / 1000.0
        self.limit = limit
        self.is_file = is_file
        self.count = 0
        self._since: float | None = None

    def opened(self) -> None:
        """The source is there."""
        self._since = time.monotonic()

    def after_loss(self, ended: bool) -> str:
        """What to do now; `ended` tells that the video came to its end, rather than broke."""
        if self._since is not None and time.monotonic() - self._since >= STEADY_SECONDS:
            self.count = 0
        self._since = None
        self.count += 1
        if ended and self.is_file:
            return self.STOP
        if self.enabled and (self.limit == FOR_EVER or self.count <= self.limit):
            return self.AGAIN
        return self.GIVE_UP
