"""Data with a number in it, so that a test can tell which buffer came out where."""
from __future__ import annotations

from typing import Any

import numpy as np

from ..sdk.buffer import Buffer, Device

DIGITS = 24     # bits of the number that a frame carries
FULL = 255


def numbers(count: int, start: int = 0, **meta: Any) -> list[Buffer]:
    """Buffers of one int64 each: start, start + 1 ... The meta `index` holds the same number."""
    return [_with_meta(Buffer(Device(), np.array([number], np.int64)), index=number, **meta)
            for number in range(start, start + count)]


def frames(count: int, width: int = 64, height: int = 48, pix_fmt: str = "bgr", start: int = 0, rate: int = 25,
           **meta: Any) -> list[Buffer]:
    """Pictures with the meta of video_decoder's frames; the first row carries the number, the rest a pattern."""
    if width < DIGITS or height < 2:
        raise ValueError("a frame needs at least %d x 2 pixels to carry its number, not %d x %d" % (
            DIGITS, width, height))
    made = []
    rows, columns = np.mgrid[0:height, 0:width]
    for number in range(start, start + count):
        picture = np.empty((height, width, 3), np.uint8)
        for channel in range(3):
            picture[..., channel] = (rows * 3 + columns * 2 + number * 5 + channel * 40) % 251
        picture[0] = 0
        bits = (number >> np.arange(DIGITS)) & 1
        picture[0, :DIGITS] = (bits * FULL)[:, None]
        values = {"index": number, "timestamp": number * 1000 // rate, "width": width, "height": height,
                  "width_stride": width * 3, "height_stride": height, "channel": 3, "pix_fmt": pix_fmt,
                  "layout": "hwc", "rate_num": rate, "rate_den": 1, "duration": 0, "url": "",
                  "eos": number == start + count - 1, "rotate_angle": 0}
        made.append(_with_meta(Buffer(Device(), picture), **{**values, **meta}))
    return made


def number_in(buffer: Any) -> int:
    """The number that a buffer or array of `numbers` or `frames` carries in its data."""
    array = np.asarray(buffer)
    if array.dtype == np.int64 and array.size == 1:
        return int(array.reshape(-1)[0])
    if array.ndim != 3 or array.shape[1] < DIGITS:
        raise ValueError("this is no numbered data: %s of shape %s" % (array.dtype, list(array.shape)))
    bits = array[0, :DIGITS, 0].astype(int) > FULL // 2
    return int((bits << np.arange(DIGITS)).sum())


def _with_meta(buffer: Buffer, **meta: Any) -> Buffer:
    for key, value in meta.items():
        buffer.set(key, value)
    return buffer
