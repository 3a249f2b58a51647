"""A frame: pixels as the decoder left them, and what they mean. A view; nothing is copied until someone asks.

Formats: "bgr" and "rgb" (packed, three bytes a pixel), "gray", "nv12" (a luma plane, then interleaved chroma at half
size) and "i420" (three planes). YUV is BT.601 in the limited range (16..235), what OpenCV and ModelBox assume.
"""
from __future__ import annotations

from typing import Any, Sequence

import cv2
import numpy as np

from edgevision.errors import FrameError
from edgevision.pool import FRAMES

FORMATS = ("bgr", "rgb", "gray", "nv12", "i420")
_ALIASES = {"yuv420p": "i420", "bgr24": "bgr", "rgb24": "rgb", "grey": "gray"}
_PACKED = {"bgr": 3, "rgb": 3, "gray": 1}


def plain_format(pix_fmt: str) -> str:
    """The format's own name here; FrameError when it is unknown."""
    name = _ALIASES.get(str(pix_fmt).lower(), str(pix_fmt).lower())
    if name not in FORMATS:
        raise FrameError("pixel format %r: expected one of %s" % (pix_fmt, ", ".join(FORMATS)))
    return name


class Frame:
    """Pixels with a meaning. Make one with `of` (flat memory and plain values) or `from_array` or `from_planes`.

    >>> import numpy as np
    >>> Frame.of(np.zeros(640 * 360 * 3 // 2, np.uint8), "nv12", 640, 360).bgr().shape
    (360, 640, 3)
    """

    __slots__ = ("_block", "format", "height", "planes", "width")

    def __init__(self, pix_fmt: str, width: int, height: int, planes: Sequence[np.ndarray]) -> None:
        self.format = pix_fmt
        self.width = width
        self.height = height
        self.planes: tuple[np.ndarray, ...] = tuple(planes)
        self._block: np.ndarray | None = None   # all planes without gaps, where they lie so

    def __repr__(self) -> str:
        return "Frame(%s, %dx%d)" % (self.format, self.width, self.height)

    @classmethod
    def from_array(cls, array: np.ndarray, pix_fmt: str = "bgr") -> Frame:
        """From an image array: (h, w, 3) for bgr and rgb, (h, w) for gray. Any strides will do."""
        name = plain_format(pix_fmt)
        array = np.asarray(array)
        if name not in _PACKED:
            raise FrameError("%s has no single image array; use Frame.of with its width and height" % name)
        wanted = "(h, w)" if name == "gray" else "(h, w, 3)"
        if array.ndim == 3 and array.shape[2] == 1 and name == "gray":
            array = array[:, :, 0]
        good = array.ndim == (2 if name == "gray" else 3) and (name == "gray" or array.shape[2] == 3)
        if not good or array.dtype != np.uint8 or 0 in array.shape:
            raise FrameError("%s frame: expected a uint8 array %s that is not empty, got %s %s" % (
                name, wanted, array.dtype, array.shape))
        return cls(name, array.shape[1], array.shape[0], (array,))

    @classmethod
    def from_planes(cls, pix_fmt: str, width: int, height: int, planes: Sequence[np.ndarray]) -> Frame:
        """From the planes of a decoder, each (rows, bytes in a row) or with channels last; strides may have gaps."""
        name = plain_format(pix_fmt)
        shapes = _plane_shapes(name, _positive(width, "width"), _positive(height, "height"))
        got = [(tuple(plane.shape), str(plane.dtype)) for plane in planes]
        if got != [(shape, "uint8") for shape in shapes]:
            raise FrameError("%s frame of %dx%d: expected uint8 planes %s, got %s" % (
                name, width, height, shapes, got))
        return cls(name, width, height, planes)

    @classmethod
    def of(cls, data: Any, pix_fmt: str, width: int, height: int, width_stride: int | None = None,
           height_stride: int | None = None) -> Frame:
        """From one block of memory, as a ModelBox Buffer holds it. `data` is anything with the buffer protocol.

        `width_stride` is the length of a row of the first plane in bytes and `height_stride` the rows it takes up, as
        in ModelBox's meta; without them rows and planes follow without gaps. (ModelBox's units differ on whether the
        stride of packed pixels counts bytes or pixels; one that is too short for bytes is read as pixels.)
        """
        name = plain_format(pix_fmt)
        width, height = _positive(width, "width"), _positive(height, "height")
        flat = np.frombuffer(data, np.uint8) if not isinstance(data, np.ndarray) else data
        if flat.dtype != np.uint8 or not flat.flags.c_contiguous:
            raise FrameError("%s frame: expected one contiguous block of uint8, got %s with strides %s" % (
                name, flat.dtype, flat.strides))
        flat = flat.reshape(-1)
        row = width * _PACKED.get(name, 1)
        stride = int(width_stride or row)
        if name in _PACKED and width <= stride < row:
            stride *= _PACKED[name]
        rows = int(height_stride or height)
        if stride < row or rows < height:
            raise FrameError("%s frame of %dx%d: expected strides of at least %d bytes and %d rows, got %d and %d" % (
                name, width, height, row, height, stride, rows))
        planes, needed = _slices(flat, name, width, height, stride, rows)
        if planes is None:
            raise FrameError("%s frame of %dx%d with rows of %d bytes: expected at least %d bytes, got %d" % (
                name, width, height, stride, needed, flat.size))
        frame = cls(name, width, height, planes)
        if (stride, rows) == (row, height):
            frame._block = flat[:needed]
        return frame

    def bgr(self) -> np.ndarray:
        """Blue-green-red, (h, w, 3). A view when the frame is bgr already, else a new array."""
        return self._colour("bgr")

    def rgb(self) -> np.ndarray:
        """Red-green-blue, (h, w, 3). A view when the frame is rgb already, else a new array."""
        return self._colour("rgb")

    def gray(self) -> np.ndarray:
        """Brightness, (h, w). A view of the luma plane for gray and YUV frames (limited range there)."""
        if self.format in _PACKED and self.format != "gray":
            code = cv2.COLOR_BGR2GRAY if self.format == "bgr" else cv2.COLOR_RGB2GRAY
            return cv2.cvtColor(np.ascontiguousarray(self.planes[0]), code)
        return self.planes[0]

    def _colour(self, wanted: str) -> np.ndarray:
        first = self.planes[0]
        if self.format == wanted:
            return first
        if self.format in ("bgr", "rgb"):
            return cv2.cvtColor(np.ascontiguousarray(first), cv2.COLOR_BGR2RGB)
        if self.format == "gray":
            return cv2.cvtColor(np.ascontiguousarray(first), cv2.COLOR_GRAY2BGR)
        return yuv_to_colour(first, self.chroma(), wanted)

    def chroma(self) -> np.ndarray:
        """Interleaved chroma (rows, columns, 2) of a YUV frame: a view for nv12, a small new array for i420."""
        if self.format == "nv12":
            return self.planes[1]
        if self.format == "i420":
            return cv2.merge((np.ascontiguousarray(self.planes[1]), np.ascontiguousarray(self.planes[2])))
        raise FrameError("a %s frame has no chroma planes" % self.format)

    def packed(self) -> np.ndarray:
        """All planes in one block without gaps, (bytes,) uint8; a view when they already lie so, else a copy."""
        if self._block is not None:
            return self._block
        if len(self.planes) == 1 and self.planes[0].flags.c_contiguous:
            return self.planes[0].reshape(-1)
        return np.concatenate([np.ascontiguousarray(plane).reshape(-1) for plane in self.planes])

    def meta(self) -> dict[str, Any]:
        """ModelBox's meta for `packed()`: width, height, width_stride, height_stride, channel, pix_fmt, layout."""
        per_pixel = _PACKED.get(self.format, 1)
        values: dict[str, Any] = {"width": self.width, "height": self.height, "width_stride": self.width * per_pixel,
                                  "height_stride": self.height, "pix_fmt": self.format}
        if self.format in _PACKED:
            values.update(channel=per_pixel, layout="hwc")
        return values


