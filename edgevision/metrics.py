"""How good detections are: average precision at IoU 0.5, precision and recall, class by class."""
from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import numpy as np

from edgevision.detections import Detections
from edgevision.errors import FrameError
from edgevision.nms import overlaps


@dataclass(frozen=True)
class Report:
    """Lists with one number for each class; a class without any object in the truth counts as nan in `ap`."""

    precision: list[float]
    recall: list[float]
    ap: list[float]
    objects: list[int]

    @property
    def map50(self) -> float:
        """Mean of the classes that occur in the truth; 0 when none does."""
        known = [ap for ap in self.ap if ap == ap]
        return float(np.mean(known)) if known else 0.0

    def as_dict(self) -> dict[str, object]:
        clean = [0.0 if ap != ap else ap for ap in self.ap]
        return {"precision": self.precision, "recall": self.recall, "mAP": clean, "mAP50": self.map50}


def _truth(rows: object) -> np.ndarray:
    table = np.asarray(rows, np.float64)
    if table.size == 0:
        return np.zeros((0, 5))
    if table.ndim != 2 or table.shape[1] != 5:
        raise FrameError("labels: expected rows of x1, y1, x2, y2, class, got an array of shape %s" % (table.shape,))
    return table


def judge(found: Sequence[Detections], truth: Sequence[object], classes: int, score: float = 0.3,
          overlap: float = 0.5) -> Report:
    """Compare what was found in some pictures with the truth (rows of x1, y1, x2, y2, class).

    Each object is matched once, to the highest score first; average precision is the area under the precision
    envelope over all points. Precision and recall are those at scores of at least `score`.
    """
    if len(found) != len(truth):
        raise FrameError("expected labels for each of the %d pictures, got %d" % (len(found), len(truth)))
    tables = [_truth(rows) for rows in truth]
    precision, recall, aps, objects = [], [], [], []
    for cls in range(classes):
        scores, hits, total = _match(found, tables, cls, overlap)
        order = np.argsort(-scores, kind="stable")
        scores, hits = scores[order], hits[order]
        kept = hits[scores >= score]
        precision.append(float(kept.sum() / kept.size) if kept.size else 0.0)
        recall.append(float(kept.sum() / total) if total else 0.0)
        aps.append(_area(hits, total) if total else float("nan"))
        objects.append(total)
    return Report(precision, recall, aps, objects)


def _match(found: Sequence[Detections], tables: Sequence[np.ndarray], cls: int, overlap: float):
    """Scores of all detections of a class, which of them hit an object, and how many objects there are."""
    scores: list[np.ndarray] = [np.zeros(0)]
    hits: list[np.ndarray] = [np.zeros(0, bool)]
    total = 0
    for detections, table in zip(found, tables):
        boxes = table[table[:, 4] == cls, :4]
        total += len(boxes)
        mine = detections.of_class(cls).best(len(detections))
        hit = np.zeros(len(mine), bool)
        if len(mine) and len(boxes):
            iou = overlaps(mine.boxes.astype(np.float64), boxes)
            free = np.ones(len(boxes), bool)
            for k in range(len(mine)):
                best = int(np.argmax(np.where(free, iou[k], -1)))
                if free[best] and iou[k, best] >= overlap:
                    free[best] = False
                    hit[k] = True
        scores.append(mine.scores.astype(np.float64))
        hits.append(hit)
    return np.concatenate(scores), np.concatenate(hits), total


def _area(hits: np.ndarray, total: int) -> float:
    """Area under the precision envelope; `hits` in order of falling score."""
    if not hits.size:
        return 0.0
    good = np.cumsum(hits)
    recall = np.concatenate(([0.0], good / total))
    precision = good / np.arange(1, hits.size + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall) * envelope))
