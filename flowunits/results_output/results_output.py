"""results_output: a line of JSON for each frame, to where `target` says. results_json: the same text as a buffer.

Ports      results_output: in_image. results_json: in_image, out_json (a text; also for a frame that failed on its way,
           which becomes {"error": ..., "detections": []}).
Meta       read: camera, index, timestamp, wall_time, width, height, model, model_name, detections, classes, hard,
           hard_reasons, hard_score, event.
Options    target stdout          stdout, a file (relative: to the working directory), http(s):// (a POST each)
                                  or mqtt(s)://[USER:PASSWORD@]HOST[:PORT]/TOPIC, {camera} in it is filled in
           only all               all, detections (frames in which something was found) or events (from alarm)
           room 256, tries 5, timeout 5    for the network: records that wait at most, tries for each, seconds for a try
           qos 0                  of MQTT
           max_megabytes 0        a file that has grown so large becomes NAME.1, and a new one begins; 0: never
           append false           true: go on with an existing file
           stop_at_end false      true: end the graph after the last stream (see edgevision.ending)
           stop_delay 0           seconds before that, for sinks of ModelBox's own which cannot agree on it
Errors     open fails for a file that cannot be written. A record that the network does not take is dropped and counted
           ("full", "undelivered"); frames never wait for it.
"""
from __future__ import annotations

import time
from typing import Any

import _flowunit as modelbox

from edgevision.ending import Sink, stream_count
from edgevision.errors import MediaError, VisionError
from edgevision.results import encode, open_target, record_of

S = modelbox.Status.StatusCode
IN = "in_image"
ONLY = ("all", "detections", "events")


class ResultsOutput(modelbox.FlowUnit):
    def open(self, config: Any) -> Any:
        self.only = config.get_string("only", "all")
        self.delay = config.get_float("stop_delay", 0.0)
        self.sink = None
        try:
            if self.only not in ONLY:
                raise MediaError("only: expected one of %s, got %r" % (", ".join(ONLY), self.only))
            self.target = open_target(
                config.get_string("target", "stdout"), config.get_int("room", 256), config.get_int("tries", 5),
                config.get_float("timeout", 5.0), config.get_int("qos", 0),
                int(config.get_float("max_megabytes", 0.0) * 1e6), config.get_bool("append", False))
        except VisionError as error:
            modelbox.error("results_output: %s" % error)
            return modelbox.Status(S.STATUS_BADCONF, "results_output: %s" % error)
        if config.get_bool("stop_at_end", False):
            self.sink = Sink()
        return S.STATUS_SUCCESS

    def data_pre(self, ctx: Any) -> Any:
        if self.sink is not None:
            self.sink.began(stream_count(ctx, IN))
        return S.STATUS_SUCCESS

    def process(self, ctx: Any) -> Any:
        for buffer in ctx.input(IN):
            record = record_of(buffer)
            wanted = self.only == "all" or record.get("event") or (self.only == "detections" and record["detections"])
            if not wanted:
                continue
            try:
                self.target.put(encode(record), record["camera"])
            except VisionError as error:
                modelbox.error("results_output: %s" % error)
                return modelbox.Status(S.STATUS_FAULT, "results_output: %s" % error)
        self.tell()
        return S.STATUS_SUCCESS

    def data_post(self, ctx: Any) -> Any:
        self.target.flush()
        self.tell()
        if self.sink is not None and self.sink.ended():
            time.sleep(self.delay)
            return S.STATUS_STOP
        return S.STATUS_SUCCESS

    def tell(self) -> None:
        messages = self.target.messages
        while messages:
            level, text = messages.popleft()
            (modelbox.warn if level == "warn" else modelbox.info)("results_output: " + text)

    def close(self) -> Any:
        target = self.__dict__.get("target")
        if target is not None:
            target.close()
            self.tell()
        if self.sink is not None:
            self.sink.leave()
        return S.STATUS_SUCCESS


class ResultsJson(modelbox.FlowUnit):
    def open(self, config: Any) -> Any:
        return S.STATUS_SUCCESS

    def process(self, ctx: Any) -> Any:
        out = ctx.output("out_json")
        for buffer in ctx.input(IN):
            if buffer.has_error():
                why = buffer.get_error_msg() or buffer.get_error_code() or "the picture could not be read"
                text = encode({"error": why, "detections": []})
            else:
                text = encode(record_of(buffer))
            answer = modelbox.Buffer(self.get_bind_device(), text.encode("utf-8"))
            out.push_back(answer)
        return S.STATUS_SUCCESS

    def close(self) -> Any:
        return S.STATUS_SUCCESS
