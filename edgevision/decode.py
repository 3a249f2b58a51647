"""Frames from files, folders of pictures, network streams and webcams, in the decoder's own pixel format.

Reading never hangs: opening and every read have a deadline. A reader that has started never raises for what a camera
or a damaged file does to it; the frames just end, and `end` says why. Names in messages carry no credentials.
"""
from __future__ import annotations

import os
import threading
from fractions import Fraction
from types import TracebackType
from typing import Any, Iterator

import cv2
import numpy as np

from edgevision import pyav_source
from edgevision.errors import MediaError
from edgevision.frame import Frame, plain_format
from edgevision.opencv_source import OpenCvSource
from edgevision.picture_source import PictureSource, read_picture
from edgevision.pyav_source import AvSource, frame_of
from edgevision.shot import End, Shot
from edgevision.url import kind_of, local_path, redact

__all__ = ["End", "Reader", "Shot", "convert", "frame_of", "read_picture"]


class Reader:
    """Iterate over it for Shots. `width`, `height`, `rate`, `duration` (ms, 0 when unknown) are known once open.

    `pix_fmt`: "native" gives what the decoder has (i420 or nv12 mostly, without a copy), or "bgr", "rgb", "i420",
    "nv12", "gray". `backend`: "av", "opencv", or None for the best that there is. `threads`: of the decoder; 1 leaves
    the other cores to the detector, 0 lets the decoder choose.

    >>> with Reader("site.mp4") as reader:                              # doctest: +SKIP
    ...     for shot in reader:
    ...         print(shot.index, shot.frame)
    ...     print(reader.end.reason)
    """

    def __init__(self, url: str, pix_fmt: str = "native", open_timeout: float = 10.0, read_timeout: float = 10.0,
                 threads: int = 1, options: dict[str, str] | None = None, backend: str | None = None) -> None:
        self.url = str(url)
        self.name = redact(self.url)
        self.pix_fmt = pix_fmt if pix_fmt == "native" else plain_format(pix_fmt)
        self.end: End | None = None
        self.damaged = 0
        self._using = threading.Lock()
        kind = kind_of(self.url)
        if backend not in (None, "av", "opencv"):
            raise MediaError("backend: expected av or opencv, got %r" % backend)
        if backend == "av" and pyav_source.av is None:
            raise MediaError("backend av: PyAV is not installed; install it (pip install av) or use opencv")
        if kind == "file" and not os.path.exists(local_path(self.url)):
            raise MediaError("%s: no such file" % self.name)
        if kind == "images":
            self._source: Any = PictureSource(self.url, self.name)
        elif backend == "opencv" or pyav_source.av is None:
            self._source = OpenCvSource(self.url, self.name, kind, open_timeout, read_timeout)
        else:
            self._source = AvSource(self.url, self.name, kind, open_timeout, read_timeout, threads, options or {})

    @property
    def width(self) -> int:
        return self._source.width

    @property
    def height(self) -> int:
        return self._source.height

    @property
    def rate(self) -> Fraction:
        """Frames per second as the source states it, 25 when it does not."""
        return self._source.rate

    @property
    def duration(self) -> int:
        return self._source.duration

    def __iter__(self) -> Iterator[Shot]:
        shots = self._source.shots()
        while True:
            with self._using:
                shot = next(shots, None) if self.end is None else None
                if shot is None:
                    self._finish()
                    return
            yield shot if self.pix_fmt == "native" else shot._replace(
                frame=convert(shot.frame, self.pix_fmt))

    def _finish(self) -> None:
        self.damaged = self._source.damaged
        if self.end is None:
            self.end = self._source.end
        self._source.close()

    def close(self) -> None:
        """End the frames; also from another thread while one is being read (that read ends within its deadline)."""
        if self.end is None:
            self.end = End("closed", "%s: closed by its user" % self.name)
        # FFmpeg's memory must not go while a thread is in it: then the reading thread closes, when it comes back.
        if self._using.acquire(blocking=False):
            try:
                self._source.close()
            finally:
                self._using.release()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()


def convert(frame: Frame, pix_fmt: str) -> Frame:
    """The frame in another format; itself when it has that format already."""
    if frame.format == pix_fmt:
        return frame
    if pix_fmt in ("bgr", "rgb"):
        return Frame.from_array(frame.bgr() if pix_fmt == "bgr" else frame.rgb(), pix_fmt)
    if pix_fmt == "gray":
        return Frame.from_array(frame.gray(), "gray")
    if frame.format in ("i420", "nv12"):
        if pix_fmt == "nv12":
            return Frame.from_planes("nv12", frame.width, frame.height, (frame.planes[0], frame.chroma()))
        u, v = cv2.split(np.ascontiguousarray(frame.planes[1]))
        return Frame.from_planes("i420", frame.width, frame.height, (frame.planes[0], u, v))
    bgr = frame.bgr()
    height, width = bgr.shape[:2]
    even = cv2.copyMakeBorder(bgr, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    block = cv2.cvtColor(even, cv2.COLOR_BGR2YUV_I420).reshape(-1)
    whole = Frame.of(block, "i420", even.shape[1], even.shape[0])
    planar = Frame.from_planes("i420", width, height, (whole.planes[0][:height, :width], *whole.planes[1:]))
    return planar if pix_fmt == "i420" else convert(planar, "nv12")
