"""Frames from picture files: a folder, a glob, or one picture."""
from __future__ import annotations

from typing import Iterator

import cv2
import numpy as np

from edgevision.errors import MediaError
from edgevision.frame import Frame
from edgevision.shot import USUAL_RATE, End, Shot
from edgevision.url import pictures_of


class PictureSource:
    """A folder of pictures, a glob, or one picture. An unreadable picture is counted and skipped."""

    def __init__(self, url: str, name: str) -> None:
        self._files = pictures_of(url)
        self._name = name
        if not self._files:
            raise MediaError("%s: expected pictures (jpg, png, bmp, webp, tiff), found none" % name)
        self.rate, self.duration, self.damaged = USUAL_RATE, 0, 0
        first = next((bgr for bgr in (read_picture(f) for f in self._files) if bgr is not None), None)
        if first is None:
            raise MediaError("%s: none of its %d pictures can be read" % (name, len(self._files)))
        self.height, self.width = first.shape[:2]
        self.end = End("end", "%s: all %d pictures were read" % (name, len(self._files)))

    def shots(self) -> Iterator[Shot]:
        index = 0
        for file in self._files:
            bgr = read_picture(file)
            if bgr is None:
                self.damaged += 1
                self.end = End("cut", "%s: %d of %d pictures cannot be read, the last of them %s" % (
                    self._name, self.damaged, len(self._files), file))
                continue
            yield Shot(index, int(index * 1000 / self.rate), Frame.from_array(bgr))
            index += 1

    def close(self) -> None:
        self._files = []


def read_picture(path: str) -> np.ndarray | None:
    """A picture as blue-green-red, or None. Read by Python, since OpenCV cannot open every path on every system."""
    try:
        data = np.fromfile(path, np.uint8)
        return cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except (OSError, cv2.error):
        return None
