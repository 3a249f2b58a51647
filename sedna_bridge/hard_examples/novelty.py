"""Distance from what was already sent: a near-duplicate teaches a model nothing new."""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

import numpy as np

from sedna_bridge.hard_examples.base import Filter
from sedna_bridge.hard_examples.facts import Box, FrameFacts, Judgement, pairs
from sedna_bridge.hard_examples.parameters import Parameter
from sedna_bridge.hard_examples.scene import Scene

GRID = 16


class Signature(NamedTuple):
    """A frame made small enough to keep hundreds of."""

    grey: np.ndarray | None
    boxes: list[Box]


class Novel(Filter):
    """Hard where the frame differs from the frames of its camera that were sent lately.

    Two frames differ by their pictures (mean difference of a 16 x 16 grey grid without its mean, so that a cloud
    before the sun is no difference) or by their boxes (share without a partner). Use it as `IBT and novel`. What
    was sent is remembered per camera, in memory: after a restart a near-duplicate may be sent once more.
    """

    name = "novel"
    parameters = {
        "novel_picture": Parameter(0.03, "difference of the pictures, 0 to 1, from which on a frame is new", 0, 1),
        "novel_boxes": Parameter(0.5, "share of boxes without a partner from which on a frame is new", 0, 1),
        "novel_memory": Parameter(200, "sent frames that are remembered for each camera", 1, 100000, True),
    }
    lazy = True
    novel_picture: float
    novel_boxes: float
    novel_memory: float

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._sent: dict[str, deque[Signature]] = {}

    def judge(self, facts: FrameFacts, scene: Scene) -> Judgement:
        known = self._sent.get(facts.camera)
        if not known:
            return Judgement(True, 1.0)
        this = signature(facts)
        nearest = min(self._distance(this, other) for other in known)
        return Judgement(nearest >= 1, min(1.0, nearest / 2))

    def sent(self, facts: FrameFacts) -> None:
        known = self._sent.setdefault(facts.camera, deque(maxlen=int(self.novel_memory)))
        known.append(signature(facts))

    def _distance(self, one: Signature, other: Signature) -> float:
        """How different two frames are; 1 is just enough to be new."""
        distance = 0.0
        if one.grey is not None and other.grey is not None:
            distance = float(np.abs(one.grey - other.grey).mean()) / max(self.novel_picture, 1e-9)
        if distance < 1 and (one.boxes or other.boxes):
            partners = len(pairs(one.boxes, other.boxes, 0.5))
            alone = 1 - 2 * partners / (len(one.boxes) + len(other.boxes))
            distance = max(distance, alone / max(self.novel_boxes, 1e-9))
        return distance


def signature(facts: FrameFacts) -> Signature:
    """The small form of a frame. Reads at most 4 x 4 pixels for each of the grid's cells."""
    picture = facts.picture
    grey = None
    if isinstance(picture, np.ndarray) and picture.ndim in (2, 3) and min(picture.shape[:2]) >= GRID:
        rows, columns = (np.linspace(0, side - 1, GRID * 4).astype(int) for side in picture.shape[:2])
        few = picture[np.ix_(rows, columns)].astype(np.float32)
        if few.ndim == 3:
            few = few.mean(axis=2)
        grey = few.reshape(GRID, 4, GRID, 4).mean(axis=(1, 3)) / 255
        grey -= grey.mean()
    return Signature(grey, facts.boxes)
