"""color_convert: between rgb, bgr and gray. ModelBox has it for CUDA only; here it runs on the CPU."""
from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from ..sdk.buffer import Buffer
from .picture import pixels
from .unit import BAD_CONFIG, UNSUPPORTED, BuiltinUnit, Refusal, choice, number_of, text_of

CHANNELS = {"rgb": 3, "bgr": 3, "gray": 1}
CODES = {("rgb", "bgr"): cv2.COLOR_RGB2BGR, ("bgr", "rgb"): cv2.COLOR_BGR2RGB, ("rgb", "gray"): cv2.COLOR_RGB2GRAY,
         ("bgr", "gray"): cv2.COLOR_BGR2GRAY, ("gray", "rgb"): cv2.COLOR_GRAY2RGB, ("gray", "bgr"): cv2.COLOR_GRAY2BGR}


class ColorConvert(BuiltinUnit):
    def configure(self, config: Any) -> None:
        if "out_pix_fmt" not in config.values():
            raise Refusal(BAD_CONFIG, "option out_pix_fmt is missing; it can be rgb, bgr, gray")
        self.pix_fmt = choice(config, "out_pix_fmt", "", CHANNELS)

    def work(self, ctx: Any) -> None:
        out = ctx.output("out_image")
        for buffer in ctx.input("in_image"):
            out.push_back(self._converted(buffer))

    def _converted(self, buffer: Buffer) -> Buffer:
        width, height, pix_fmt = number_of(buffer, "width"), number_of(buffer, "height"), text_of(buffer, "pix_fmt")
        if width is None or height is None or pix_fmt not in CHANNELS:
            raise Refusal(UNSUPPORTED, "expected a picture with width, height and pix_fmt rgb, bgr or gray, "
                          "got pix_fmt '%s'" % pix_fmt)
        if text_of(buffer, "layout") not in (None, "hwc"):
            raise Refusal(UNSUPPORTED, "layout must be hwc")
        if pix_fmt == self.pix_fmt:
            return buffer
        source = pixels(buffer, width, height, CHANNELS[pix_fmt])
        channels = CHANNELS[self.pix_fmt]
        array = cv2.cvtColor(source, CODES[pix_fmt, self.pix_fmt]).reshape(height, width, channels)
        new = Buffer(self.get_bind_device(), np.ascontiguousarray(array))
        new.copy_meta(buffer)
        new._meta.update(width_stride=width * channels, height_stride=height, channel=channels, pix_fmt=self.pix_fmt,
                         layout="hwc")
        return new
