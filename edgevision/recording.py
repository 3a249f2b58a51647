"""A recording of one stream: a video file, or a stream to an rtsp server that is kept up beside the frames."""
from __future__ import annotations

import os
import re
import time
from collections import deque
from fractions import Fraction
from typing import Any

from edgevision.beside import Beside
from edgevision.encode import Writer
from edgevision.errors import MediaError
from edgevision.frame import Frame
from edgevision.retry import Retry
from edgevision.tally import DROPS

_ROOM = 8  # frames that wait for an rtsp server


class Recording:
    """Frames in, a video out. A file is written in the caller's thread, so that no frame is missing from it; a network
    target in a thread of its own, which drops frames (counted) rather than hold up the graph, and connects again."""

    def __init__(self, target: str, rate: Fraction = Fraction(25), codec: str = "", crf: int = 23,
                 timeout: float = 10.0) -> None:
        self.target = target
        self._writing: dict[str, Any] = {"rate": rate, "codec": codec or None, "crf": crf, "timeout": timeout}
        self._writer: Writer | None = None
        self._retry = Retry(1.0, 30.0)
        self._not_before = 0.0
        live = target.lower().startswith(("rtsp://", "rtsps://"))
        self._beside = Beside(target, self._send, _ROOM, tries=1, finish=self._hang_up) if live else None
        self.frames = 0

    @property
    def messages(self) -> deque[tuple[str, str]]:
        return self._beside.messages if self._beside is not None else deque()

    def write(self, frame: Frame, timestamp: int | None = None) -> None:
        if self._beside is not None and time.monotonic() < self._not_before:
            DROPS.count(self._beside.name, "disconnected")
        elif self._beside is not None:
            self._beside.put((frame, timestamp))
        else:
            self._write(frame, timestamp)
        self.frames += 1

    def _write(self, frame: Frame, timestamp: int | None) -> None:
        if self._writer is None:
            self._writer = Writer(self.target, **self._writing)
        self._writer.write(frame, timestamp)

    def _send(self, item: tuple[Frame, int | None]) -> None:
        try:
            self._write(*item)
        except MediaError:
            self._not_before = time.monotonic() + self._retry.failed()
            self._hang_up()
            raise
        self._retry.succeeded()

    def _hang_up(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            try:
                writer.close()
            except MediaError:  # the server went away first, and that has been told
                pass

    def close(self) -> None:
        """Finish the video; MediaError when a file cannot be finished."""
        if self._beside is not None:
            self._beside.close()
            return
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()


def file_name(pattern: str, camera: str, number: int, used: set[str]) -> str:
    """The target for a stream: {camera} and {stream} filled in, and never one that another stream writes already.

    >>> file_name("out/{camera}.mp4", "10.0.0.7:554/ch 1", 0, set())
    'out/10.0.0.7_554_ch_1.mp4'
    """
    safe = re.sub(r"[^\w.-]+", "_", camera).strip("_") or "camera"
    name = pattern.replace("{camera}", safe).replace("{stream}", str(number))
    stem, extension = os.path.splitext(name)
    count = 2
    while name in used:
        name = "%s-%d%s" % (stem, count, extension)
        count += 1
    used.add(name)
    return name
