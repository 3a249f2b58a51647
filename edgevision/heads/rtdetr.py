"""RT-DETR as Ultralytics exports it since 8.4: chosen rows of a box in 0..1, its score and its class."""
from __future__ import annotations

from typing import Sequence

import numpy as np

from edgevision.heads.base import Found, Head, Shape, corners


class RtDetr(Head):
    name = "rtdetr"
    needs_nms = False
    layout = "one output (batch, boxes, 6): centre, size, score, class"

    def check(self, shapes: Sequence[Shape]) -> None:
        shape = self.one(shapes, 3)
        if shape[2] not in (None, 6):
            raise self.refuse(shapes, "expected 6 numbers a box")

    def decode(self, outputs: Sequence[np.ndarray]) -> list[Found]:
        size = np.array([self.spec.width, self.spec.height] * 2, np.float32)
        found = []
        for rows in outputs[0]:
            few = rows[self.shares(rows[:, 4]) >= self.spec.threshold]
            found.append(Found((corners(self.fractions(few[:, :4])) * size).astype(np.float32),
                               few[:, 4].astype(np.float32), self.known(few[:, 5])))
        return found
