"""YOLO-NAS: corners in input pixels, and ready scores; raw, or chosen by its own NMS."""
from __future__ import annotations

from typing import Sequence

import numpy as np

from edgevision.errors import ModelError
from edgevision.heads.base import Found, Head, HeadSpec, Shape, best_class


class YoloNas(Head):
    """Three forms: boxes (b, n, 4) and scores (b, n, classes) before NMS; counts (b, 1), boxes (b, n, 4), scores (b, n)
    and classes (b, n) after it; or (n, 7) after it: picture, x1, y1, x2, y2, score, class."""

    name = "yolonas"
    layout = "boxes and scores; or counts, boxes, scores and classes; or (boxes, 7)"

    def __init__(self, spec: HeadSpec) -> None:
        super().__init__(spec)
        self._boxes_at = 0

    def check(self, shapes: Sequence[Shape]) -> None:
        self.needs_nms = len(shapes) == 2
        if len(shapes) == 1:
            if len(shapes[0]) != 2 or shapes[0][1] not in (None, 7):
                raise self.refuse(shapes, "expected (boxes, 7)")
        elif len(shapes) == 2:
            if any(len(shape) != 3 for shape in shapes) or not any(shape[2] in (None, 4) for shape in shapes):
                raise self.refuse(shapes, "expected boxes (b, n, 4) and scores (b, n, classes)")
            # Where both have four numbers the boxes come first, as YOLO-NAS puts them out.
            self._boxes_at = 0 if shapes[0][2] == 4 or shapes[1][2] not in (None, 4) else 1
            self.columns(shapes, shapes[1 - self._boxes_at][2], 0)
        elif [len(shape) for shape in shapes] != [2, 3, 2, 2] or shapes[1][2] not in (None, 4):
            raise self.refuse(shapes, "expected one, two, or four of them")

    def decode(self, outputs: Sequence[np.ndarray]) -> list[Found]:
        if len(outputs) == 2:
            boxes, scores = outputs[self._boxes_at], outputs[1 - self._boxes_at]
            self.shares(scores)
            found = [best_class(b, s, self.spec.threshold) for b, s in zip(boxes, scores)]
        elif len(outputs) == 1:
            table = outputs[0]
            pictures = table[:, 0].astype(np.int64)
            found = [self._ready(*np.split(table[pictures == k, 1:], (4, 5), axis=1))
                     for k in range(int(pictures.max()) + 1 if len(pictures) else 1)]
        else:
            found = [self._ready(b[:self._count(n, b)], s, c) for n, b, s, c in zip(*outputs)]
        for few in found:
            if few.boxes.size and float(few.boxes.max()) <= 2:
                raise self.doubt("its boxes end at %.3g, as shares of the picture do; this head takes pixels" % float(
                    few.boxes.max()))
        return found

    def _count(self, count: np.ndarray, boxes: np.ndarray) -> int:
        number = int(count.reshape(-1)[0])
        if not 0 <= number <= len(boxes):
            raise ModelError("yolonas: the model counts %d boxes and puts out %d" % (number, len(boxes)))
        return number

    def _ready(self, boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray) -> Found:
        scores, classes = scores.reshape(-1)[:len(boxes)], classes.reshape(-1)[:len(boxes)]
        keep = self.shares(scores) >= self.spec.threshold
        return Found(boxes[keep].astype(np.float32), scores[keep].astype(np.float32), self.known(classes[keep]))
