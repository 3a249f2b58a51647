"""Pictures in buffers: the pixels as a numpy view, and a new buffer with the meta that a picture carries."""
from __future__ import annotations

from typing import Any

import numpy as np

from ..sdk.buffer import Buffer
from ..sdk.element import ModelBoxDataType
from .unit import INVALID, UNSUPPORTED, Refusal, number_of, text_of

INTERPOLATIONS = {
    "inter_nearest": "INTER_NEAREST", "inter_linear": "INTER_LINEAR", "inter_cubic": "INTER_CUBIC",
    "inter_area": "INTER_AREA", "inter_lanczos4": "INTER_LANCZOS4",
}
# Editors offer these as well, but OpenCV cannot scale with them: the real unit stops the graph at the first picture.
NO_SCALING = ("inter_max", "warp_fill_outliers", "warp_inverse_map")


def raw_bytes(buffer: Buffer) -> np.ndarray:
    """All bytes of a buffer, flat, without a copy."""
    return buffer._array.reshape(-1).view(np.uint8)


def pixels(buffer: Buffer, width: int, height: int, channels: int = 3) -> np.ndarray:
    """The first width x height pixels of a buffer; Refusal when it is empty or shorter than its meta says."""
    flat, size = raw_bytes(buffer), width * height * channels
    if width <= 0 or height <= 0 or channels <= 0 or flat.size < size:
        raise Refusal(INVALID, "the picture has %d bytes, but its meta says %d x %d with %d channels (%d bytes)" % (
            flat.size, width, height, channels, size))
    return flat[:size].reshape(height, width, channels)


def size_of(buffer: Buffer) -> tuple[int, int]:
    """Width and height from the meta; Refusal names what is missing."""
    height, width = number_of(buffer, "height"), number_of(buffer, "width")
    if height is None:
        raise Refusal(UNSUPPORTED, "meta don't have key height")
    if width is None:
        raise Refusal(UNSUPPORTED, "meta don't have key width")
    return width, height


def color_of(buffer: Buffer) -> str:
    """rgb, bgr, or "" for a picture that only says how many channels it has; Refusal for anything else."""
    pix_fmt = text_of(buffer, "pix_fmt")
    if pix_fmt is None:
        if number_of(buffer, "channel") is None:
            raise Refusal(UNSUPPORTED, "meta don't have key pix_fmt or channel")
        return ""
    if pix_fmt not in ("rgb", "bgr"):
        raise Refusal(UNSUPPORTED, "unsupport pix format.")
    return pix_fmt


def set_picture_meta(buffer: Buffer, width: int, height: int, pix_fmt: str, channels: int = 3,
                     width_stride: int | None = None) -> None:
    """The meta of a packed picture; shape and type come with the array."""
    buffer._meta.update(width=width, height=height, width_stride=width * 3 if width_stride is None else width_stride,
                        height_stride=height, channel=channels, pix_fmt=pix_fmt, layout="hwc")


def picture(device: Any, array: np.ndarray, pix_fmt: str, **meta: Any) -> Buffer:
    """A buffer around an array of height x width x channels."""
    buffer = Buffer(device, array)
    set_picture_meta(buffer, array.shape[1], array.shape[0], pix_fmt, array.shape[2], **meta)
    return buffer


def shapeless(device: Any, array: np.ndarray, typed: bool = True) -> Buffer:
    """A buffer that is bytes only: nobody learns a shape from it, and a type only where `typed` says so."""
    buffer = Buffer(device, array)
    buffer._shape = None
    if typed:
        buffer._meta["type"] = ModelBoxDataType.UINT8
    return buffer


def zero_byte() -> np.ndarray:
    """What a buffer holds whose meaning is all in the meta."""
    return np.zeros(1, np.uint8)
