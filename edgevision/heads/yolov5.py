"""YOLOv5, YOLOv6, YOLOv7 and decoded YOLOv3 and YOLOX: a box's score is its objectness times its class's."""
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
        if len(shapes) > 1 and sum(len(shape) == 3 for shape in shapes) > 1:
            raise self.refuse(shapes, "expected one output of 3 dimensions, or maps of 5")

    def decode(self, outputs: Sequence[np.ndarray]) -> list[Found]:
        # Exports for training put out their raw maps beside the decoded table.
        outputs = [output for output in outputs if output.ndim == 3] or outputs
        flat = [output.reshape(len(output), -1, output.shape[-1]) for output in outputs]
        table = flat[0] if len(flat) == 1 else np.concatenate(flat, axis=1)
        found = []
        for rows in table:
            # A class's score is at most 1, so a box below the threshold by objectness alone cannot pass.
            rows = rows[self.shares(rows[:, 4]) >= self.spec.threshold]
            found.append(best_class(corners(rows[:, :4]), self.scores(rows), self.spec.threshold))
        return found

    def scores(self, rows: np.ndarray) -> np.ndarray:
        return rows[:, 4:5] * self.shares(rows[:, 5:])


class YoloV7(YoloV5):
    """The same, but with one class the objectness alone is the score: the class's was not trained."""

    name = "yolov7"

    def scores(self, rows: np.ndarray) -> np.ndarray:
        return rows[:, 4:5] if self.spec.classes == 1 else super().scores(rows)
