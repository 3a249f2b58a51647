"""draw_detections: boxes and names, drawn into a new picture. The frame that came in stays clean.

Ports      in_image: frames, out_image: pictures of the same size: nv12 for nv12 and i420 frames, as encoders take
           them (needs even sizes), else bgr.
Meta       read: detections, classes, and what describes the picture. written: pix_fmt, width, height, width_stride,
           height_stride, channel, layout of the new picture; everything else is carried over.
Options    pix_fmt auto           auto, or bgr: always bgr
           palette sedna          sedna (colours as in its helmet example) or plain (apart for colour-blind eyes too)
           scores true            write the score behind the name
           min_score 0            boxes below it are not drawn
Errors     a frame that is no picture becomes an error of its own ("draw_detections.Frame").
"""
from __future__ import annotations

from typing import Any

import _flowunit as modelbox

from edgevision.draw import PALETTES, draw, drawn
from edgevision.envelope import block_of, classes_in, detections_in, frame_in
from edgevision.errors import VisionError
from edgevision.frame import Frame

S = modelbox.Status.StatusCode
FORMATS = ("auto", "bgr")


class DrawDetections(modelbox.FlowUnit):
    def open(self, config: Any) -> Any:
        self.palette = config.get_string("palette", "sedna")
        self.scores = config.get_bool("scores", True)
        self.min_score = config.get_float("min_score", 0.0)
        self.pix_fmt = config.get_string("pix_fmt", "auto")
        for name, given, known in (("palette", self.palette, PALETTES), ("pix_fmt", self.pix_fmt, FORMATS)):
            if given not in known:
                text = "draw_detections: %s: expected one of %s, got %r" % (name, ", ".join(known), given)
                modelbox.error(text)
                return modelbox.Status(S.STATUS_BADCONF, text)
        return S.STATUS_SUCCESS

    def process(self, ctx: Any) -> Any:
        out = ctx.output("out_image")
        for buffer in ctx.input("in_image"):
            out.push_back(self.drawn(buffer))
        return S.STATUS_SUCCESS

    def drawn(self, buffer: Any) -> Any:
        try:
            frame, found = frame_in(buffer), detections_in(buffer).above(self.min_score)
            looks = (classes_in(buffer), self.palette, self.scores)
            picture = drawn(frame, found, *looks) if self.pix_fmt == "auto" else Frame.from_array(
                draw(frame, found, *looks))
        except VisionError as error:
            modelbox.warn("draw_detections: %s" % error)
            failed = modelbox.Buffer(buffer)
            failed.set_error("draw_detections.Frame", str(error))
            return failed
        block, _ = block_of(picture)
        new = modelbox.Buffer(self.get_bind_device(), block)
        for key, value in picture.meta().items():
            new.set(key, value)
        new.copy_meta(buffer)
        return new

    def close(self) -> Any:
        return S.STATUS_SUCCESS
