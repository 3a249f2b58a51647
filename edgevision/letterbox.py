"""From a frame in the decoder's own format to a model's input tensor, in one pass over few pixels.

The arithmetic, in full. A frame w x h goes into a W x H input. In the modes "center" and "topleft"
`scale = min(W / w, H / h)`, and the picture becomes `int(w * scale)` x `int(h * scale)` pixels (at least 1); "center"
puts it at `(int((W - nw) / 2), int((H - nh) / 2))`, which is Sedna's letterbox to the pixel, "topleft" at (0, 0).
"stretch" fills the input. The resize is OpenCV's bilinear one; the rest of the input is the fill colour. A value is
`(pixel - mean) * scale`, channel by channel, or the plain pixel for uint8 inputs.

YUV frames are never converted at full size: the planes are resized first, luma to nw x nh and chroma to half of that
(rounded up), and only this small picture becomes colour (BT.601, limited range).
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from edgevision.errors import FrameError
from edgevision.frame import Frame, yuv_to_colour

# Pictures are small here: OpenCV's own threads gain nothing on them, and what they burn is the decoder's and the
# detector's share of a small box (measured: the same rate for half the processor time).
cv2.setNumThreads(1)

MODES = ("center", "topleft", "stretch")
FED = {"float32": "float32", "float16": "float32", "uint8": "uint8"}
"""The types of input that models may have, and what is prepared for each; half precision is made of it at the end."""


class Geometry(NamedTuple):
    """Where a frame lies in a model's input, and the way back."""

    frame_width: int
    frame_height: int
    left: int
    top: int
    width: int
    height: int

    def to_frame(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes x1, y1, x2, y2 in input pixels as boxes in frame pixels; not clipped."""
        boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
        offset = np.array([self.left, self.top] * 2, np.float32)
        factor = np.array([self.frame_width / self.width, self.frame_height / self.height] * 2, np.float32)
        return (boxes - offset) * factor

    def to_input(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes in frame pixels as boxes in input pixels: the inverse of `to_frame`."""
        boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
        offset = np.array([self.left, self.top] * 2, np.float32)
        factor = np.array([self.width / self.frame_width, self.height / self.frame_height] * 2, np.float32)
        return boxes * factor + offset


def fit(frame_width: int, frame_height: int, width: int, height: int, mode: str = "center") -> Geometry:
    """How a frame is laid into an input of width x height.

    >>> fit(1280, 720, 640, 352)
    Geometry(frame_width=1280, frame_height=720, left=7, top=0, width=625, height=352)
    """
    if mode not in MODES:
        raise FrameError("letterbox mode: expected one of %s, got %r" % (", ".join(MODES), mode))
    if mode == "stretch":
        return Geometry(frame_width, frame_height, 0, 0, width, height)
    scale = min(width / frame_width, height / frame_height)
    new_width, new_height = max(1, int(frame_width * scale)), max(1, int(frame_height * scale))
    if mode == "topleft":
        return Geometry(frame_width, frame_height, 0, 0, new_width, new_height)
    return Geometry(frame_width, frame_height, int((width - new_width) / 2), int((height - new_height) / 2),
                    new_width, new_height)


@dataclass(frozen=True)
class InputSpec:
    """What a model wants to be fed; the table [input] of a manifest. `mean` and `scale` follow the colour order."""

    width: int
    height: int
    layout: str = "nchw"
    color: str = "rgb"
    type: str = "float32"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: tuple[float, float, float] = (1 / 255, 1 / 255, 1 / 255)
    fill: int = 128
    letterbox: str = "center"

    def tensor(self, batch: int = 1) -> np.ndarray:
        """An empty input tensor for `batch` frames."""
        shape = (3, self.height, self.width) if self.layout == "nchw" else (self.height, self.width, 3)
        return np.zeros((batch, *shape), np.dtype(self.type))


class Letterbox:
    """Prepares frames for one model. Keeps its small working pictures, so one instance serves one thread at a time.

    >>> spec = InputSpec(640, 352)
    >>> tensor = spec.tensor()
    >>> Letterbox(spec).into(Frame.from_array(np.zeros((720, 1280, 3), np.uint8)), tensor[0]).width
    625
    """

    def __init__(self, spec: InputSpec) -> None:
        self.spec = spec
        self._mean = np.asarray(spec.mean, np.float32)
        self._scale = np.asarray(spec.scale, np.float32)
        self._canvas = np.empty((spec.height, spec.width, 3), np.uint8)
        self._geometry: Geometry | None = None
        self._planes = [np.empty((spec.height, spec.width), np.uint8) for _ in range(3)]
        self._work: dict[str, np.ndarray] = {}

    def into(self, frame: Frame, slot: np.ndarray) -> Geometry:
        """Fill `slot` (one item of the input tensor) with the frame; returns where the frame lies in it."""
        spec = self.spec
        geometry = fit(frame.width, frame.height, spec.width, spec.height, spec.letterbox)
        if self._geometry is None or self._geometry[2:] != geometry[2:]:
            self._canvas[:] = spec.fill  # only what the picture does not cover stays; it covers the same as before else
        self._geometry = geometry
        window = self._canvas[geometry.top:geometry.top + geometry.height, geometry.left:geometry.left + geometry.width]
        window[:] = self._small(frame, geometry)
        self._write(slot)
        return geometry

    def _small(self, frame: Frame, geometry: Geometry) -> np.ndarray:
        """The frame at its size in the input, in the colour order of the model."""
        size = (geometry.width, geometry.height)
        first = frame.planes[0]
        if frame.format in ("bgr", "rgb"):
            small = self._resize("packed", first, size)
            return small if frame.format == self.spec.color else self._swap(small)
        luma = self._resize("luma", first, size)
        if frame.format == "gray":
            return cv2.cvtColor(luma, cv2.COLOR_GRAY2BGR)
        half = ((size[0] + 1) // 2, (size[1] + 1) // 2)
        if frame.format == "nv12":
            chroma = self._resize("chroma", frame.planes[1], half)
        else:
            chroma = cv2.merge((self._resize("u", frame.planes[1], half), self._resize("v", frame.planes[2], half)))
        return yuv_to_colour(luma, chroma, self.spec.color)

    def _resize(self, name: str, plane: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        if (plane.shape[1], plane.shape[0]) == size:
            return plane
        shape = (size[1], size[0], *plane.shape[2:])
        work = self._work.get(name)
        if work is None or work.shape != shape:
            work = self._work[name] = np.empty(shape, np.uint8)
        # OpenCV writes into `work`; it reads rows with gaps, but copies what has gaps between pixels.
        return cv2.resize(plane, size, dst=work, interpolation=cv2.INTER_LINEAR)

    def _swap(self, packed: np.ndarray) -> np.ndarray:
        return cv2.cvtColor(packed, cv2.COLOR_BGR2RGB)

    def _write(self, slot: np.ndarray) -> None:
        spec = self.spec
        if spec.layout == "nhwc":
            if spec.type == "uint8":
                slot[:] = self._canvas
            else:
                np.subtract(self._canvas, self._mean, out=slot)
                slot *= self._scale
            return
        cv2.split(self._canvas, self._planes)
        for channel, plane in enumerate(self._planes):
            target = slot[channel]
            if spec.type == "uint8":
                target[:] = plane
            elif self._mean[channel] == 0:
                np.multiply(plane, self._scale[channel], out=target)
            else:
                np.subtract(plane, self._mean[channel], out=target)
                target *= self._scale[channel]
