"""upload_to_cloud: keeps hard frames for the cloud and passes them on.

in    in_image    a hard frame; its meta (camera, index, model, detections, hard_reasons ...) goes into the sidecar
out   out_image   the same frame

The clean frame is copied, made a JPEG beside the frame path, stored durably in the spool of this box and delivered to
the target when the link allows. Nothing here waits for disk or network: when the spool cannot take a frame, the frame
passes all the same and the refusal is counted with its reason.

Configuration: `target` (a directory, http(s)://, s3://; default HE_SAVED_URL), `spool` (default: in the state
directory), limits, bandwidth and windows: see docs/spool.md.
"""
import os

import _flowunit as modelbox

from edgevision.envelope import frame_in
from edgevision.errors import VisionError
from sedna_bridge import attributes
from sedna_bridge.errors import BridgeError
from sedna_bridge.spool.offer import REFUSED
from sedna_bridge.spool.upload import COURIER_ATTRIBUTES, FACTS, SPOOL_ATTRIBUTES, Upload


class UploadToCloudFlowUnit(modelbox.FlowUnit):
    def open(self, config):
        try:
            self.upload = Upload(attributes.read(config, (*SPOOL_ATTRIBUTES, *COURIER_ATTRIBUTES)), os.environ)
        except BridgeError as error:
            modelbox.error("upload_to_cloud: %s" % error)
            return modelbox.Status(modelbox.Status.StatusCode.STATUS_BADCONF, str(error))
        self.refused = {}
        return modelbox.Status()

    def process(self, ctx):
        out = ctx.output("out_image")
        for buffer in ctx.input("in_image"):
            try:
                picture, color = pixels(frame_in(buffer))
            except VisionError as error:
                self.told("no_picture: %s" % error)
            else:
                offer = self.upload.offer(picture, attributes.meta(buffer, FACTS), color=color)
                if offer.state == REFUSED:
                    self.told(offer.reason)
            out.push_back(buffer)
        return modelbox.Status()

    def told(self, reason):
        """Each reason is logged once, then each time its count doubles."""
        count = self.refused[reason] = self.refused.get(reason, 0) + 1
        if count & (count - 1) == 0:
            modelbox.warn("upload_to_cloud: %d frames not kept: %s" % (count, reason))

    def close(self):
        self.upload.close()
        return modelbox.Status()


def pixels(frame):
    """One array of the frame as it came, and its colours; the conversion is made beside the frame path."""
    if len(frame.planes) == 1:
        return frame.planes[0], frame.format
    if frame.width % 2 or frame.height % 2:
        return frame.bgr(), "bgr"
    return frame.packed().reshape(frame.height * 3 // 2, frame.width), frame.format
