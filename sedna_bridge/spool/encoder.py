"""Pixels to JPEG, and the memory in which pixels wait for it."""

from __future__ import annotations

import struct
import threading
from typing import Any

import cv2
import numpy as np

from sedna_bridge.errors import SpoolError

COLORS = ("bgr", "rgb", "gray", "nv12", "i420")
_FROM_YUV = {"nv12": cv2.COLOR_YUV2BGR_NV12, "i420": cv2.COLOR_YUV2BGR_I420}
KEPT = 8


class Encoder:
    """Makes the JPEG of a clean frame; quality and longest side by configuration."""

    def __init__(self, quality: int = 92, longest: int = 0) -> None:
        if not 1 <= quality <= 100:
            raise SpoolError("the JPEG quality must lie between 1 and 100, not %r" % quality)
        if longest < 0:
            raise SpoolError("the longest side must be 0 (as it is) or a number of pixels, not %r" % longest)
        self.quality = quality
        self.longest = longest

    def encode(self, picture: np.ndarray, color: str) -> tuple[bytes, int, int]:
        """The JPEG, and its width and height."""
        if color in _FROM_YUV:
            picture = cv2.cvtColor(picture, _FROM_YUV[color])
        height, width = picture.shape[:2]
        if self.longest and max(height, width) > self.longest:
            scale = self.longest / max(height, width)
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        if color == "rgb":
            picture = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, self.quality])
        if not done:
            raise SpoolError("the picture cannot be encoded as JPEG")
        return data.tobytes(), picture.shape[1], picture.shape[0]


class FramePool:
    """Memory for copies of frames, used again and again: a fresh page costs more than the copy into it."""

    def __init__(self) -> None:
        self._free: dict[int, list[np.ndarray]] = {}
        self._lock = threading.Lock()

    def copy(self, picture: np.ndarray) -> np.ndarray:
        """A copy that the frame's later users cannot draw on."""
        with self._lock:
            free = self._free.get(picture.nbytes)
            flat = free.pop() if free else None
        if flat is None:
            flat = np.empty(picture.nbytes, np.uint8)
        copied = flat.reshape(picture.shape)
        np.copyto(copied, picture)
        return copied

    def expect(self, size: int) -> None:
        """Makes ready for frames of so many bytes. The first touch of fresh memory takes milliseconds."""
        fresh = [np.zeros(size, np.uint8) for _ in range(2)]
        for flat in fresh:
            flat.fill(1)
        with self._lock:
            self._free.setdefault(size, []).extend(fresh)

    def give_back(self, copied: np.ndarray) -> None:
        """The copy is not needed any more. Makes up for a pool that is empty, beside the frame path."""
        with self._lock:
            free = self._free.setdefault(copied.nbytes, [])
            if len(self._free) > 4:
                self._free = {copied.nbytes: free}
            if len(free) < KEPT:
                free.append(copied.reshape(-1))
            lonely = len(free) < 2
        if lonely:
            self.expect(copied.nbytes)


def check_picture(picture: Any, color: str) -> str:
    """What is wrong with a picture, or nothing."""
    if color not in COLORS:
        return "the color must be one of %s, not %r" % (", ".join(COLORS), color)
    if isinstance(picture, (bytes, bytearray, memoryview)):
        return "" if bytes(picture[:3]) == b"\xff\xd8\xff" else "the bytes of the picture are no JPEG"
    if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8:
        return "the picture must be an array of uint8 or a JPEG, not %s" % _kind(picture)
    flat = color == "gray" or color in _FROM_YUV
    if picture.ndim != (2 if flat else 3) or (not flat and picture.shape[2] != 3) or 0 in picture.shape:
        return "a %s picture must have the shape %s, not %s" % (
            color,
            "rows x columns" if flat else "rows x columns x 3",
            picture.shape,
        )
    if max(picture.shape[:2]) > 65500:
        return "a JPEG has at most 65500 pixels a side, the picture has %s" % (picture.shape,)
    return ""


def jpeg_size(data: bytes) -> tuple[int, int]:
    """Width and height of a JPEG from its header; 0, 0 if it has none."""
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        kind = data[at + 1]
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 if kind == 0xFF or 0xD0 <= kind <= 0xD9 else 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    return 0, 0


def _kind(picture: Any) -> str:
    return "an array of %s" % picture.dtype if isinstance(picture, np.ndarray) else type(picture).__name__
