"""How good a model is by day and by night, on pictures of sites that no round has seen."""
from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edgevision.detector import Detector
from edgevision.frame import Frame
from edgevision.metrics import judge
from edgevision.scenes import CLASSES, Scene

from .plan import Plan

DOMAINS = ("day", "night")


@dataclass(frozen=True)
class Mark:
    """Of one model in one domain; precision and recall are means over the classes."""

    mAP50: float
    precision: float
    recall: float
    ap: list[float] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


class Exam:
    """Draws its pictures once, and gives a model its marks."""

    def __init__(self, plan: Plan) -> None:
        self._pictures = {}
        for domain in DOMAINS:
            scene = Scene(plan.exam_seed, domain)
            self._pictures[domain] = [scene.picture(number) for number in range(plan.exam)]

    def marks(self, model: Path) -> dict[str, Mark]:
        """A mark for each domain. `model` is a model's folder or file."""
        found = {}
        with Detector(model, threads=1, score_threshold=0.02) as detector:
            score = detector.manifest.output.score_threshold
            for domain, pictures in self._pictures.items():
                rows = [detector.detect([Frame.from_array(picture.bgr)])[0] for picture in pictures]
                report = judge(rows, [picture.labels for picture in pictures], len(CLASSES), max(score, 0.3))
                found[domain] = Mark(float(report.map50), float(np.nanmean(report.precision)),
                                     float(np.nanmean(report.recall)), [round(float(ap), 4) for ap in report.ap])
        return found
