"""Which cells answer for which object, and how wrong they are.

Task-aligned assignment: among the cells around an object, those that already say the right class with the best box
answer for it, and their target score is how good that box is. So a score means quality, and no anchor is tuned by hand.
"""
from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from edgevision.training.net import decode, grid
from edgevision.training.plan import HEAD_STRIDE

TOP = 8  # cells that answer for one object
_FLOOR = 0.3  # least target score of an object's best cell: without it small objects, missed at first, teach nothing
_REACH = 1.3 * HEAD_STRIDE  # a small object is looked for this far around its centre


def pad_targets(labels: list[np.ndarray]) -> torch.Tensor:
    """Labels of a batch, rows x1, y1, x2, y2, class, as one tensor (batch, most, 5); class -1 fills."""
    most = max([1] + [len(rows) for rows in labels])
    table = np.full((len(labels), most, 5), -1, np.float32)
    for k, rows in enumerate(labels):
        if len(rows):
            table[k, :len(rows)] = rows
    return torch.from_numpy(table)


def iou_pairs(first: torch.Tensor, second: torch.Tensor, complete: bool = False) -> torch.Tensor:
    """IoU of boxes that broadcast against each other; `complete` adds CIoU's terms of distance and shape."""
    low = torch.maximum(first[..., :2], second[..., :2])
    high = torch.minimum(first[..., 2:], second[..., 2:])
    both = (high - low).clamp(min=0).prod(-1)
    side1, side2 = first[..., 2:] - first[..., :2], second[..., 2:] - second[..., :2]
    union = side1.prod(-1) + side2.prod(-1) - both + 1e-7
    iou = both / union
    if not complete:
        return iou
    hull = torch.maximum(first[..., 2:], second[..., 2:]) - torch.minimum(first[..., :2], second[..., :2])
    apart = (first[..., :2] + first[..., 2:] - second[..., :2] - second[..., 2:]).square().sum(-1) / 4
    shape = (4 / torch.pi ** 2) * (torch.atan(side2[..., 0] / (side2[..., 1] + 1e-7))
                                   - torch.atan(side1[..., 0] / (side1[..., 1] + 1e-7))).square()
    with torch.no_grad():
        weight = shape / (1 - iou + shape + 1e-7)
    return iou - apart / (hull.square().sum(-1) + 1e-7) - weight * shape


@torch.no_grad()
def assign(boxes: torch.Tensor, logits: torch.Tensor, targets: torch.Tensor,
           centres: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """For each cell: does it answer (bool), for which row of targets, and with which target score."""
    valid = targets[..., 4] >= 0
    wanted = targets[..., :4]
    middle = (wanted[..., :2] + wanted[..., 2:]) / 2
    half = ((wanted[..., 2:] - wanted[..., :2]) / 2).clamp(min=_REACH)
    near = ((centres[None, None] - middle[:, :, None]).abs() < half[:, :, None]).all(-1) & valid[..., None]
    iou = iou_pairs(wanted[:, :, None], boxes[:, None]).clamp(min=0) * near
    cls = targets[..., 4].long().clamp(min=0)
    score = logits.sigmoid().transpose(1, 2).gather(1, cls[..., None].expand(-1, -1, logits.shape[1]))
    merit = score.sqrt() * iou.pow(4) * near
    chosen = torch.zeros_like(near)
    top = merit.topk(min(TOP, merit.shape[-1]), dim=-1)
    chosen.scatter_(-1, top.indices, top.values > 1e-9)
    merit = merit * chosen
    best = merit.amax(-1, keepdim=True)
    quality = merit / (best + 1e-9) * (iou * chosen).amax(-1, keepdim=True).clamp(min=_FLOOR)
    value, owner = (iou * chosen).max(1)
    answers = value > 0
    return answers, owner, quality.gather(1, owner[:, None])[:, 0] * answers


def loss(raw: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, float, float]:
    """Total loss of a batch, and its two parts (class, box) as numbers."""
    raw = raw.float()
    boxes, logits = decode(raw)
    centres = grid(raw.shape[2], raw.shape[3])
    answers, owner, quality = assign(boxes.detach(), logits.detach(), targets, centres)
    total = quality.sum().clamp(min=1.0)
    goal = torch.zeros_like(logits)
    cls = targets[..., 4].long().clamp(min=0).gather(1, owner)
    goal.scatter_(2, cls[..., None], quality[..., None])
    class_loss = functional.binary_cross_entropy_with_logits(logits, goal, reduction="sum") / total
    wanted = targets[..., :4].gather(1, owner[..., None].expand(-1, -1, 4))
    box_loss = ((1 - iou_pairs(boxes[answers], wanted[answers], complete=True)) * quality[answers]).sum() / total
    return class_loss + 5.0 * box_loss, float(class_loss.detach()), float(box_loss.detach())
