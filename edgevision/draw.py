"""Detections drawn into a copy of the frame, so that they can be read on any background."""
from __future__ import annotations

from typing import Sequence, Tuple

import cv2
import numpy as np

from edgevision.detections import Detections
from edgevision.errors import FrameError
from edgevision.frame import Frame

Box = Tuple[int, int, int, int]
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
    places = _inside(detections.boxes, width, height)
    # Large boxes first: what is small lies on top of them, and its label finds the places that are left.
    order = sorted(range(len(places)), key=lambda k: -_area(places[k]))
    names = [classes[c] if 0 <= c < len(classes) else "class %d" % c for c in detections.classes]
    for k in order:
        x1, y1, x2, y2 = places[k]
        cv2.rectangle(picture, (x1, y1), (x2, y2), colours[detections.classes[k] % len(colours)], line)
    taken: list[Box] = []
    for k in order:
        text = "%s %.2f" % (names[k], detections.scores[k]) if scores else names[k]
        _label(picture, text, places[k], colours[detections.classes[k] % len(colours)], size, taken)
    return picture


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _inside(boxes: np.ndarray, width: int, height: int) -> list[Box]:
    """Whole pixels, cut at the picture's edges."""
    most = np.array([width - 1, height - 1] * 2, np.float64)
    whole = np.clip(np.rint(np.nan_to_num(boxes.astype(np.float64))), 0, most)
    return [(x1, y1, x2, y2) for x1, y1, x2, y2 in whole.astype(int).tolist()]


def _label(picture: np.ndarray, text: str, box: Box, colour: Colour, size: float, taken: list[Box]) -> None:
    """Text on a filled ground of the box's colour, at the first place near the box where no other label is."""
    height, width = picture.shape[:2]
    text = text.encode("ascii", "replace").decode("ascii")  # OpenCV's font has no other letters
    (wide, high), base = cv2.getTextSize(text, _FONT, size, 1)
    wide, tall = wide + 4, high + base + 2
    place = _free_place(box, wide, tall, width, height, taken)
    taken.append(place)
    x, y = place[:2]
    cv2.rectangle(picture, (x, y), (x + wide - 1, y + tall - 1), colour, -1)
    bright = 0.114 * colour[0] + 0.587 * colour[1] + 0.299 * colour[2]
    ink = (0, 0, 0) if bright > 120 else (255, 255, 255)
    cv2.putText(picture, text, (x + 2, y + high + 1), _FONT, size, ink, 1, cv2.LINE_AA)


def _free_place(box: Box, wide: int, tall: int, width: int, height: int, taken: list[Box]) -> Box:
    """Above the box, further above, below, beside; where all are taken, above all the same."""
    x1, y1, x2, y2 = box
    tries = [(x1, y1 - tall * k) for k in (1, 2, 3)]
    tries += [(x1, y2 + 1), (x2 + 1, y1), (x1 - wide, y1), (x1, y2 + 1 + tall)]
    first = None
    for x, y in tries:
        x, y = max(0, min(x, width - wide)), max(0, min(y, height - tall))
        place = (x, y, x + wide, y + tall)
        first = first or place
        if not any(x < t[2] and t[0] < place[2] and y < t[3] and t[1] < place[3] for t in taken):
            return place
    assert first is not None
    return first
