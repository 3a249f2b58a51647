"""YOLOv8 and its heirs (11, 12), and our own models: (b, 4 + classes, n), no objectness."""
from __future__ import annotations

from typing import Sequence

import numpy as np

from edgevision.heads.base import Found, Head, Shape, corners


class YoloV8(Head):
    name = "yolov8"
    layout = "one output (batch, 4 + classes, boxes)"

    def check(self, shapes: Sequence[Shape]) -> None:
        self.columns(shapes, self.one(shapes, 3)[1], 4)

    def decode(self, outputs: Sequence[np.ndarray]) -> list[Found]:
        found = []
        for rows in outputs[0]:
            # Look at the scores where they lie, and touch the boxes of the few that pass only.
            top = rows[4:].max(axis=0)
            keep = np.flatnonzero(self.shares(top) >= self.spec.threshold)
            classes = rows[4:, keep].argmax(axis=0)
            found.append(Found(corners(rows[:4, keep].T.astype(np.float32)), top[keep].astype(np.float32), classes))
        return found
