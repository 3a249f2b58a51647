"""Models that have chosen already: rows of corners, score, class; no NMS is left to do."""
from __future__ import annotations

from typing import Sequence

import numpy as np

from edgevision.errors import ModelError
from edgevision.heads.base import Found, Head, Shape


class End2End(Head):
    """(b, n, 6): x1, y1, x2, y2, score, class. Or (n, 7): picture, x1, y1, x2, y2, class, score."""

    needs_nms = False
    layout = "one output (batch, boxes, 6), or (boxes, 7)"

    def check(self, shapes: Sequence[Shape]) -> None:
        if len(shapes) != 1 or len(shapes[0]) not in (2, 3):
            raise self.refuse(shapes, "expected one output of 2 or 3 dimensions")
        wanted = 6 if len(shapes[0]) == 3 else 7
        if shapes[0][-1] not in (None, wanted):
            raise self.refuse(shapes, "expected %d numbers a box" % wanted)

    def decode(self, outputs: Sequence[np.ndarray]) -> list[Found]:
        table = outputs[0]
        if table.ndim == 3:
            return [self._rows(rows[:, :4], rows[:, 4], rows[:, 5]) for rows in table]
        pictures = table[:, 0].astype(np.int64)
        return [self._rows(table[pictures == k, 1:5], table[pictures == k, 6], table[pictures == k, 5])
                for k in range(int(pictures.max()) + 1 if len(pictures) else 1)]

    def _rows(self, boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray) -> Found:
        keep = scores >= self.spec.threshold
        chosen = np.rint(classes[keep]).astype(np.int64)
        if chosen.size and (chosen.min() < 0 or chosen.max() >= self.spec.classes):
            raise ModelError("end2end: the model found class %d, but its manifest names %d classes (0 to %d)" % (
                int(chosen.max() if chosen.max() >= self.spec.classes else chosen.min()), self.spec.classes,
                self.spec.classes - 1))
        return Found(boxes[keep].astype(np.float32), scores[keep].astype(np.float32), chosen)
