"""padding: a picture scaled to fit into another size, with the rest filled."""
from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from ..sdk import log
from .picture import INTERPOLATIONS, NO_SCALING, picture, pixels
from .unit import BAD_CONFIG, INVALID, UNSUPPORTED, BuiltinUnit, Refusal, choice, number_of, text_of, unsigned

VERTICAL = {"top": 0.0, "center": 0.5, "bottom": 1.0}
# The names that editors offer, and those that the real unit takes: they are not the same.
METHODS = (*INTERPOLATIONS, *NO_SCALING, "inter_nn", "inter_super", "inter_lanczos")
HORIZONTAL = {"left": 0.0, "center": 0.5, "right": 1.0}


class Padding(BuiltinUnit):
    """`interpolation` is read and checked, but the scaling is always linear, as in ModelBox."""

    def configure(self, config: Any) -> None:
        self.width, self.height = unsigned(config, "image_width"), unsigned(config, "image_height")
        if not self.width or not self.height:
            raise Refusal(BAD_CONFIG, "width and height must set in config. Set image_width and image_height, both "
                          "above 0")
        self.down = VERTICAL[choice(config, "vertical_align", "top", VERTICAL)]
        self.right = HORIZONTAL[choice(config, "horizontal_align", "left", HORIZONTAL)]
        fill = config.get_int_list("padding_data", [0, 0, 0])
        if len(fill) != 3:
            raise Refusal(BAD_CONFIG, "padding data size must be 3. Write padding_data=\"0,0,0\", each from 0 to 255")
        if not all(0 <= value <= 255 for value in fill):
            log.error("padding: padding_data is %s; each value has to be from 0 to 255, so that black is taken" % fill)
            fill = [0, 0, 0]
        self.fill = fill
        self.scale = config.get_bool("need_scale", True)
        choice(config, "interpolation", "inter_linear", METHODS)

    def work(self, ctx: Any) -> None:
        device, out = self.get_bind_device(), ctx.output("out_image")
        for buffer in ctx.input("in_image"):
            width, height = number_of(buffer, "width"), number_of(buffer, "height")
            if width is None or height is None:
                raise Refusal(INVALID, "")
            pix_fmt = text_of(buffer, "pix_fmt") or ""
            if pix_fmt not in ("rgb", "bgr"):
                raise Refusal(UNSUPPORTED, "")
            out.push_back(picture(device, self._padded(pixels(buffer, width, height)), pix_fmt))

    def _padded(self, source: np.ndarray) -> np.ndarray:
        height, width = source.shape[:2]
        if self.scale:
            # Single precision, as the real unit divides: the rounding decides about a row of pixels.
            factor = max(np.float32(width) / np.float32(self.width), np.float32(height) / np.float32(self.height))
            if factor == 0:
                raise Refusal(INVALID, "")
            width, height = int(np.float32(width) / factor), int(np.float32(height) / factor)
        elif width > self.width or height > self.height:
            raise Refusal(INVALID, "")
        if (height, width) != source.shape[:2]:
            source = cv2.resize(source, (width, height), interpolation=cv2.INTER_LINEAR)
        x = int((self.width - width) * self.right)
        y = int((self.height - height) * self.down)
        target = np.empty((self.height, self.width, 3), np.uint8)
        target[:] = self.fill
        target[y:y + height, x:x + width] = source
        return target
