"""YOLOv5, YOLOv7 and decoded YOLOv3: every box has an objectness, and its score is that times the class's."""
from __future__ import annotations

from typing import Sequence

import numpy as np

from edgevision.heads.base import Found, Head, Shape, best_class, corners


class YoloV5(Head):
    name = "yolov5"
    layout = "outputs (batch, ..., 5 + classes) in input pixels; several are read as one"

    def check(self, shapes: Sequence[Shape]) -> None:
        if not shapes:
            raise self.refuse(shapes, "expected at least one output")
        for shape in shapes:
            if len(shape) not in (3, 5):
                raise self.refuse(shapes, "expected 3 or 5 dimensions, got %d" % len(shape))
            self.columns(shapes, shape[-1], 5)

    def decode(self, outputs: Sequence[np.ndarray]) -> list[Found]:
        flat = [output.reshape(len(output), -1, output.shape[-1]) for output in outputs]
        table = flat[0] if len(flat) == 1 else np.concatenate(flat, axis=1)
        found = []
        for rows in table:
            # A class's score is at most 1, so a box below the threshold by objectness alone cannot pass.
            rows = rows[rows[:, 4] >= self.spec.threshold]
            found.append(best_class(corners(rows[:, :4]), rows[:, 4:5] * rows[:, 5:], self.spec.threshold))
        return found
