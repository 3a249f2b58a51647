"""model_hot_swap: stamps each frame with the version of the model that must judge it; swaps models beside the frames.

in    in_image    a frame
out   out_image   the same frame; its meta `model` names the version

Stands in the line before helmet_detect. New versions are fetched, verified, loaded, warmed up and judged on golden
frames outside the frame path; the switch falls between two frames, is watched for a while and undone by itself when
the new model turns out worse (docs/hot-swap.md). Within a stream versions only move forward, but for a rollback.

Configuration: `model` (a model folder: the first version of an empty store), `source` (where newer ones come from: a
folder to drop models into, an InferenceModel manifest, http(s)://, s3://, Sedna's model_config.json; several separated
by blanks), `store` (default: in the state directory), `period` (seconds between looks), `policy` (availability or
memory), `probation_frames`, `probation_seconds`, `min_kept`, `max_frame_ms`, `threads`. In a Sedna worker its
hot-update file is a source and deployments are reported, unless `environment = false`.
"""
import os

import _flowunit as modelbox

from edgevision import paths, registry
from edgevision.errors import VisionError
from edgevision.swapping import DetectorRuntime
from sedna_bridge import attributes
from sedna_bridge.errors import BridgeError
from sedna_bridge.interpreter import python
from sedna_bridge.models.hot_swap import ATTRIBUTES, HotSwap


class ModelHotSwapFlowUnit(modelbox.FlowUnit):
    def open(self, config):
        settings = attributes.read(config, ATTRIBUTES)
        if settings.get("model"):
            settings["model"] = str(paths.find(settings["model"], __file__))
        try:
            self.swap = HotSwap(settings, DetectorRuntime(python(), config.get_int("threads", 0) or None), os.environ)
            version = self.swap.open(registry.install)
        except (BridgeError, VisionError) as error:
            modelbox.error("model_hot_swap: %s" % error)
            return modelbox.Status(modelbox.Status.StatusCode.STATUS_BADCONF, str(error))
        modelbox.info("model_hot_swap: %s judges" % version)
        return modelbox.Status()

    def data_pre(self, ctx):
        return modelbox.Status()

    def process(self, ctx):
        out = ctx.output("out_image")
        for buffer in ctx.input("in_image"):
            buffer.set("model", self.swap.stamp().version)
            out.push_back(buffer)
        return modelbox.Status()

    def data_post(self, ctx):
        return modelbox.Status()

    def close(self):
        registry.remove(self.swap.board)
        self.swap.close()
        return modelbox.Status()
