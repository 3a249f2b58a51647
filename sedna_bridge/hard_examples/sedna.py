"""Sedna's own filters: the same arithmetic, names and parameters, without the crashes.

Each can be called as in Sedna, with what the model returned: `IBTFilter(threshold_img="0.9")(boxes)`. The order of
the floating point operations is Sedna's, so that borderline frames fall on the same side. Where Sedna's lib
raises, the answer here is:

| input                                     | Sedna            | here                                          |
|-------------------------------------------|------------------|-----------------------------------------------|
| array instead of a list                   | ValueError       | judged as the list of its rows                |
| empty array                               | warning or False | easy                                          |
| scores or probabilities as text           | TypeError        | read as numbers                               |
| rows that are no boxes, text, None in it  | TypeError        | easy                                          |
| CrossEntropy with a probability of 0      | ValueError       | it adds 0, the limit of p ln p                |
| CrossEntropy with a single class          | ZeroDivision,    | easy: there is nothing to be unsure about     |
|                                           | hard if numpy's  |                                               |
| CrossEntropy with boxes                   | TypeError        | easy: a box is no class probability           |
| Random with a ratio as text               | TypeError        | the ratio as a number                         |
"""

from __future__ import annotations

import math
import random
from typing import Any

from sedna_bridge.hard_examples.base import Filter
from sedna_bridge.hard_examples.facts import EASY, FrameFacts, Judgement, rows_of
from sedna_bridge.hard_examples.parameters import Parameter
from sedna_bridge.hard_examples.scene import Scene

_UNREADABLE = (TypeError, ValueError, KeyError, IndexError, OverflowError)


class SednaFilter(Filter):
    """A filter that sees nothing but what the model returned for this one frame."""

    def __call__(self, infer_result: Any = None) -> bool:
        """Sedna's question: is this result a hard example?"""
        return self.result(infer_result).hard

    def judge(self, facts: FrameFacts, scene: Scene) -> Judgement:
        return self.result(facts.detections)

    def result(self, infer_result: Any) -> Judgement:
        """The judgement of what a model returned."""
        try:
            rows = rows_of(infer_result)
            return self._measure(rows) if rows else EASY
        except _UNREADABLE:
            return EASY

    def _measure(self, rows: Any) -> Judgement:
        raise NotImplementedError


class IBTFilter(SednaFilter):
    """Hard where the share of boxes with score <= threshold_box reaches 1 - threshold_img."""

    name = "IBT"
    parameters = {
        "threshold_img": Parameter(0.5, "hard from a share of 1 - threshold_img of doubtful boxes on"),
        "threshold_box": Parameter(0.5, "a box with at most this score is doubtful"),
    }
    threshold_img: float
    threshold_box: float

    def __init__(self, threshold_img: Any = 0.5, threshold_box: Any = 0.5, **ignored: Any) -> None:
        super().__init__(threshold_img=threshold_img, threshold_box=threshold_box)

    def _measure(self, rows: Any) -> Judgement:
        if not all(len(row) > 4 for row in rows):
            return EASY
        scores = [float(row[4]) for row in rows]
        if not all(0 <= score <= 1 for score in scores):
            return EASY
        share = len([score for score in scores if score <= self.threshold_box]) / len(rows)
        return Judgement(share >= (1 - self.threshold_img), share)


class ThresholdFilter(SednaFilter):
    """Hard where the mean score of the boxes is below the threshold."""

    name = "Threshold"
    parameters = {"threshold": Parameter(0.5, "hard below this mean score")}
    threshold: float

    def __init__(self, threshold: Any = 0.5, **ignored: Any) -> None:
        super().__init__(threshold=threshold)

    def _measure(self, rows: Any) -> Judgement:
        if not all(len(row) > 4 for row in rows):
            return EASY
        total: Any = 0
        for row in rows:
            total += float(row[4]) if isinstance(row[4], (str, bytes)) else row[4]
        mean = total / len(rows)
        return Judgement(bool(mean < self.threshold), _within(1 - float(mean)))


class CrossEntropyFilter(SednaFilter):
    """Hard where 1 + sum(p ln p) / ln n of the class probabilities is below the threshold."""

    name = "CrossEntropy"
    parameters = {"threshold_cross_entropy": Parameter(0.5, "hard below this certainty")}
    threshold_cross_entropy: float

    def __init__(self, threshold_cross_entropy: Any = 0.5, **ignored: Any) -> None:
        super().__init__(threshold_cross_entropy=threshold_cross_entropy)

    def judge(self, facts: FrameFacts, scene: Scene) -> Judgement:
        return self.result(facts.detections if facts.probabilities is None else facts.probabilities)

    def _measure(self, rows: Any) -> Judgement:
        chances = [float(chance) if isinstance(chance, (str, bytes)) else chance for chance in rows]
        if not all(0 <= float(chance) <= 1 for chance in chances) or len(chances) == 1:
            return EASY
        total = 0.0
        for chance in chances:
            if chance > 0:
                total += chance * math.log(chance)
        certainty = 1 + 1.0 * total / math.log(len(chances))
        return Judgement(bool(certainty < self.threshold_cross_entropy), _within(1 - certainty))


class RandomFilter(SednaFilter):
    """Hard by chance: one draw per frame, from the process's generator as in Sedna unless a seed is given."""

    name = "Random"
    parameters = {"random_ratio": Parameter(0.3, "share of the frames that are hard")}
    random_ratio: float

    def __init__(self, random_ratio: Any = 0.3, random_seed: Any | None = None, **ignored: Any) -> None:
        super().__init__(random_ratio=random_ratio)
        self._uniform = random.uniform if random_seed is None else random.Random(str(random_seed)).uniform

    def result(self, infer_result: Any) -> Judgement:
        return Judgement(self._uniform(0, 1) < self.random_ratio, 0.5)


class CloudOnlyFilter(SednaFilter):
    """Every frame is hard."""

    name = "CloudOnly"

    def __init__(self, **ignored: Any) -> None:
        super().__init__()

    def result(self, infer_result: Any) -> Judgement:
        return Judgement(True, 0.5)


class EdgeOnlyFilter(SednaFilter):
    """No frame is hard."""

    name = "EdgeOnly"

    def __init__(self, **ignored: Any) -> None:
        super().__init__()

    def result(self, infer_result: Any) -> Judgement:
        return EASY


def _within(value: float) -> float:
    return min(1.0, max(0.0, value)) if value == value else 0.0
