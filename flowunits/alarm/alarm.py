"""alarm: an event when somebody without a helmet stays in a zone for too long.

Ports      in_image: frames that were judged. out_event: the frames that raised an event, with its meta; nothing else.
Meta       read: detections, classes, timestamp, wall_time, camera, index, and what describes the picture.
           written: event (JSON text: type, camera, classes, zone, since, timestamp, seconds, detections, picture).
Options    classes helmet_off     names of the classes to watch for, comma between them
           zone ""                a polygon "x y; x y; x y" in shares of the picture (0..1); default: all of it
           seconds 3              how long it must last; gaps shorter than `gap` do not end it
           gap 1
           again 60               seconds for which the same stream raises no further event
           score 0                detections below it are not looked at
           pictures ""            a folder for a JPEG of each event, with the boxes that raised it; "" for none
           keep 1000              pictures in that folder at most; the oldest go
Errors     open fails for an option that cannot be right. A picture that cannot be written is logged and left out of the
           event; the event goes out all the same.
"""
from __future__ import annotations

import threading
from typing import Any

import _flowunit as modelbox

from edgevision.alarms import Alarm as Watch
from edgevision.alarms import AlarmRule, polygon
from edgevision.draw import draw
from edgevision.envelope import camera_in, classes_in, detections_in, frame_in, number
from edgevision.errors import FrameError, VisionError
from edgevision.eventlog import Pictures, event_text

S = modelbox.Status.StatusCode


class Alarm(modelbox.FlowUnit):
    def open(self, config: Any) -> Any:
        try:
            watched = tuple(name.strip() for name in config.get_string_list("classes", ["helmet_off"]) if name.strip())
            zone = polygon(" ".join(config.get_string_list("zone", [])))
            self.rule = AlarmRule(watched, zone, config.get_float("seconds", 3.0), config.get_float("gap", 1.0),
                                  config.get_float("again", 60.0), config.get_float("score", 0.0))
            folder = config.get_string("pictures", "")
            self.pictures = Pictures(folder, config.get_int("keep", 1000)) if folder else None
        except VisionError as error:
            modelbox.error("alarm: %s" % error)
            return modelbox.Status(S.STATUS_BADCONF, "alarm: %s" % error)
        self.lock = threading.Lock()
        self.watches: dict[int, Watch] = {}
        self.count = 0
        return S.STATUS_SUCCESS

    def data_pre(self, ctx: Any) -> Any:
        with self.lock:
            stream, self.count = self.count, self.count + 1
            self.watches[stream] = Watch(self.rule)
        ctx.set_private_int("stream", stream)
        return S.STATUS_SUCCESS

    def process(self, ctx: Any) -> Any:
        watch = self.watches[ctx.get_private_int("stream")]
        for buffer in ctx.input("in_image"):
            try:
                raised = self.raised(watch, buffer)
            except FrameError as error:
                modelbox.warn("alarm: %s" % error)
                continue
            if raised is not None:
                ctx.output("out_event").push_back(raised)
        return S.STATUS_SUCCESS

    def raised(self, watch: Watch, buffer: Any) -> Any:
        classes = classes_in(buffer)
        frame = frame_in(buffer)
        event = watch.look(number(buffer, "timestamp"), detections_in(buffer), classes, frame.width, frame.height)
        if event is None:
            return None
        camera = camera_in(buffer)
        picture = ""
        if self.pictures is not None:
            try:
                picture = self.pictures.save(draw(frame, event.detections, classes), camera, event.timestamp)
            except VisionError as error:
                modelbox.warn("alarm: %s" % error)
        out = modelbox.Buffer(buffer)
        out.set("event", event_text(event, self.rule, camera, classes, picture))
        modelbox.info("alarm: camera %s: %s for %.1f s" % (camera, "/".join(self.rule.watched), event.seconds))
        return out

    def data_post(self, ctx: Any) -> Any:
        with self.lock:
            self.watches.pop(ctx.get_private_int("stream"), None)
        return S.STATUS_SUCCESS

    def close(self) -> Any:
        return S.STATUS_SUCCESS
