"""What a filter may know about a frame, and what it answers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Iterable, NamedTuple, Sequence


class Box(NamedTuple):
    """One detection in frame pixels, as every filter of our own reads it."""

    x1: float
    y1: float
    x2: float
    y2: float
    score: float
    label: Any


class Judgement(NamedTuple):
    """What one filter says about one frame. `score` is 0 to 1, hardest is 1.

    `earlier` names frames that went by as easy and turn out to be hard now: an empty frame is known to lie
    between full ones only when the next full one comes.
    """

    hard: bool
    score: float
    earlier: tuple[int, ...] = ()


EASY = Judgement(False, 0.0)


@dataclass
class FrameFacts:
    """One frame as its meta tells it. `detections` is what the model's post-processing returned, untouched.

    `probabilities` are class probabilities of a classifier, for CrossEntropy. `other_detections` are those of a
    second model, None where there is none. `picture` is only read, never kept.
    """

    detections: Any = ()
    probabilities: Any = None
    other_detections: Any = None
    camera: str = ""
    index: int = 0
    width: int = 0
    height: int = 0
    model: str = ""
    picture: Any = None

    @property
    def boxes(self) -> list[Box]:
        """The readable detections; rows that are no boxes are left out."""
        return boxes_of(self.detections)


def rows_of(result: Any) -> Sequence[Any] | None:
    """What a model returned as a sequence: arrays become lists, None becomes empty; None if it is no sequence."""
    if result is None:
        return []
    if hasattr(result, "tolist") and hasattr(result, "shape"):
        result = result.tolist()
    if isinstance(result, (str, bytes, dict)):
        return None
    if isinstance(result, Sequence):
        return result
    return list(result) if isinstance(result, Iterable) else None


def boxes_of(result: Any) -> list[Box]:
    """Every row of at least five finite numbers, as a Box; the label may be missing."""
    boxes = []
    for row in rows_of(result) or ():
        try:
            x1, y1, x2, y2, score = (float(value) for value in row[:5])
            label = row[5] if len(row) > 5 else 0
        except (TypeError, ValueError, IndexError, KeyError):
            continue
        if all(map(math.isfinite, (x1, y1, x2, y2, score))):
            boxes.append(Box(x1, y1, x2, y2, score, _label(label)))
    return boxes


def overlap(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    whole = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - shared
    return shared / whole if whole > 0 else 0.0


def pairs(ones: Sequence[Sequence[float]], others: Sequence[Sequence[float]], least: float) -> list[tuple[int, int]]:
    """The best non-overlapping matches of two lists of boxes, greedily by overlap."""
    candidates = []
    for i, one in enumerate(ones):
        left, right = one[0], one[2]
        for j, other in enumerate(others):
            if other[0] < right and left < other[2]:
                share = overlap(one, other)
                if share >= least and share > 0:
                    candidates.append((-share, i, j))
    candidates.sort()
    found = []
    used_ones: set[int] = set()
    used_others: set[int] = set()
    for _, i, j in candidates:
        if i not in used_ones and j not in used_others:
            used_ones.add(i)
            used_others.add(j)
            found.append((i, j))
    return found


def _label(label: Any) -> Any:
    try:
        number = float(label)
    except (TypeError, ValueError):
        return label
    return int(number) if number.is_integer() else number
