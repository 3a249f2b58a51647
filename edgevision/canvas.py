"""Pictures that can be drawn into: filled rectangles and pieces of text, in blue-green-red or in nv12.

A video's frames come as nv12 and its encoder takes them so: drawn there, they need no conversion on the way. Chroma has
half the resolution, so places and sizes in nv12 are even numbers (`step` is 2).
"""
from __future__ import annotations

from functools import lru_cache
from typing import Any, Tuple

import cv2
import numpy as np

from edgevision.frame import Frame
from edgevision.pool import FRAMES

Colour = Tuple[int, int, int]  # blue, green, red
_FONT = cv2.FONT_HERSHEY_SIMPLEX


class BgrCanvas:
    """Draws into a blue-green-red picture."""

    step = 1

    def __init__(self, picture: np.ndarray) -> None:
        self.picture = picture
        self.height, self.width = picture.shape[:2]

    def frame(self) -> Frame:
        return Frame.from_array(self.picture)

    def fill(self, x1: int, y1: int, x2: int, y2: int, colour: Colour) -> None:
        """From (x1, y1) up to, not including, (x2, y2)."""
        cv2.rectangle(self.picture, (x1, y1), (x2 - 1, y2 - 1), colour, -1)

    def write(self, x: int, y: int, text: str, colour: Colour, size: float) -> None:
        """Text on a ground of the colour; what does not fit is cut off."""
        patch = _written(text, colour, size, self.step)[:self.height - y, :self.width - x]
        self.picture[y:y + patch.shape[0], x:x + patch.shape[1]] = patch


class Nv12Canvas:
    """Draws into a copy of a YUV frame of even width and height."""

    step = 2

    def __init__(self, frame: Frame) -> None:
        self.width, self.height = frame.width, frame.height
        self.block = FRAMES.take(self.width * self.height * 3 // 2)
        self._frame = Frame.of(self.block, "nv12", self.width, self.height)
        self.luma, self.chroma = self._frame.planes
        np.copyto(self.luma, frame.planes[0])
        np.copyto(self.chroma, frame.chroma())

    def frame(self) -> Frame:
        return self._frame

    def fill(self, x1: int, y1: int, x2: int, y2: int, colour: Colour) -> None:
        luma, chroma = _yuv(colour)
        cv2.rectangle(self.luma, (x1, y1), (x2 - 1, y2 - 1), luma, -1)
        cv2.rectangle(self.chroma, (x1 // 2, y1 // 2), (x2 // 2 - 1, y2 // 2 - 1), chroma, -1)

    def write(self, x: int, y: int, text: str, colour: Colour, size: float) -> None:
        luma, chroma = _written_yuv(text, colour, size)
        tall, wide = min(luma.shape[0], self.height - y), min(luma.shape[1], self.width - x)
        self.luma[y:y + tall, x:x + wide] = luma[:tall, :wide]
        self.chroma[y // 2:(y + tall) // 2, x // 2:(x + wide) // 2] = chroma[:tall // 2, :wide // 2]


@lru_cache(maxsize=1024)
def text_size(text: str, size: float, step: int) -> tuple[int, int, int]:
    """Width and height of a piece of text with its ground, and where the base line lies in it."""
    (wide, high), base = cv2.getTextSize(text, _FONT, size, 1)
    return -(-(wide + 4) // step) * step, -(-(high + base + 2) // step) * step, high + 1


@lru_cache(maxsize=1024)
def _written(text: str, colour: Colour, size: float, step: int) -> np.ndarray:
    wide, tall, base = text_size(text, size, step)
    patch = np.empty((tall, wide, 3), np.uint8)
    patch[:] = colour
    bright = 0.114 * colour[0] + 0.587 * colour[1] + 0.299 * colour[2]
    ink = (0, 0, 0) if bright > 120 else (255, 255, 255)
    cv2.putText(patch, text, (2, base), _FONT, size, ink, 1, cv2.LINE_AA)
    return patch


@lru_cache(maxsize=1024)
def _written_yuv(text: str, colour: Colour, size: float) -> tuple[np.ndarray, np.ndarray]:
    patch = _written(text, colour, size, 2)
    tall, wide = patch.shape[:2]
    planes = cv2.cvtColor(patch, cv2.COLOR_BGR2YUV_I420).reshape(-1)
    whole = Frame.of(planes, "i420", wide, tall)
    return whole.planes[0], whole.chroma()


@lru_cache(maxsize=256)
def _yuv(colour: Colour) -> tuple[int, tuple[int, int]]:
    values: Any = cv2.cvtColor(np.full((2, 2, 3), colour, np.uint8), cv2.COLOR_BGR2YUV_I420).reshape(-1)
    return int(values[0]), (int(values[4]), int(values[5]))
