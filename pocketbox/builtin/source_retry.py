"""Whether and when a lost video source is opened again; data_source_parser decides, video_demuxer asks."""
from __future__ import annotations

from typing import Callable

RETRY = "source_context"    # key in the stream's meta
FOR_EVER = -1


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

    def succeeded(self) -> None:
        """A packet was read: the next loss starts counting anew."""
        self.count = 0

    def after_loss(self, ended: bool) -> str:
        """What to do now; `ended` tells that the video came to its end, rather than broke."""
        self.count += 1
        if ended and self.is_file:
            return self.STOP
        if self.enabled and (self.limit == FOR_EVER or self.count <= self.limit):
            return self.AGAIN
        return self.GIVE_UP
