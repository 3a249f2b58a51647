"""Detections drawn into a copy of the frame, so that they can be read on any background."""
from __future__ import annotations

from typing import Sequence, Tuple

import cv2
import numpy as np

from edgevision.detections import Detections
from edgevision.errors import FrameError
from edgevision.frame import Frame

Colour = Tuple[int, int, int]  # blue, green, red

# "sedna": yellow, blue, green, red by class, as in Sedna's helmet example. "plain": apart for colour-blind eyes too.
PALETTES: dict[str, tuple[Colour, ...]] = {
    "sedna": ((0, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255)),
    "plain": ((233, 180, 86), (0, 159, 230), (115, 158, 0), (0, 94, 213), (167, 121, 204), (66, 228, 240)),
}
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw(frame: Frame | np.ndarray, detections: Detections, classes: Sequence[str] = (),
         palette: str = "plain", scores: bool = True) -> np.ndarray:
    """A new blue-green-red picture with boxes and labels; the frame itself is never written into."""
    if palette not in PALETTES:
        raise FrameError("palette: expected one of %s, got %r" % (", ".join(PALETTES), palette))
    source = frame.bgr() if isinstance(frame, Frame) else frame
    shared = not isinstance(frame, Frame) or frame.format == "bgr"
    picture = np.array(source, np.uint8, order="C") if shared else np.ascontiguousarray(source)
    colours = PALETTES[palette]
    height, width = picture.shape[:2]
    line = max(1, round(min(height, width) / 360))
    size = max(0.35, min(height, width) / 900)
    for box, score, cls in detections.pick(slice(None, None, -1)):  # the best last, on top
        colour = colours[cls % len(colours)]
        x1, y1, x2, y2 = _inside(box, width, height)
        cv2.rectangle(picture, (x1, y1), (x2, y2), colour, line)
        name = classes[cls] if 0 <= cls < len(classes) else "class %d" % cls
        _label(picture, "%s %.2f" % (name, score) if scores else name, x1, y1, y2, colour, size, line)
    return picture


def _inside(box: np.ndarray, width: int, height: int) -> tuple[int, int, int, int]:
    most = np.array([width - 1, height - 1] * 2, np.float64)
    x1, y1, x2, y2 = (int(v) for v in np.clip(np.rint(np.nan_to_num(box.astype(np.float64))), 0, most))
    return x1, y1, x2, y2


def _label(picture: np.ndarray, text: str, x: int, top: int, bottom: int, colour: Colour, size: float,
           line: int) -> None:
    """Text on a filled ground of the box's colour: above the box, or below it, or inside where there is no room."""
    height, width = picture.shape[:2]
    text = text.encode("ascii", "replace").decode("ascii")  # OpenCV's font has no other letters
    (wide, high), base = cv2.getTextSize(text, _FONT, size, 1)
    tall = high + base + 2
    y = top - tall if top >= tall else bottom + 1 if bottom + 1 + tall <= height else top
    x = max(0, min(x, width - wide - 4))
    cv2.rectangle(picture, (x, y), (x + wide + 3, y + tall), colour, -1)
    bright = 0.114 * colour[0] + 0.587 * colour[1] + 0.299 * colour[2]
    ink = (0, 0, 0) if bright > 120 else (255, 255, 255)
    cv2.putText(picture, text, (x + 2, y + high + 1), _FONT, size, ink, max(1, line // 2), cv2.LINE_AA)
