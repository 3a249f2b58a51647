"""Models that have chosen already: rows of corners, score, class; no NMS is left to do."""
from __future__ import annotations

from typing import Sequence

import numpy as np

from edgevision.heads.base import Found, Head, Shape


class End2End(Head):
    """(b, n, 6): x1, y1, x2, y2, score, class. Or (n, 7): picture, x1, y1, x2, y2, class, score."""

    name = "end2end"
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
        keep = self.shares(scores) >= self.spec.threshold
        return Found(boxes[keep].astype(np.float32), scores[keep].astype(np.float32), self.known(classes[keep]))
