"""resize: a picture in another size."""
from __future__ import annotations

from typing import Any

import cv2

from .picture import INTERPOLATIONS, color_of, picture, pixels, size_of
from .unit import BAD_CONFIG, INVALID, BuiltinUnit, Refusal, choice, unsigned


class Resize(BuiltinUnit):
    """The output has the meta of a picture only; index, timestamp and whatever else came in stays behind."""

    def configure(self, config: Any) -> None:
        width = unsigned(config, "width") or unsigned(config, "image_width")
        height = unsigned(config, "height") or unsigned(config, "image_height")
        if not width or not height:
            raise Refusal(BAD_CONFIG, "resize width or height is not configured or invalid. Set image_width and "
                          "image_height, both above 0")
        self.size = (width, height)
        self.method = getattr(cv2, INTERPOLATIONS[choice(config, "interpolation", "inter_linear", INTERPOLATIONS)])

    def work(self, ctx: Any) -> None:
        device, out = self.get_bind_device(), ctx.output("out_image")
        for buffer in ctx.input("in_image"):
            width, height = size_of(buffer)
            pix_fmt = color_of(buffer)
            source = pixels(buffer, width, height)
            if source.nbytes != buffer.get_bytes():
                raise Refusal(INVALID, "the picture has %d bytes, but its meta says %d x %d with 3 channels of uint8"
                              % (buffer.get_bytes(), width, height))
            resized = cv2.resize(source, self.size, interpolation=self.method)
            out.push_back(picture(device, resized, pix_fmt))
