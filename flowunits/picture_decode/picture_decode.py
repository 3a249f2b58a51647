"""picture_decode: a posted picture as a frame, behind ModelBox's HTTP units.

Ports      in_data: the body of a request: a JPEG or PNG as base64 text, as JSON {"image_base64": "..."}, or its bytes.
           out_image: the picture in bgr.
Meta       written: index 0, timestamp 0, wall_time, camera, and the size and format of the picture.
Options    camera http            the name under which results speak of the picture
Errors     what is no picture becomes an error of its own ("picture_decode.Picture"). ModelBox's own image_decoder ends
           the whole graph on an empty request; this unit is here so that a client cannot do that.
"""
from __future__ import annotations

import time
from typing import Any

import _flowunit as modelbox

from edgevision.errors import VisionError
from edgevision.frame import Frame
from edgevision.posted import picture_from

S = modelbox.Status.StatusCode


class PictureDecode(modelbox.FlowUnit):
    def open(self, config: Any) -> Any:
        self.camera = config.get_string("camera", "http")
        return S.STATUS_SUCCESS

    def process(self, ctx: Any) -> Any:
        out = ctx.output("out_image")
        for buffer in ctx.input("in_data"):
            out.push_back(self.frame(buffer))
        return S.STATUS_SUCCESS

    def frame(self, buffer: Any) -> Any:
        try:
            picture = picture_from(bytes(buffer.as_bytes()) if buffer.get_bytes() else b"")
        except VisionError as error:
            failed = modelbox.Buffer(buffer)
            failed.set_error("picture_decode.Picture", str(error))
            return failed
        new = modelbox.Buffer(self.get_bind_device(), picture)
        meta = {"index": 0, "timestamp": 0, "camera": self.camera, "wall_time": time.time()}
        for key, value in {**meta, **Frame.from_array(picture).meta()}.items():
            new.set(key, value)
        return new

    def close(self) -> Any:
        return S.STATUS_SUCCESS
