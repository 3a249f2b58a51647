"""crop: the part of a picture that a region (x, y, width, height as int32) names."""
from __future__ import annotations

from typing import Any

import numpy as np

from .picture import color_of, picture, pixels, raw_bytes, size_of
from .unit import FAULT, BuiltinUnit, Refusal

REGION_BYTES = 16


class Crop(BuiltinUnit):
    def work(self, ctx: Any) -> None:
        device, out = self.get_bind_device(), ctx.output("out_image")
        for image, region in zip(ctx.input("in_image"), ctx.input("in_region")):
            width, height = size_of(image)
            pix_fmt = color_of(image)
            raw = raw_bytes(region)
            if raw.size < REGION_BYTES:
                raise Refusal(FAULT, "the region has %d bytes, expected x, y, width and height as int32 (16 bytes)"
                              % raw.size)
            x, y, w, h = (int(v) for v in np.frombuffer(raw[:REGION_BYTES].tobytes(), np.int32))
            if min(x, y, w, h) < 0 or x + w > width or y + h > height:
                raise Refusal(FAULT, "roi box param is invaild !")
            if not w or not h:
                raise Refusal(FAULT, "the region %d, %d, %d, %d is empty" % (x, y, w, h))
            part = pixels(image, width, height)[y:y + h, x:x + w]
            out.push_back(picture(device, np.ascontiguousarray(part), pix_fmt))
