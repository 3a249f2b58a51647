"""Frames through OpenCV, where PyAV is missing."""
from __future__ import annotations

import re
import time
from fractions import Fraction
from typing import Iterator

import cv2

from edgevision.errors import MediaError
from edgevision.frame import Frame
from edgevision.shot import USUAL_RATE, End, Shot
from edgevision.url import local_path


class OpenCvSource:
    """OpenCV's VideoCapture, where PyAV is missing. Frames are bgr; only its FFmpeg backend keeps deadlines."""

    def __init__(self, url: str, name: str, kind: str, open_timeout: float, read_timeout: float) -> None:
        self._name, self._live, self._read_timeout = name, kind in ("stream", "webcam"), read_timeout
        self.damaged = 0
        self.end = End("end", "%s: all frames were read" % name)
        if kind == "webcam":
            self._capture = cv2.VideoCapture(int(re.sub(r"\D", "", url)))
        else:
            target = url if kind == "stream" else local_path(url)
            self._capture = cv2.VideoCapture(target, cv2.CAP_FFMPEG, [
                cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(open_timeout * 1000),
                cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(read_timeout * 1000)])
        if not self._capture.isOpened():
            raise MediaError("%s: cannot be opened by OpenCV" % name)
        self.width = int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        self.height = int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = Fraction(rate).limit_denominator(1001) if 0 < rate < 1000 else USUAL_RATE
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.duration = int(count * 1000 / self.rate) if count > 0 else 0

    def shots(self) -> Iterator[Shot]:
        index, last = 0, -1
        while True:
            start = time.monotonic()
            good, bgr = self._capture.read()
            if not good:
                self.end = self._finished(index, last, time.monotonic() - start)
                return
            stamp = self._capture.get(cv2.CAP_PROP_POS_MSEC)
            exact = int(stamp + 0.5) if stamp > 0 else int(index * 1000 / self.rate)
            last = exact if exact > last else last + 1
            yield Shot(index, last, Frame.from_array(bgr))
            index += 1

    def _finished(self, frames: int, last: int, waited: float) -> End:
        if self._live:
            stalled = waited >= self._read_timeout * 0.9
            return End("stalled" if stalled else "failed", "%s: no frame after frame %d" % (self._name, frames))
        if not frames or (self.duration and last < self.duration - max(500, int(3000 / self.rate))):
            return End("cut", "%s: frames end at %.1f s of %.1f s" % (self._name, last / 1000, self.duration / 1000))
        return End("end", "%s: all %d frames were read" % (self._name, frames))

    def close(self) -> None:
        self._capture.release()
