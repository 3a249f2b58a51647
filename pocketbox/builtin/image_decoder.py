"""image_decoder: JPEG, PNG and the like into pixels."""
from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from ..sdk.buffer import Buffer
from .picture import picture, raw_bytes
from .unit import BuiltinUnit, choice

FAILED = "ImageDecoder.DecodeFailed"


def nv12_of(bgr: np.ndarray) -> np.ndarray:
    """Y plane, then U and V by turns; the sides have to be even."""
    height, width = bgr.shape[:2]
    planar = cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420).reshape(-1)
    luma, quarter = height * width, height * width // 4
    out = np.empty((height * 3 // 2, width, 1), np.uint8)
    flat = out.reshape(-1)
    flat[:luma] = planar[:luma]
    flat[luma::2] = planar[luma:luma + quarter]
    flat[luma + 1::2] = planar[luma + quarter:]
    return out


class ImageDecoder(BuiltinUnit):
    """What cannot be decoded becomes an error buffer; the others of the batch go through."""

    def configure(self, config: Any) -> None:
        self.pix_fmt = choice(config, "pix_fmt", "bgr", ("bgr", "rgb", "nv12"))

    def work(self, ctx: Any) -> None:
        out = ctx.output("out_image")
        for buffer in ctx.input("in_encoded_image"):
            out.push_back(self._decoded(raw_bytes(buffer)))

    def _decoded(self, data: np.ndarray) -> Buffer:
        device = self.get_bind_device()
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
        if image is None:
            return self._failed("input image buffer is invalid, imdecode failed.")
        height, width = image.shape[:2]
        if self.pix_fmt == "bgr":
            return picture(device, image, "bgr")
        if self.pix_fmt == "rgb":
            return picture(device, cv2.cvtColor(image, cv2.COLOR_BGR2RGB), "rgb")
        if width % 2 or height % 2:
            return self._failed("nv12 needs an even width and height, the picture has %d x %d" % (width, height))
        new = Buffer(device, nv12_of(image))
        new._meta.update(width=width, height=height, width_stride=width, height_stride=height, channel=1,
                         pix_fmt="nv12", layout="hwc")
        return new

    def _failed(self, message: str) -> Buffer:
        buffer = Buffer(self.get_bind_device())
        buffer.set_error(FAILED, message)
        return buffer
