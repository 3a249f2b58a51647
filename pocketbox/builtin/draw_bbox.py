"""draw_bbox: rectangles around what a YOLO unit found."""
from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from ..sdk.buffer import Buffer
from .picture import pixels, raw_bytes
from .unit import BuiltinUnit, number_of, text_of

BOX = np.dtype([("x", "<f4"), ("y", "<f4"), ("w", "<f4"), ("h", "<f4"), ("category", "<i4"), ("score", "<f4")])
COLOR, THICKNESS = (255, 0, 0), 5
FARTHEST = 1 << 20      # OpenCV draws nothing useful beyond, and its 32 bits overflow


def _point(x: float, y: float) -> tuple[int, int]:
    limited = np.nan_to_num(np.clip([x, y], -FARTHEST, FARTHEST))
    return int(limited[0]), int(limited[1])


class DrawBbox(BuiltinUnit):
    """Draws into a copy: the picture that came in may be seen by other branches."""

    def work(self, ctx: Any) -> None:
        out = ctx.output("out_image")
        for region, image in zip(ctx.input("in_region"), ctx.input("in_image")):
            out.push_back(self._drawn(image, region))

    def _drawn(self, image: Buffer, region: Buffer) -> Buffer:
        width, height = number_of(image, "width") or 0, number_of(image, "height") or 0
        raw = raw_bytes(region)
        boxes = np.frombuffer(raw[:raw.size // BOX.itemsize * BOX.itemsize].tobytes(), BOX)
        canvas = pixels(image, width, height).copy()
        for box in boxes:
            x, y = np.float32(box["x"]), np.float32(box["y"])
            cv2.rectangle(canvas, _point(x, y), _point(x + box["w"], y + box["h"]), COLOR, THICKNESS, 8, 0)
        new = Buffer(self.get_bind_device(), canvas)
        new._meta.update(width=width, height=height, width_stride=width, height_stride=height,
                         channel=number_of(image, "channel") or 3, pix_fmt=text_of(image, "pix_fmt") or "rgb",
                         layout="hwc", rate_den=number_of(image, "rate_den") or 0,
                         rate_num=number_of(image, "rate_num") or 0)
        return new
