"""Distance from what was already sent: a near-duplicate teaches a model nothing new."""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

import numpy as np

from sedna_bridge.hard_examples.base import Filter
from sedna_bridge.hard_examples.facts import FrameFacts, Judgement
from sedna_bridge.hard_examples.parameters import Parameter
from sedna_bridge.hard_examples.scene import Scene

GRID = 16


class Signature(NamedTuple):
    """A frame made small enough to keep hundreds of: a grey grid, if there was a picture, and the boxes."""

    grey: np.ndarray | None
    boxes: np.ndarray


class Sent:
    """The signatures of one camera's sent frames, laid out so that one sweep compares a frame with all of them."""

    def __init__(self, memory: int) -> None:
        self._signatures: deque[Signature] = deque(maxlen=memory)
        self._greys = np.zeros((0, GRID * GRID), np.float32)
        self._boxes = np.zeros((0, 4), np.float32)
        self._frames = np.zeros(0, int)
        self._counts = np.zeros(0, int)

    def add(self, signature: Signature) -> None:
        self._signatures.append(signature)
        blank = np.full(GRID * GRID, np.nan, np.float32)
        self._greys = np.stack([blank if one.grey is None else one.grey for one in self._signatures])
        self._boxes = np.concatenate([one.boxes for one in self._signatures])
        self._counts = np.array([len(one.boxes) for one in self._signatures])
        self._frames = np.repeat(np.arange(len(self._counts)), self._counts)

    def distances(self, this: Signature, enough_picture: float, enough_boxes: float) -> np.ndarray:
        """How far a frame is from each sent one; at 1 it is just far enough to be new."""
        far = np.zeros(len(self._counts), np.float32)
        if this.grey is not None:
            far = np.nan_to_num(np.abs(self._greys - this.grey).mean(axis=1)) / max(enough_picture, 1e-9)
        total = self._counts + len(this.boxes)
        alone = 1 - 2 * np.minimum(self._partners(this.boxes), self._counts) / np.maximum(total, 1)
        return np.maximum(far, np.where(total > 0, alone, 0) / max(enough_boxes, 1e-9))

    def _partners(self, boxes: np.ndarray) -> np.ndarray:
        """For each sent frame, how many of these boxes overlap one of its boxes by half."""
        hit = np.zeros((len(boxes), len(self._counts)), bool)
        if len(boxes) and len(self._boxes):
            low = np.maximum(boxes[:, None, :2], self._boxes[None, :, :2])
            high = np.minimum(boxes[:, None, 2:], self._boxes[None, :, 2:])
            shared = np.prod(np.maximum(high - low, 0), axis=2)
            whole = _areas(boxes)[:, None] + _areas(self._boxes)[None, :] - shared
            one, other = np.nonzero(shared >= 0.5 * np.maximum(whole, 1e-6))
            hit[one, self._frames[other]] = True
        return hit.sum(axis=0)


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
        self._sent: dict[str, Sent] = {}

    def judge(self, facts: FrameFacts, scene: Scene) -> Judgement:
        known = self._sent.get(facts.camera)
        if known is None:
            return Judgement(True, 1.0)
        nearest = float(known.distances(signature(facts), self.novel_picture, self.novel_boxes).min())
        return Judgement(nearest >= 1, min(1.0, nearest / 2))

    def sent(self, facts: FrameFacts) -> None:
        self._sent.setdefault(facts.camera, Sent(int(self.novel_memory))).add(signature(facts))


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
        grey = (grey - grey.mean()).reshape(-1)
    boxes = np.array([box[:4] for box in facts.boxes], np.float32).reshape(-1, 4)
    return Signature(grey, boxes)


def _areas(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
