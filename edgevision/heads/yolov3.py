"""YOLOv3 with raw maps, as in Sedna's helmet example: anchors, sigmoids and exponents are ours to apply.

xy = (sigmoid(t) + cell) / grid, wh = exp(t) * anchor / input, score = sigmoid(objectness) * sigmoid(class); every class
above the threshold counts, so one box may be found as two classes.
"""
from __future__ import annotations

from typing import Sequence

import numpy as np

from edgevision.heads.base import Found, Head, HeadSpec, Shape, sigmoid

# Sedna's anchors (width, height), small to large; its last one is 163 wide where the original YOLOv3 has 373.
SEDNA_ANCHORS: tuple[tuple[float, float], ...] = (
    (10, 13), (16, 30), (33, 23), (30, 61), (62, 45), (59, 119), (116, 90), (156, 198), (163, 326))
_LARGEST = 20.0  # cap on an exponent: a box larger than any picture, and no overflow


class YoloV3(Head):
    name = "yolov3"
    layout = "three maps (batch, 3 * (5 + classes), h, w) or (batch, h, w, 3 * (5 + classes))"

    def __init__(self, spec: HeadSpec) -> None:
        super().__init__(spec)
        self._anchors = np.array(spec.anchors or SEDNA_ANCHORS, np.float32)

    def check(self, shapes: Sequence[Shape]) -> None:
        if len(self._anchors) % max(1, len(shapes)):
            raise self.refuse(shapes, "%d anchors cannot be shared by %d outputs" % (len(self._anchors), len(shapes)))
        each = len(self._anchors) // max(1, len(shapes))
        wanted = each * (5 + self.spec.classes)
        for shape in shapes:
            if len(shape) != 4:
                raise self.refuse(shapes, "expected 4 dimensions, got %d" % len(shape))
            if None not in (shape[1], shape[3]) and wanted not in (shape[1], shape[3]):
                raise self.refuse(shapes, "%d classes and %d anchors a map need %d channels" % (
                    self.spec.classes, each, wanted))

    def decode(self, outputs: Sequence[np.ndarray]) -> list[Found]:
        each = len(self._anchors) // len(outputs)
        channels = each * (5 + self.spec.classes)
        maps = [m if m.shape[3] == channels else m.transpose(0, 2, 3, 1) for m in outputs]
        maps.sort(key=lambda m: -m.shape[1] * m.shape[2])  # finest first: it has the smallest anchors
        found = []
        for picture in range(len(maps[0])):
            boxes, scores, classes = [], [], []
            for level, rows in enumerate(maps):
                part = self._level(rows[picture], self._anchors[level * each:(level + 1) * each])
                boxes.append(part.boxes)
                scores.append(part.scores)
                classes.append(part.classes)
            found.append(Found(np.concatenate(boxes), np.concatenate(scores), np.concatenate(classes)))
        return found

    def _level(self, rows: np.ndarray, anchors: np.ndarray) -> Found:
        high, wide = rows.shape[:2]
        cells = rows.reshape(high, wide, len(anchors), 5 + self.spec.classes)
        objectness = sigmoid(cells[..., 4])
        y, x, a = np.nonzero(objectness >= self.spec.threshold)
        few = cells[y, x, a]
        step = np.array([self.spec.width / wide, self.spec.height / high], np.float32)
        centre = (sigmoid(few[:, :2]) + np.stack((x, y), axis=-1)) * step
        half = np.exp(np.minimum(few[:, 2:4], _LARGEST)) * anchors[a] / 2
        scores = objectness[y, x, a][:, None] * sigmoid(few[:, 5:])
        which, cls = np.nonzero(scores >= self.spec.threshold)
        boxes = np.concatenate((centre - half, centre + half), axis=-1).astype(np.float32).reshape(-1, 4)
        return Found(boxes[which], scores[which, cls].astype(np.float32), cls)
