"""packed_planar_transpose: from height x width x channel to channel x height x width."""
from __future__ import annotations

from typing import Any

import numpy as np

from ..sdk.buffer import Buffer
from ..sdk.element import ModelBoxDataType
from .picture import pixels
from .unit import BAD_CONFIG, INVALID, BuiltinUnit, Refusal, number_of, text_of, type_of


class PackedPlanarTranspose(BuiltinUnit):
    def work(self, ctx: Any) -> None:
        out = ctx.output("out_image")
        for buffer in ctx.input("in_image"):
            out.push_back(self._one(buffer))

    def _one(self, buffer: Buffer) -> Buffer:
        width, height, channel = (number_of(buffer, key) for key in ("width", "height", "channel"))
        pix_fmt, layout, kind = text_of(buffer, "pix_fmt"), text_of(buffer, "layout"), type_of(buffer)
        if width is None or height is None or channel is None or pix_fmt is None or layout is None or kind is None:
            raise Refusal(BAD_CONFIG, "buffer meta is invalid.")
        if kind != ModelBoxDataType.UINT8:
            raise Refusal(INVALID, "type must be uint8")
        if pix_fmt not in ("rgb", "bgr"):
            raise Refusal(INVALID, "pix_fmt should be [rgb, bgr]")
        if layout != "hwc":
            raise Refusal(INVALID, "layout must be hwc")
        packed = pixels(buffer, width, height, channel)
        new = Buffer(self.get_bind_device(), np.ascontiguousarray(packed.transpose(2, 0, 1)))
        new.copy_meta(buffer)
        new._meta.update(width_stride=width * 3, height_stride=height, layout="chw")
        return new
