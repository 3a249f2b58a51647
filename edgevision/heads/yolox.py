"""YOLOX: offsets in cells and logarithms of sizes for strides 8, 16, 32 (and 64 in its largest form)."""
from __future__ import annotations

from typing import Sequence

import numpy as np

from edgevision.errors import ModelError
from edgevision.heads.base import Found, Head, HeadSpec, Shape, best_class, corners

_LARGEST = 20.0


class YoloX(Head):
    name = "yolox"
    layout = "one output (batch, cells, 5 + classes)"

    def __init__(self, spec: HeadSpec) -> None:
        super().__init__(spec)
        self._grids = {}
        for strides in ((8, 16, 32), (8, 16, 32, 64)):
            grid, step = _grid(spec.width, spec.height, strides)
            self._grids[len(grid)] = (grid, step)

    def check(self, shapes: Sequence[Shape]) -> None:
        shape = self.one(shapes, 3)
        self.columns(shapes, shape[2], 5)
        if shape[1] is not None and shape[1] not in self._grids:
            raise self.refuse(shapes, "an input of %dx%d has %s cells" % (
                self.spec.width, self.spec.height, " or ".join(str(n) for n in self._grids)))

    def decode(self, outputs: Sequence[np.ndarray]) -> list[Found]:
        if outputs[0].shape[1] not in self._grids:
            raise ModelError("yolox: expected %s cells for an input of %dx%d, the model put out %d" % (
                " or ".join(str(n) for n in self._grids), self.spec.width, self.spec.height, outputs[0].shape[1]))
        grid, step = self._grids[outputs[0].shape[1]]
        found = []
        for rows in outputs[0]:
            keep = np.flatnonzero(self.shares(rows[:, 4]) >= self.spec.threshold)
            few = rows[keep]
            self.shares(few[:, 5:])
            centre = (few[:, :2] + grid[keep]) * step[keep]
            size = np.exp(np.minimum(few[:, 2:4], _LARGEST)) * step[keep]
            found.append(best_class(corners(np.concatenate((centre, size), axis=1)), few[:, 4:5] * few[:, 5:],
                                    self.spec.threshold))
        return found


def cells(width: int, height: int, strides: Sequence[int] = (8, 16, 32)) -> int:
    """How many cells the strides have together."""
    return sum((width // s) * (height // s) for s in strides)


def _grid(width: int, height: int, strides: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Cell positions and strides, finest level first, row by row."""
    grids, steps = [], []
    for stride in strides:
        ys, xs = np.meshgrid(np.arange(height // stride), np.arange(width // stride), indexing="ij")
        grids.append(np.stack((xs, ys), axis=-1).reshape(-1, 2))
        steps.append(np.full((grids[-1].shape[0], 1), stride))
    return np.concatenate(grids).astype(np.float32), np.concatenate(steps).astype(np.float32)
