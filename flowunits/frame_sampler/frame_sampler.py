"""frame_sampler: fewer frames, and every one that is dropped counted with its reason.

Ports      in_image: frames. out_image: some of them, unchanged.
Meta       read: timestamp, wall_time (newest), camera, and what describes the picture (motion).
Options    mode every             every: each n-th. fps: so many a second of media time. motion: where something
                                  moved. newest: under load only what is fresh, that is, of the frames that wait
                                  together only the newest (with a batch_size above 1), and none older than `age`
           n 1                    of mode every
           fps 5                  of mode fps
           area 0.005             of mode motion: share of the picture that must change ...
           level 20               ... by so many grey levels
           quiet 10               ... and seconds after which a frame goes on without motion
           age 0.5                of mode newest: seconds
Drops      counted by camera as "sampled", "still", "overtaken" or "stale"; the log says how many when a stream ends.
Errors     open fails for an option out of range. A frame that is no picture goes on, for others to judge.
A stream that was sampled cannot be joined with the whole one any more.
"""
from __future__ import annotations

import threading
from typing import Any

import _flowunit as modelbox

from edgevision.envelope import camera_in, frame_in, number, value
from edgevision.errors import FrameError, VisionError
from edgevision.sampling import Rule, Sampler
from edgevision.tally import DROPS

S = modelbox.Status.StatusCode


class FrameSampler(modelbox.FlowUnit):
    def open(self, config: Any) -> Any:
        try:
            self.rule = Rule(config.get_string("mode", "every"), config.get_int("n", 1), config.get_float("fps", 5.0),
                             config.get_float("area", 0.005), config.get_int("level", 20),
                             config.get_float("quiet", 10.0), config.get_float("age", 0.5))
        except VisionError as error:
            modelbox.error("frame_sampler: %s" % error)
            return modelbox.Status(S.STATUS_BADCONF, "frame_sampler: %s" % error)
        self.lock = threading.Lock()
        self.samplers: dict[int, Sampler] = {}
        self.drops: dict[int, dict[str, int]] = {}
        self.count = 0
        return S.STATUS_SUCCESS

    def data_pre(self, ctx: Any) -> Any:
        with self.lock:
            stream, self.count = self.count, self.count + 1
            self.samplers[stream] = Sampler(self.rule)
            self.drops[stream] = {}
        ctx.set_private_int("stream", stream)
        return S.STATUS_SUCCESS

    def process(self, ctx: Any) -> Any:
        stream = ctx.get_private_int("stream")
        sampler, drops = self.samplers[stream], self.drops[stream]
        buffers = list(ctx.input("in_image"))
        out = ctx.output("out_image")
        for place, buffer in enumerate(buffers):
            reason = self.reason(sampler, buffer, len(buffers) - 1 - place)
            if not reason:
                out.push_back(buffer)
                continue
            drops[reason] = drops.get(reason, 0) + 1
            DROPS.count(camera_in(buffer), reason)
        return S.STATUS_SUCCESS

    def reason(self, sampler: Sampler, buffer: Any, newer: int) -> str:
        frame = None
        if self.rule.mode == "motion":
            try:
                frame = frame_in(buffer)
            except FrameError:
                return ""
        return sampler.reason(number(buffer, "timestamp"), value(buffer, "wall_time"), frame, newer)

    def data_post(self, ctx: Any) -> Any:
        stream = ctx.get_private_int("stream")
        with self.lock:
            self.samplers.pop(stream, None)
            drops = self.drops.pop(stream, {})
        if drops:
            modelbox.info("frame_sampler: dropped %s" % ", ".join("%d %s" % (n, why) for why, n in drops.items()))
        return S.STATUS_SUCCESS

    def close(self) -> Any:
        return S.STATUS_SUCCESS
