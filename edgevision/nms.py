"""Which of several overlapping boxes stand for one object: greedy non-maximum suppression, class by class."""
from __future__ import annotations

import numpy as np

_FEW = 64     # up to here plain numbers are faster than arrays
_BLOCK = 256  # boxes whose overlaps are computed at once; bounds the memory of a bad model's thousands of boxes


def overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union of every box in `first` (n, 4) with every box in `second` (m, 4), as (n, m)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    side = np.maximum(high - low, 0)
    both = side[..., 0] * side[..., 1]
    area = (first[:, 2] - first[:, 0]) * (first[:, 3] - first[:, 1])
    other = (second[:, 2] - second[:, 0]) * (second[:, 3] - second[:, 1])
    union = area[:, None] + other[None, :] - both
    return np.divide(both, union, out=np.zeros_like(both), where=union > 0)


def nms(boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, threshold: float,
        most: int | None = None) -> np.ndarray:
    """Indices of the boxes to keep, highest score first.

    A box goes when it overlaps a kept box of its own class by more than `threshold`. Equal scores keep their order.
    `most` limits how many are kept, over all classes together.
    """
    count = len(scores)
    if count == 0:
        return np.zeros(0, np.int64)
    order = np.argsort(-scores, kind="stable")
    if count <= _FEW:
        return order[_few(np.asarray(boxes, np.float64)[order].tolist(), np.asarray(classes)[order].tolist(), threshold,
                          count if most is None else most)]
    boxes = np.asarray(boxes, np.float64)[order]
    classes = np.asarray(classes)[order]
    dead = np.zeros(count, bool)
    kept = []
    for start in range(0, count, _BLOCK):
        rows = start + np.flatnonzero(~dead[start:start + _BLOCK])
        if not rows.size:
            continue
        rest = start + np.flatnonzero(~dead[start:])
        clash = overlaps(boxes[rows], boxes[rest]) > threshold
        clash &= classes[rows][:, None] == classes[rest][None, :]
        for at, row in enumerate(rows):
            if dead[row]:
                continue
            kept.append(row)
            if most is not None and len(kept) >= most:
                return order[np.array(kept)]
            dead[rest[clash[at]]] = True  # the row itself too: it is already kept
    return order[np.array(kept, np.int64)]


def _few(boxes: list[list[float]], classes: list[int], threshold: float, most: int) -> list[int]:
    """Places of the boxes to keep, of a few that stand in order: the same arithmetic as in `overlaps`."""
    kept: list[int] = []
    left = list(range(len(boxes)))
    while left and len(kept) < most:
        best = left[0]
        kept.append(best)
        x1, y1, x2, y2 = boxes[best]
        area, own = (x2 - x1) * (y2 - y1), classes[best]
        rest = []
        for k in left[1:]:
            if classes[k] == own:
                a1, b1, a2, b2 = boxes[k]
                wide, high = min(x2, a2) - max(x1, a1), min(y2, b2) - max(y1, b1)
                if wide > 0 and high > 0:
                    both = wide * high
                    union = area + (a2 - a1) * (b2 - b1) - both
                    if union > 0 and both / union > threshold:
                        continue
            rest.append(k)
        left = rest
    return kept
