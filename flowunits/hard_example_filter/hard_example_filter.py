"""hard_example_filter: sends each frame to the port `hard` or `easy`.

in    in_image   a frame whose meta has `detections` (and `camera`, `index`, `width`, `height`, `model` where known)
out   hard       frames worth the cloud's attention
      easy       the others

Writes the meta `hard` (bool), `hard_reasons` (list of str) and `hard_score` (0 to 1, hardest is 1). The frame itself
goes on by reference. Only a filter that compares pictures (`novel`) looks at the pixels. The engine calls from several
threads at once; filters that follow things along time get the frames of a camera in order all the same.

Configuration: `filter` is an expression such as "IBT or flicker" (default IBT); parameters of the filters stand beside
it (`threshold_img = 0.9`); `budget_per_minute`, `budget_per_hour`, `budget_per_day` and `quota` bound what leaves.
Sedna's environment (HEM_NAME, HEM_PARAMETERS) goes before them unless `environment = false`.
"""
import os

import _flowunit as modelbox

from edgevision.envelope import frame_in
from edgevision.errors import VisionError
from sedna_bridge import attributes
from sedna_bridge.errors import BridgeError
from sedna_bridge.hard_examples import FrameFacts, HardExampleFilter, attribute_names
from sedna_bridge.hard_examples.turnstile import Turnstile

KNOWN = ("detections", "other_detections", "probabilities", "camera", "index", "width", "height", "model")


class HardExampleFilterFlowUnit(modelbox.FlowUnit):
    def open(self, config):
        try:
            self.filter = HardExampleFilter.from_environment(os.environ, attributes.read(config, attribute_names()))
        except BridgeError as error:
            modelbox.error("hard_example_filter: %s" % error)
            return modelbox.Status(modelbox.Status.StatusCode.STATUS_BADCONF, str(error))
        self.turnstile = Turnstile()
        modelbox.info("hard_example_filter: %s %s" % (self.filter.expression.text, self.filter.settings()))
        return modelbox.Status()

    def process(self, ctx):
        for buffer in ctx.input("in_image"):
            known = attributes.meta(buffer, KNOWN)
            picture = look(buffer)
            verdict = self.judge(FrameFacts(picture=picture, **known))
            buffer.set("hard", verdict.hard)
            buffer.set("hard_reasons", list(verdict.reasons))
            buffer.set("hard_score", float(verdict.score))
            ctx.output("hard" if verdict.hard else "easy").push_back(buffer)
        return modelbox.Status()

    def judge(self, facts):
        if not self.filter.looks_back:
            return self.filter.judge(facts)
        with self.turnstile.turn(facts.camera, facts.index):
            return self.filter.judge(facts)

    def close(self):
        counts = dict(self.filter.counts)
        if counts:
            modelbox.info("hard_example_filter: %s" % counts)
        return modelbox.Status()


def look(buffer):
    """The pixels, or the brightness of a frame in planes; None where the buffer holds no picture."""
    try:
        return frame_in(buffer).planes[0]
    except VisionError:
        return None
