"""Detections drawn into a copy of the frame, so that they can be read on any background."""
from __future__ import annotations

from typing import Sequence, Tuple, Union

import numpy as np

from edgevision.canvas import BgrCanvas, Colour, Nv12Canvas, text_size
from edgevision.detections import Detections
from edgevision.errors import FrameError
from edgevision.frame import Frame

Box = Tuple[int, int, int, int]
Canvas = Union[BgrCanvas, Nv12Canvas]

# "sedna": yellow, blue, green, red by class, as in Sedna's helmet example. "plain": apart for colour-blind eyes too.
PALETTES: dict[str, tuple[Colour, ...]] = {
    "sedna": ((0, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255)),
    "plain": ((233, 180, 86), (0, 159, 230), (115, 158, 0), (0, 94, 213), (167, 121, 204), (66, 228, 240)),
}


def draw(frame: Frame | np.ndarray, detections: Detections, classes: Sequence[str] = (),
         palette: str = "plain", scores: bool = True) -> np.ndarray:
    """A new blue-green-red picture with boxes and labels; the frame itself is never written into."""
    _check(palette)
    source = frame.bgr() if isinstance(frame, Frame) else frame
    shared = not isinstance(frame, Frame) or frame.format == "bgr"
    picture = np.array(source, np.uint8, order="C") if shared else np.ascontiguousarray(source)
    _draw(BgrCanvas(picture), detections, classes, palette, scores)
    return picture


def drawn(frame: Frame, detections: Detections, classes: Sequence[str] = (), palette: str = "plain",
          scores: bool = True) -> Frame:
    """A new frame with boxes and labels: nv12 for YUV frames, as encoders take them, else blue-green-red."""
    _check(palette)
    if frame.format not in ("nv12", "i420") or frame.width % 2 or frame.height % 2:
        return Frame.from_array(draw(frame, detections, classes, palette, scores))
    canvas = Nv12Canvas(frame)
    _draw(canvas, detections, classes, palette, scores)
    return canvas.frame()


def _check(palette: str) -> None:
    if palette not in PALETTES:
        raise FrameError("palette: expected one of %s, got %r" % (", ".join(PALETTES), palette))


def _draw(canvas: Canvas, detections: Detections, classes: Sequence[str], palette: str, scores: bool) -> None:
    colours = PALETTES[palette]
    size = max(0.35, min(canvas.height, canvas.width) / 900)
    places = _inside(detections.boxes, canvas)
    numbers: list[int] = detections.classes.tolist()
    # Large boxes first: what is small lies on top of them, and its label finds the places that are left.
    order = sorted(range(len(places)), key=lambda k: -_area(places[k]))
    for k in order:
        _outline(canvas, places[k], colours[numbers[k] % len(colours)])
    taken: list[Box] = []
    for k in order:
        text = classes[numbers[k]] if 0 <= numbers[k] < len(classes) else "class %d" % numbers[k]
        if scores:
            text = "%s %.2f" % (text, detections.scores[k])
        text = text.encode("ascii", "replace").decode("ascii")  # OpenCV's font has no other letters
        wide, tall, _ = text_size(text, size, canvas.step)
        place = _free_place(places[k], wide, tall, canvas, taken)
        taken.append(place)
        canvas.write(place[0], place[1], text, colours[numbers[k] % len(colours)], size)


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _inside(boxes: np.ndarray, canvas: Canvas) -> list[Box]:
    """Whole pixels, cut at the picture's edges; the right and lower edges lie behind the last pixel."""
    most = np.array([canvas.width - 1, canvas.height - 1] * 2, np.float64)
    whole = np.minimum(np.maximum(np.rint(np.nan_to_num(boxes.astype(np.float64))), 0), most).astype(int)
    step = canvas.step
    return [(x1 - x1 % step, y1 - y1 % step, x2 - x2 % step + step, y2 - y2 % step + step)
            for x1, y1, x2, y2 in whole.tolist()]


def _outline(canvas: Canvas, box: Box, colour: Colour) -> None:
    x1, y1, x2, y2 = box
    line = max(canvas.step, round(min(canvas.height, canvas.width) / 360 / canvas.step) * canvas.step)
    canvas.fill(x1, y1, x2, min(y2, y1 + line), colour)
    canvas.fill(x1, max(y1, y2 - line), x2, y2, colour)
    canvas.fill(x1, y1, min(x2, x1 + line), y2, colour)
    canvas.fill(max(x1, x2 - line), y1, x2, y2, colour)


def _free_place(box: Box, wide: int, tall: int, canvas: Canvas, taken: list[Box]) -> Box:
    """Above the box, further above, below, beside; where all are taken, above all the same."""
    x1, y1, x2, y2 = box
    tries = [(x1, y1 - tall * k) for k in (1, 2, 3)]
    tries += [(x1, y2), (x2, y1), (x1 - wide, y1), (x1, y2 + tall)]
    first = None
    for x, y in tries:
        x, y = max(0, min(x, canvas.width - wide)), max(0, min(y, canvas.height - tall))
        place = (x, y, x + wide, y + tall)
        first = first or place
        if not any(x < t[2] and t[0] < place[2] and y < t[3] and t[1] < place[3] for t in taken):
            return place
    assert first is not None
    return first
