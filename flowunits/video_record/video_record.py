"""video_record: frames to a video, one for each stream.

Ports      in_video_frame: frames in any format.
Meta       read: timestamp (keeps the true times), rate_num, rate_den, camera, and what describes the picture.
Options    target {camera}.mp4    a file (mp4, mkv, ts ...) or rtsp://...; {camera} and {stream} (its number) are filled
                                  in, and two streams never write one file. Relative to the working directory
           codec ""               of FFmpeg; default: libx264, else what there is
           crf 23                 quality of x264, lower is better
           rate 0                 frames per second for players; 0: the stream's
           timeout 10             seconds for the rtsp server
           stop_at_end false      true: end the graph after the last stream (see edgevision.ending)
Errors     a file that cannot be written is an error of its stream, once. An rtsp server that is away is tried again;
           frames that it does not take in time are dropped and counted ("full", "undelivered",
           "disconnected").
"""
from __future__ import annotations

import threading
from fractions import Fraction
from typing import Any

import _flowunit as modelbox

from edgevision.ending import Sink, stream_count
from edgevision.envelope import camera_in, frame_in, number
from edgevision.errors import VisionError
from edgevision.recording import Recording, file_name

S = modelbox.Status.StatusCode
IN = "in_video_frame"


class VideoRecord(modelbox.FlowUnit):
    def open(self, config: Any) -> Any:
        self.target = config.get_string("target", "{camera}.mp4")
        self.codec = config.get_string("codec", "")
        self.crf = config.get_int("crf", 23)
        self.rate = config.get_float("rate", 0.0)
        self.timeout = config.get_float("timeout", 10.0)
        if not self.target or self.rate < 0:
            text = "video_record: expected a target and a rate of at least 0, got %r and %g" % (self.target, self.rate)
            modelbox.error(text)
            return modelbox.Status(S.STATUS_BADCONF, text)
        self.lock = threading.Lock()
        self.recordings: dict[int, Any] = {}    # by stream; None when it cannot be written
        self.used: set[str] = set()
        self.count = 0
        self.sink = Sink() if config.get_bool("stop_at_end", False) else None
        return S.STATUS_SUCCESS

    def data_pre(self, ctx: Any) -> Any:
        with self.lock:
            ctx.set_private_int("stream", self.count)
            self.count += 1
        if self.sink is not None:
            self.sink.began(stream_count(ctx, IN))
        return S.STATUS_SUCCESS

    def process(self, ctx: Any) -> Any:
        stream = ctx.get_private_int("stream")
        for buffer in ctx.input(IN):
            try:
                self.write(stream, buffer)
            except VisionError as error:
                modelbox.error("video_record: %s" % error)
                self.finish(stream)
                with self.lock:
                    self.recordings[stream] = None
                return modelbox.Status(S.STATUS_FAULT, "video_record: %s" % error)
        return S.STATUS_SUCCESS

    def write(self, stream: int, buffer: Any) -> None:
        with self.lock:
            known = stream in self.recordings
            if not known:
                target = file_name(self.target, camera_in(buffer), stream, self.used)
        if not known:
            recording = Recording(target, self.rate_of(buffer), self.codec, self.crf, self.timeout)
            with self.lock:
                self.recordings[stream] = recording
        recording = self.recordings[stream]
        if recording is not None:
            recording.write(frame_in(buffer), number(buffer, "timestamp", -1) if self.timed(buffer) else None)
            self.tell(recording)

    def rate_of(self, buffer: Any) -> Fraction:
        num, den = number(buffer, "rate_num"), number(buffer, "rate_den")
        if self.rate:
            return Fraction(self.rate).limit_denominator(1001)
        return Fraction(num, den) if num > 0 and den > 0 else Fraction(25)

    @staticmethod
    def timed(buffer: Any) -> bool:
        return number(buffer, "timestamp", -1) >= 0

    def data_post(self, ctx: Any) -> Any:
        self.finish(ctx.get_private_int("stream"))
        if self.sink is not None and self.sink.ended():
            return S.STATUS_STOP
        return S.STATUS_SUCCESS

    def finish(self, stream: int) -> None:
        with self.lock:
            recording = self.recordings.pop(stream, None)
        if recording is None:
            return
        try:
            recording.close()
        except VisionError as error:
            modelbox.error("video_record: %s" % error)
        self.tell(recording)

    @staticmethod
    def tell(recording: Recording) -> None:
        messages = recording.messages
        while messages:
            level, text = messages.popleft()
            (modelbox.warn if level == "warn" else modelbox.info)(text)

    def close(self) -> Any:
        for stream in list(self.__dict__.get("recordings", ())):
            self.finish(stream)
        sink = self.__dict__.get("sink")
        if sink is not None:
            sink.leave()
        return S.STATUS_SUCCESS
