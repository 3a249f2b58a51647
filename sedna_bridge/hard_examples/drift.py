"""Drift: the scores of late are spread otherwise than those the model began with."""

from __future__ import annotations

import math
from collections import deque
from typing import Any

from sedna_bridge.hard_examples.base import Filter
from sedna_bridge.hard_examples.facts import EASY, FrameFacts, Judgement
from sedna_bridge.hard_examples.parameters import Parameter
from sedna_bridge.hard_examples.scene import Scene

BINS = 10


class Drift(Filter):
    """Hard are, while the scores of a camera have drifted, the frames with scores that became more frequent.

    The first scores of a model on a camera are the reference; a new model begins a new one. The measure is the
    population stability index over ten bins: below 0.1 nothing happened, above 0.25 something did.
    """

    name = "drift"
    parameters = {
        "drift_reference": Parameter(500, "scores that make the reference", 20, 1e6, True),
        "drift_window": Parameter(200, "latest scores that are compared with it", 20, 1e6, True),
        "drift_index": Parameter(0.25, "stability index from which on the scores have drifted", 0, 100),
    }
    drift_reference: float
    drift_window: float
    drift_index: float

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._views: dict[str, tuple[str, _Spread]] = {}

    def judge(self, facts: FrameFacts, scene: Scene) -> Judgement:
        model, spread = self._views.get(facts.camera, (None, None))
        if spread is None or model != facts.model:
            spread = _Spread(int(self.drift_reference), int(self.drift_window))
            self._views[facts.camera] = (facts.model, spread)
        bins = [min(BINS - 1, max(0, int(box.score * BINS))) for box in facts.boxes]
        for number in bins:
            spread.add(number)
        index = spread.index()
        if index is None or index < self.drift_index or not bins:
            return EASY
        grown = max(spread.growth(number) for number in bins)
        return Judgement(True, min(1.0, 0.5 + grown)) if grown > 0.05 else EASY


class _Spread:
    """Two histograms: the reference, filled first, and the window, which slides."""

    def __init__(self, reference: int, window: int) -> None:
        self._wanted = reference
        self._reference = [0] * BINS
        self._window: deque[int] = deque(maxlen=window)
        self._counts = [0] * BINS
        self._filled = 0

    def add(self, number: int) -> None:
        if self._filled < self._wanted:
            self._reference[number] += 1
            self._filled += 1
            return
        if len(self._window) == self._window.maxlen:
            self._counts[self._window[0]] -= 1
        self._window.append(number)
        self._counts[number] += 1

    def _shares(self) -> list[tuple[float, float]]:
        """Reference and window share of every bin; half a score is added to each, so that no bin is empty."""
        return [
            ((r + 0.5) / (self._filled + BINS / 2), (w + 0.5) / (len(self._window) + BINS / 2))
            for r, w in zip(self._reference, self._counts)
        ]

    def index(self) -> float | None:
        """The stability index, or None until both histograms are full."""
        if len(self._window) < (self._window.maxlen or 0):
            return None
        return sum((now - then) * math.log(now / then) for then, now in self._shares())

    def growth(self, number: int) -> float:
        """By how much the share of a bin has grown."""
        then, now = self._shares()[number]
        return now - then