def yuv_to_colour(luma: np.ndarray, chroma: np.ndarray, wanted: str) -> np.ndarray:
    """Full-colour pixels from a luma plane (h, w) and interleaved chroma (ceil h/2, ceil w/2, 2)."""
    height, width = luma.shape
    if height % 2 or width % 2:  # OpenCV converts even sizes only: repeat the last row and column, cut again
        luma = cv2.copyMakeBorder(luma, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    code = cv2.COLOR_YUV2BGR_NV12 if wanted == "bgr" else cv2.COLOR_YUV2RGB_NV12
    colour = FRAMES.take(luma.size * 3).reshape(*luma.shape, 3)
    return cv2.cvtColorTwoPlane(_rows_dense(luma), _rows_dense(chroma), code, colour)[:height, :width]


def _rows_dense(plane: np.ndarray) -> np.ndarray:
    """OpenCV takes gaps between rows but none between pixels."""
    inner = plane.strides[1:] == (plane.itemsize,) if plane.ndim == 2 else plane.strides[1:] == (2, 1)
    return plane if inner and plane.strides[0] > 0 else np.ascontiguousarray(plane)


def _positive(value: Any, what: str) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = 0
    if number < 1 or number > 65535:
        raise FrameError("frame %s: expected a whole number from 1 to 65535, got %r" % (what, value))
    return number


def _plane_shapes(name: str, width: int, height: int) -> list[tuple[int, ...]]:
    half_w, half_h = (width + 1) // 2, (height + 1) // 2
    if name == "nv12":
        return [(height, width), (half_h, half_w, 2)]
    if name == "i420":
        return [(height, width), (half_h, half_w), (half_h, half_w)]
    return [(height, width, 3)] if name != "gray" else [(height, width)]


def _slices(flat: np.ndarray, name: str, width: int, height: int, stride: int,
            rows: int) -> tuple[list[np.ndarray] | None, int]:
    """Views of the planes, or None when the block is too short; and how many bytes it takes."""
    planes: list[np.ndarray] = []
    start = needed = 0
    for k, shape in enumerate(_plane_shapes(name, width, height)):
        if k == 0:
            step, skip = stride, rows
        elif name == "nv12":
            step, skip = stride + stride % 2, (rows + 1) // 2
        else:
            step, skip = (stride + 1) // 2, (rows + 1) // 2
        channels = shape[2] if len(shape) == 3 else 1
        needed = start + step * (shape[0] - 1) + shape[1] * channels
        if flat.size >= needed:
            strides = (step, channels, 1) if len(shape) == 3 else (step, 1)
            planes.append(np.ndarray(shape, np.uint8, flat, start, strides))
        start += step * skip
    return (planes if flat.size >= needed else None), needed
