"""helmet_detect: what is in each frame. The frame passes on by reference; its meta gets the detections.

Ports      in_image: frames of any streams, in bgr, rgb, nv12, i420 or gray, as video_decode or ModelBox's video_decoder
           make them. out_image: the same frames.
Meta       read: width, height, width_stride, height_stride, pix_fmt (flat frames); model (the version that must judge
           the frame, where model_hot_swap stamped one; the configured model judges all others).
           written: detections ([x1, y1, x2, y2, score, class] in frame pixels), model, model_name, classes.
Options    model models/little    a folder with a manifest, a manifest, or an .onnx file; relative: see edgevision.paths
           threads 0              of one call of onnxruntime; 0: half of the cores, at least one
           parallel 0             calls at once; 0: as many as there are cores for
           spinning false         true: onnxruntime's threads spin while they wait, which costs the decoder its core
           score_threshold -1, nms_threshold -1    0..1, or -1 for the manifest's
           batch_size 1           a node attribute; batches mix streams
Errors     open fails for a model that is missing, damaged or not what its manifest says. A frame that is no picture, or
           on which the model gives nonsense, becomes an error of its own ("helmet_detect.Frame"); its neighbours live.
"""
from __future__ import annotations

import threading
from typing import Any

import _flowunit as modelbox

from edgevision.detector import Detector
from edgevision.envelope import camera_in, frame_in, value
from edgevision.errors import VisionError
from edgevision.judgement import Verdict, judge
from edgevision.paths import find, places
from edgevision.session import usable_cores

S = modelbox.Status.StatusCode


class HelmetDetect(modelbox.FlowUnit):
    def open(self, config: Any) -> Any:
        name = config.get_string("model", "models/little")
        cores = usable_cores()
        threads = config.get_int("threads", 0) or max(1, cores // 2)
        parallel = config.get_int("parallel", 0) or max(1, -(-cores // threads))
        try:
            self.detector = Detector(find(name, __file__), None, threads, config.get_bool("spinning", False),
                                     _threshold(config, "score_threshold"), _threshold(config, "nms_threshold"))
            self.detector.warm_up(1)
        except VisionError as error:
            text = "helmet_detect: %s" % error if name in str(error) else "helmet_detect: model %s: %s" % (name, error)
            if "no such file" in text:
                text += "; looked for %s" % places(name, __file__)
            modelbox.error(text)
            return modelbox.Status(S.STATUS_BADCONF, text)
        self.turns = threading.BoundedSemaphore(parallel)
        self.failures = 0
        return S.STATUS_SUCCESS

    def process(self, ctx: Any) -> Any:
        out = ctx.output("out_image")
        judged: list[Any] = []
        frames, versions, places_ = [], [], []
        for place, buffer in enumerate(ctx.input("in_image")):
            judged.append(modelbox.Buffer(buffer))
            try:
                frames.append(frame_in(buffer))
            except VisionError as error:
                self.fail(judged[place], error)
                continue
            versions.append(str(value(buffer, "model", "")))
            places_.append(place)
        if frames:
            with self.turns:
                verdicts = judge(frames, versions, self.detector)
            for place, verdict in zip(places_, verdicts):
                self.write(judged[place], verdict)
        for buffer in judged:
            out.push_back(buffer)
        return S.STATUS_SUCCESS

    def write(self, buffer: Any, verdict: Any) -> None:
        if not isinstance(verdict, Verdict):
            self.fail(buffer, verdict)
            return
        buffer.set("detections", [list(row) for row in verdict.rows])
        buffer.set("model", verdict.version)
        buffer.set("model_name", verdict.model_name)
        buffer.set("classes", list(verdict.classes))

    def fail(self, buffer: Any, error: VisionError) -> None:
        self.failures += 1
        if self.failures & (self.failures - 1) == 0:
            modelbox.warn("helmet_detect: frame %s of camera %s: %s (failure %d)" % (
                value(buffer, "index", "?"), camera_in(buffer), error, self.failures))
        buffer.set_error("helmet_detect.Frame", str(error))

    def close(self) -> Any:
        detector = self.__dict__.get("detector")
        if detector is not None:
            detector.close()
        return S.STATUS_SUCCESS


def _threshold(config: Any, name: str) -> Any:
    given = config.get_float(name, -1.0)
    return None if given == -1.0 else given
