"""scene_camera: a camera on a building site that exists only in the scene generator.

Ports      out_video_frame: a frame a buffer, bgr. One stream.
Meta       written: index, timestamp (ms), width, height, width_stride, height_stride, channel, layout, pix_fmt,
           rate_num, rate_den, url, camera, wall_time.
Options    seed 1              the site; the same seed, schedule, fps and size give the same frames, byte for byte
           schedule day        a domain (day, night, rain ...), or SECOND:DOMAIN,SECOND:DOMAIN to drift between
           fps 10, width 640, height 352
           frames 0            how many; 0: without end
           paced true          false: as fast as frames are taken
           camera scene        its name
Errors     open fails for a domain that does not exist, and for numbers out of range.
"""
from __future__ import annotations

import threading
import time
from typing import Any

import _flowunit as modelbox
import numpy as np

from edgevision.envelope import block_of
from edgevision.errors import VisionError
from edgevision.frame import Frame
from edgevision.scenes import Camera
from edgevision.scenes.domain import Schedule

S = modelbox.Status.StatusCode
OUT = "out_video_frame"


class SceneCamera(modelbox.FlowUnit):
    def open(self, config: Any) -> Any:
        self.name = config.get_string("camera", "scene")
        self.frames = config.get_int("frames", 0)
        self.paced = config.get_bool("paced", True)
        self.stopping = threading.Event()
        try:
            schedule = Schedule.parse(",".join(config.get_string_list("schedule", ["day"])))
            self.camera = Camera(config.get_int("seed", 1), schedule,
                                 config.get_float("fps", 10.0),
                                 (config.get_int("width", 640), config.get_int("height", 352)))
        except VisionError as error:
            modelbox.error("scene_camera: %s" % error)
            return modelbox.Status(S.STATUS_BADCONF, "scene_camera: %s" % error)
        start = self.create_external_data()
        buffers = start.create_buffer_list()
        buffers.push_back(np.zeros(1, np.int64))
        start.send(buffers)
        start.close()
        return S.STATUS_SUCCESS

    def data_pre(self, ctx: Any) -> Any:
        ctx.set_private_int("index", 0)
        ctx.set_private_int("began", int(time.monotonic() * 1000))
        return S.STATUS_SUCCESS

    def process(self, ctx: Any) -> Any:
        index = ctx.get_private_int("index")
        due = ctx.get_private_int("began") / 1000 + index / self.camera.fps
        if self.paced and self.stopping.wait(max(0.0, due - time.monotonic())):
            return S.STATUS_SUCCESS
        shot = self.camera.frame(index)
        block, frame = block_of(Frame.from_array(shot.bgr))
        buffer = modelbox.Buffer(self.get_bind_device(), block)
        for key, value in {"index": index, "timestamp": shot.timestamp, "wall_time": time.time(), "camera": self.name,
                           "url": "scene:%d" % self.camera.seed, "rate_num": round(self.camera.fps * 1000),
                           "rate_den": 1000, **frame.meta()}.items():
            buffer.set(key, value)
        ctx.output(OUT).push_back(buffer)
        if index + 1 == self.frames:
            return S.STATUS_SUCCESS
        ctx.set_private_int("index", index + 1)
        ctx.send_event(modelbox.FlowUnitEvent())
        return S.STATUS_CONTINUE

    def data_post(self, ctx: Any) -> Any:
        return S.STATUS_SUCCESS

    def close(self) -> Any:
        self.stopping.set()
        return S.STATUS_SUCCESS
