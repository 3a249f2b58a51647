"""What a detector found in one frame: the one value that everything after it passes around."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Iterator, Sequence

import numpy as np

from edgevision.errors import FrameError


def _empty_boxes() -> np.ndarray:
    return np.zeros((0, 4), np.float32)


def _empty_scores() -> np.ndarray:
    return np.zeros(0, np.float32)


def _empty_classes() -> np.ndarray:
    return np.zeros(0, np.int64)


def _ready(thing: object, kind: type) -> bool:
    return type(thing) is np.ndarray and thing.dtype == kind


@dataclass(frozen=True)
class Detections:
    """Boxes x1, y1, x2, y2 in frame pixels (n, 4) float32, scores 0..1 (n,) float32, class numbers (n,) int64.

    >>> Detections.from_meta([[10, 20, 30, 40, 0.9, 2]]).to_meta()
    [[10.0, 20.0, 30.0, 40.0, 0.8999999761581421, 2.0]]
    """

    boxes: np.ndarray = field(default_factory=_empty_boxes)
    scores: np.ndarray = field(default_factory=_empty_scores)
    classes: np.ndarray = field(default_factory=_empty_classes)

    def __post_init__(self) -> None:
        if _ready(self.boxes, np.float32) and _ready(self.scores, np.float32) and _ready(self.classes, np.int64) and (
                self.boxes.shape == (len(self.scores), 4) and self.scores.shape == self.classes.shape):
            return
        boxes = np.asarray(self.boxes, np.float32).reshape(-1, 4) if np.size(self.boxes) else _empty_boxes()
        scores = np.asarray(self.scores, np.float32).reshape(-1)
        classes = np.asarray(self.classes).astype(np.int64).reshape(-1)
        if not len(boxes) == len(scores) == len(classes):
            raise FrameError("detections: expected as many boxes as scores and classes, got %d, %d and %d" % (
                len(boxes), len(scores), len(classes)))
        object.__setattr__(self, "boxes", boxes)
        object.__setattr__(self, "scores", scores)
        object.__setattr__(self, "classes", classes)

    def __len__(self) -> int:
        return len(self.scores)

    def __iter__(self) -> Iterator[tuple[np.ndarray, float, int]]:
        for box, score, cls in zip(self.boxes, self.scores, self.classes):
            yield box, float(score), int(cls)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Detections) and all(
            np.array_equal(mine, theirs) for mine, theirs in
            ((self.boxes, other.boxes), (self.scores, other.scores), (self.classes, other.classes)))

    __hash__ = None  # type: ignore[assignment]

    def pick(self, which: Any) -> Detections:
        """Some of them, by index array or boolean mask."""
        return Detections(self.boxes[which], self.scores[which], self.classes[which])

    def above(self, score: float) -> Detections:
        keep = self.scores >= score
        return self if keep.all() else self.pick(keep)

    def of_class(self, cls: int) -> Detections:
        return self.pick(self.classes == cls)

    def first(self, count: int) -> Detections:
        """Those that stand first; itself where there are no more."""
        return self if len(self) <= count else self.pick(slice(count))

    def best(self, count: int) -> Detections:
        """The `count` highest scores, highest first; equal scores keep their order."""
        return self.pick(np.argsort(-self.scores, kind="stable")[:count])

    def clipped(self, width: int, height: int) -> Detections:
        """The same, with boxes cut at the frame's edges; boxes that lie wholly outside are dropped."""
        boxes = np.minimum(np.maximum(self.boxes, 0), np.array([width, height, width, height], np.float32))
        keep = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        return Detections(boxes[keep], self.scores[keep], self.classes[keep])

    def to_meta(self) -> list[list[float]]:
        """Lists of [x1, y1, x2, y2, score, class], all floats: ModelBox's meta takes only homogeneous lists."""
        table = np.concatenate((self.boxes, self.scores[:, None], self.classes[:, None].astype(np.float32)), axis=1)
        rows: list[list[float]] = table.tolist()
        return rows

    @classmethod
    def from_meta(cls, rows: Sequence[Sequence[float]] | None) -> Detections:
        """From lists of [x1, y1, x2, y2, score, class]; nothing at all means no detections."""
        if rows is None or not len(rows):
            return cls()
        try:
            table = np.asarray(rows, np.float64)
        except (TypeError, ValueError):
            table = np.zeros(0)
        if table.ndim != 2 or table.shape[1] != 6:
            raise FrameError("detections: expected lists of [x1, y1, x2, y2, score, class], got %.120r" % (rows,))
        return cls(table[:, :4], table[:, 4], table[:, 5])
