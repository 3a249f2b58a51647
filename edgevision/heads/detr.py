"""DETR and its heirs: a fixed number of queries, each with a box in 0..1 and a class; no NMS is left to do.

Three forms: logits (b, q, classes or classes + 1) with boxes (b, q, 4); one output (b, q, 4 + classes) with boxes and
ready scores; labels (b, q), boxes (b, q, 4) and scores (b, q), with corners in the pixels of the size that was fed.
One more logit than classes means softmax with "nothing" last (DETR), otherwise sigmoid (Deformable DETR, RT-DETR);
the manifest's `activation` may say otherwise.
"""
from __future__ import annotations

from typing import Sequence

import numpy as np

from edgevision.heads.base import Found, Head, Shape, best_class, corners, sigmoid


class Detr(Head):
    name = "detr"
    needs_nms = False
    layout = "logits and boxes, or boxes and scores in one, or labels, boxes and scores"

    def check(self, shapes: Sequence[Shape]) -> None:
        classes = self.spec.classes
        if len(shapes) == 1:
            self.columns(shapes, self.one(shapes, 3)[2], 4)
        elif len(shapes) == 2:
            if any(len(s) != 3 for s in shapes):
                raise self.refuse(shapes, "expected two outputs of 3 dimensions")
            logits = shapes[1 - self._boxes_at(shapes)]
            if logits[2] not in (None, classes, classes + 1):
                raise self.refuse(shapes, "%d classes need %d or %d logits" % (classes, classes, classes + 1))
        elif len(shapes) == 3:
            if sorted(len(s) for s in shapes) != [2, 2, 3]:
                raise self.refuse(shapes, "expected labels (b, q), boxes (b, q, 4), scores (b, q)")
        else:
            raise self.refuse(shapes, "expected one to three outputs")

    def _boxes_at(self, shapes: Sequence[Shape]) -> int:
        """Which of two outputs holds the boxes: the one with four numbers; when both have four, the second."""
        last = [shape[2] for shape in shapes]
        if last[1] == 4 or (last[1] is None and last[0] != 4):
            return 1
        if last[0] == 4:
            return 0
        raise self.refuse(shapes, "none of the outputs has 4 numbers a box")

    def decode(self, outputs: Sequence[np.ndarray]) -> list[Found]:
        if len(outputs) == 3:
            return self._ready(outputs)
        if len(outputs) == 1:
            boxes, scores = outputs[0][..., :4], outputs[0][..., 4:]
        else:
            at = self._boxes_at([o.shape for o in outputs])
            boxes, scores = outputs[at], self._scores(outputs[1 - at])
        size = np.array([self.spec.width, self.spec.height] * 2, np.float32)
        self.shares(scores)
        return [best_class(corners(self.fractions(b)) * size, s, self.spec.threshold) for b, s in zip(boxes, scores)]

    def _scores(self, logits: np.ndarray) -> np.ndarray:
        usual = "sigmoid" if logits.shape[-1] == self.spec.classes else "softmax"
        if (self.spec.activation or usual) == "sigmoid":
            return sigmoid(logits)[..., :self.spec.classes]
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return (powers / powers.sum(axis=-1, keepdims=True))[..., :self.spec.classes]

    def _ready(self, outputs: Sequence[np.ndarray]) -> list[Found]:
        boxes = next(o for o in outputs if o.ndim == 3)
        flat = [o for o in outputs if o.ndim == 2]
        labels = next((o for o in flat if o.dtype.kind in "iu"), flat[0])
        scores = next(o for o in flat if o is not labels)
        found = []
        for box, label, score in zip(boxes, labels, scores):
            keep = (self.shares(score) >= self.spec.threshold) & (label >= 0)    # -1 fills up
            found.append(Found(box[keep].astype(np.float32), score[keep].astype(np.float32), self.known(label[keep])))
        return found
