"""A frame as an engine's buffer carries it: one block of memory, and meta that `get` reads and `set` writes.

Nothing here knows an engine: a buffer is anything that numpy can look at and whose `get` raises ValueError for a key
that is missing. The keys are those of ModelBox's video_decoder, and those in docs/architecture.md.
"""
from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from edgevision.decode import convert
from edgevision.detections import Detections
from edgevision.errors import FrameError
from edgevision.frame import Frame, plain_format
from edgevision.pool import FRAMES
from edgevision.url import camera_name

_SIZES = ("width", "height", "width_stride", "height_stride")


def value(buffer: Any, key: str, default: Any = None) -> Any:
    """A value of the meta, or the default when the buffer has none of that name."""
    try:
        found = buffer.get(key)
    except (ValueError, KeyError, RuntimeError):
        return default
    return default if found is None else found


def number(buffer: Any, key: str, default: int = 0) -> int:
    try:
        return int(value(buffer, key, default))
    except (TypeError, ValueError):
        return default


def frame_in(buffer: Any) -> Frame:
    """The frame that a buffer holds, without a copy.

    Pixels in a three-dimensional array tell their own size; a flat block (ModelBox's nv12) needs the meta. The frame is
    read-only: other branches of the graph share its memory.
    """
    array = np.asarray(buffer)
    if array.size == 0:
        raise FrameError("the buffer is empty: expected a frame")
    if array.dtype != np.uint8:
        raise FrameError("the buffer holds %s %s: expected the bytes (uint8) of a picture" % (array.dtype, array.shape))
    array = array.view()
    array.flags.writeable = False
    pix_fmt = value(buffer, "pix_fmt")
    if array.ndim == 3:
        return Frame.from_array(array, pix_fmt if pix_fmt in ("bgr", "rgb", "gray") else "bgr")
    width, height, row, rows = (number(buffer, key) for key in _SIZES)
    if pix_fmt is None or not width or not height:
        raise FrameError("the buffer holds %d bytes in a row without the meta pix_fmt, width and height: expected them "
                         "as video_decode or ModelBox's video_decoder writes them" % array.size)
    return Frame.of(array.reshape(-1), str(pix_fmt), width, height, row or None, rows or None)


def detections_in(buffer: Any) -> Detections:
    """The detections in a buffer's meta; none when no detector has judged it."""
    return Detections.from_meta(value(buffer, "detections"))


def camera_in(buffer: Any) -> str:
    """The name of the camera: as the meta says, else from the url that ModelBox's video_decoder writes."""
    name = value(buffer, "camera", "")
    if not name:
        url = value(buffer, "url", "")
        name = camera_name(url) if isinstance(url, str) and url else ""
    return str(name)


def classes_in(buffer: Any) -> list[str]:
    found = value(buffer, "classes")
    return [str(name) for name in found] if isinstance(found, (list, tuple)) else []


def block_of(frame: Frame, pix_fmt: str = "auto") -> tuple[np.ndarray, Frame]:
    """The frame's pixels as one block for a buffer, and the frame that this block is.

    "auto" is what every unit here and ModelBox's own C++ units take at the least cost: nv12 for YUV, else bgr or rgb as
    the frame is. Packed pixels keep their shape (h, w, 3); YUV is flat, as ModelBox has it.
    """
    if pix_fmt == "auto":
        pix_fmt = "nv12" if frame.format in ("i420", "nv12") else frame.format if frame.format != "gray" else "bgr"
    pix_fmt = plain_format(pix_fmt)
    if pix_fmt == "nv12" and frame.format == "i420":
        return _interleaved(frame)
    frame = convert(frame, pix_fmt)
    if frame.format in ("i420", "nv12"):
        block = frame.packed()
        return block, Frame.of(block, frame.format, frame.width, frame.height)
    block = np.ascontiguousarray(frame.planes[0])
    return block, Frame.from_array(block, frame.format)


def _interleaved(frame: Frame) -> tuple[np.ndarray, Frame]:
    """i420 to nv12 in one pass over the planes."""
    luma, u, v = frame.planes
    block = FRAMES.take(luma.size + u.size + v.size)
    block[:luma.size].reshape(luma.shape)[:] = luma
    chroma = block[luma.size:].reshape(*u.shape, 2)
    cv2.merge((_dense(u), _dense(v)), chroma)
    return block, Frame.of(block, "nv12", frame.width, frame.height)


def _dense(plane: np.ndarray) -> np.ndarray:
    """OpenCV reads rows with gaps between them, but refuses memory that numpy marks as read-only in some builds."""
    return plane if plane.strides[1] == 1 else np.ascontiguousarray(plane)
