"""image_rotate: by 90, 180 or 270 degrees clockwise, as the option or else each picture's meta says."""
from __future__ import annotations

from typing import Any

import cv2

from ..sdk.buffer import Buffer
from ..sdk.element import ModelBoxDataType
from .picture import pixels, shapeless
from .unit import BAD_CONFIG, FAULT, BuiltinUnit, Refusal, number_of, text_of, type_of

TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def _check(angle: int) -> None:
    if angle not in TURNS:
        raise Refusal(BAD_CONFIG, "Valid rotate_angle is: 90 180 270 ")


class ImageRotate(BuiltinUnit):
    """Width and height of the output are turned; its meta `shape` still is that of the input, as in ModelBox."""

    def configure(self, config: Any) -> None:
        self.angle: int | None = None
        if "rotate_angle" in config.values():
            self.angle = config.get_int("rotate_angle", 0)
            _check(self.angle)

    def work(self, ctx: Any) -> None:
        out = ctx.output("out_image")
        for buffer in ctx.input("in_image"):
            if type_of(buffer) != ModelBoxDataType.UINT8 or text_of(buffer, "layout") != "hwc":
                raise Refusal(FAULT, "")
            angle = self.angle if self.angle is not None else number_of(buffer, "rotate_angle")
            if angle is None:
                raise Refusal(FAULT, "")
            out.push_back(buffer if angle == 0 else self._turned(buffer, angle))

    def _turned(self, buffer: Buffer, angle: int) -> Buffer:
        _check(angle)
        width, height = number_of(buffer, "width") or 0, number_of(buffer, "height") or 0
        turned = cv2.rotate(pixels(buffer, width, height), TURNS[angle])
        new = shapeless(self.get_bind_device(), turned, typed=False)
        new.copy_meta(buffer)
        new._meta.update(width=turned.shape[1], height=turned.shape[0], width_stride=turned.shape[1],
                         height_stride=turned.shape[0], rotate_angle=0)
        return new
