"""Which frames are worth the cloud's attention: Sedna's filters, better ones, and how they are combined.

>>> from sedna_bridge.hard_examples import FrameFacts, HardExampleFilter
>>> judge = HardExampleFilter("IBT or flicker", {"threshold_img": "0.9"}).judge
>>> judge(FrameFacts(detections=[[10, 10, 50, 90, 0.42, 2]], camera="gate")).reasons
('IBT',)
"""

from sedna_bridge.hard_examples.budget import Budget
from sedna_bridge.hard_examples.expression import FILTERS
from sedna_bridge.hard_examples.facts import Box, FrameFacts, Judgement
from sedna_bridge.hard_examples.filter import HardExampleFilter, Verdict, attribute_names
from sedna_bridge.hard_examples.sedna import (
    CloudOnlyFilter,
    CrossEntropyFilter,
    EdgeOnlyFilter,
    IBTFilter,
    RandomFilter,
    ThresholdFilter,
)

__all__ = [
    "FILTERS",
    "Box",
    "Budget",
    "CloudOnlyFilter",
    "CrossEntropyFilter",
    "EdgeOnlyFilter",
    "FrameFacts",
    "HardExampleFilter",
    "IBTFilter",
    "Judgement",
    "RandomFilter",
    "ThresholdFilter",
    "Verdict",
    "attribute_names",
]
