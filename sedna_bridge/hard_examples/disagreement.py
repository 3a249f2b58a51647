"""Disagreement with a second model: what two models see differently, at least one sees wrongly."""

from __future__ import annotations

from sedna_bridge.hard_examples.base import Filter
from sedna_bridge.hard_examples.facts import EASY, FrameFacts, Judgement, boxes_of, pairs
from sedna_bridge.hard_examples.parameters import Parameter
from sedna_bridge.hard_examples.scene import Scene


class Disagreement(Filter):
    """Hard where too few boxes of the two models agree in place and class; easy where there is no second model."""

    name = "disagreement"
    parameters = {
        "disagreement_share": Parameter(0.3, "hard from this share of boxes without a partner on", 0, 1),
        "disagreement_overlap": Parameter(0.5, "overlap (IoU) from which on two boxes are partners", 0.01, 1),
    }
    disagreement_share: float
    disagreement_overlap: float

    def judge(self, facts: FrameFacts, scene: Scene) -> Judgement:
        if facts.other_detections is None:
            return EASY
        ours, theirs = facts.boxes, boxes_of(facts.other_detections)
        if not ours and not theirs:
            return EASY
        agreed = 0
        for label in {box.label for box in ours}:
            agreed += len(
                pairs(
                    [box for box in ours if box.label == label],
                    [box for box in theirs if box.label == label],
                    self.disagreement_overlap,
                )
            )
        share = 1 - 2 * agreed / (len(ours) + len(theirs))
        return Judgement(share > 0 and share >= self.disagreement_share, share)
