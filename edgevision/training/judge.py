"""Runs a net over labelled pictures and says how good it is."""
from __future__ import annotations

from typing import Sequence

import numpy as np
import torch

from edgevision.detections import Detections
from edgevision.metrics import Report, judge
from edgevision.nms import nms
from edgevision.training.loop import to_batch
from edgevision.training.net import Net, decode

LOWEST = 0.02  # scores below this are left out of the average precision


@torch.no_grad()
def detect(net: Net, pictures: Sequence[np.ndarray], batch: int = 16, overlap: float = 0.5) -> list[Detections]:
    """Detections in pictures of the net's own size."""
    net.eval()
    found: list[Detections] = []
    for start in range(0, len(pictures), batch):
        image, _ = to_batch([(p, np.zeros((0, 5), np.float32)) for p in pictures[start:start + batch]])
        boxes, logits = decode(net(image).float())
        for box, logit in zip(boxes.numpy(), logits.sigmoid().numpy()):
            cell, cls = np.nonzero(logit >= LOWEST)
            raw = Detections(box[cell], logit[cell, cls], cls).best(1000)
            found.append(raw.pick(nms(raw.boxes, raw.scores, raw.classes, overlap, 300)))
    return found


def report(net: Net, pictures: Sequence[np.ndarray], labels: Sequence[np.ndarray], score: float = 0.3) -> Report:
    return judge(detect(net, pictures), labels, net.plan.classes, score)
