"""A YOLOv3 with its decoding and NMS inside, for one picture: Sedna's helmet inference net.

Besides the picture it is fed the size [height, width] that its boxes are scaled to. It puts out classes (n,),
scores (n,) and boxes (n, 4) as top, left, bottom, right.
"""
from __future__ import annotations

from typing import Sequence

import numpy as np

from edgevision.errors import ModelError
from edgevision.heads.base import Found, Head, Shape


class YoloV3Nms(Head):
    name = "yolov3_nms"
    needs_nms = False
    needs_size = True
    size_order = "hw"
    one_picture = True
    layout = "classes (n), scores (n) and boxes (n, 4) as top, left, bottom, right"

    def check(self, shapes: Sequence[Shape]) -> None:
        if sorted(len(s) for s in shapes) != [1, 1, 2]:
            raise self.refuse(shapes, "expected two outputs of 1 dimension and one of 2")
        boxes = next(s for s in shapes if len(s) == 2)
        if boxes[1] not in (None, 4):
            raise self.refuse(shapes, "expected 4 numbers a box")

    def decode(self, outputs: Sequence[np.ndarray]) -> list[Found]:
        boxes = next(o for o in outputs if o.ndim == 2)
        flat = [o for o in outputs if o.ndim == 1]
        labels = next((o for o in flat if o.dtype.kind in "iu"), flat[0])
        scores = next(o for o in flat if o is not labels)
        if not len(boxes) == len(labels) == len(scores):
            raise ModelError("yolov3_nms: the model found %d boxes, %d classes and %d scores, not as many of each" % (
                len(boxes), len(labels), len(scores)))
        keep = self.shares(scores) >= self.spec.threshold
        return [Found(boxes[keep][:, [1, 0, 3, 2]].astype(np.float32), scores[keep].astype(np.float32),
                      self.known(labels[keep]))]
