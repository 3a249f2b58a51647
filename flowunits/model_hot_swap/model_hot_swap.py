"""model_hot_swap: stamps each frame with the version of the model that must judge it; swaps models beside the frames.

in    in_image    a frame
out   out_image   the same frame; its meta `model` names the version

Stands in the line before helmet_detect. New versions are fetched, verified, loaded, warmed up and judged on golden
frames outside the frame path; the switch falls between two frames, is watched for a while and undone by itself when
the new model turns out worse (docs/hot-swap.md). Within a stream versions only move forward, but for a rollback.

Configuration: `model` (a model folder: the first version of an empty store), `source` (where newer ones come from: a
folder to drop models into, an InferenceModel manifest, http(s)://, s3://, Sedna's model_config.json; several separated
by blanks), `store` (default: in the state directory), `spool` (the same: its newest pictures are golden frames, too),
`period` (seconds between looks), `policy` (availability or memory), `probation_frames`, `probation_seconds`,
`min_kept`, `max_frame_ms`, `threads` (of onnxruntime, for each model). In a Sedna worker its hot-update file is a
source and deployments are reported, unless `environment = false`.
"""
import os

import _flowunit as modelbox

from edgevision import paths, registry
from edgevision.errors import VisionError
from edgevision.swapping import DetectorRuntime
from sedna_bridge import attributes
from sedna_bridge.errors import BridgeError
from sedna_bridge.interpreter import python
from sedna_bridge.models.hot_swap import ATTRIBUTES, HotSwap, whole_number

THREADS = "threads"


class ModelHotSwapFlowUnit(modelbox.FlowUnit):
    def open(self, config):
        self.swap = None
        settings = attributes.read(config, (*ATTRIBUTES, THREADS))
        if settings.get("model"):
            settings["model"] = str(paths.find(settings["model"], __file__))
        try:
            runtime = DetectorRuntime(python(), whole_number(settings, THREADS, 0) or None)
            swap = HotSwap(settings, runtime, os.environ, told)
            version = swap.open(registry.install)
        except (BridgeError, VisionError) as error:
            modelbox.error("model_hot_swap: %s" % error)
            return modelbox.Status(modelbox.Status.StatusCode.STATUS_BADCONF, "model_hot_swap: %s" % error)
        self.swap = swap
        modelbox.info("model_hot_swap: %s judges" % version)
        return modelbox.Status()

    def data_pre(self, ctx):
        return modelbox.Status()

    def process(self, ctx):
        out = ctx.output("out_image")
        for buffer in ctx.input("in_image"):
            frame = modelbox.Buffer(buffer)
            try:
                frame.set("model", self.swap.stamp().version)
            except BridgeError as error:
                frame.set_error("model_hot_swap.NoModel", str(error))
            out.push_back(frame)
        return modelbox.Status()

    def data_post(self, ctx):
        return modelbox.Status()

    def close(self):
        if self.swap is not None:
            registry.remove(self.swap.board)
            self.swap.close()
            self.swap = None
        return modelbox.Status()


def told(bad, text):
    (modelbox.warn if bad else modelbox.info)("model_hot_swap: " + text)
