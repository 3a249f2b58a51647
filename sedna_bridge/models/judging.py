"""Is the new model fit to judge frames? Verdicts on golden frames, by arithmetic on boxes only.

A better model may see much that the old one missed, so the old one is not the truth. What is asked of the new one:
finite numbers, every class that the line needs, the boxes that the old one was sure of, and a time per frame that the
line can bear.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from statistics import median
from typing import Mapping, Sequence

from .runtime import Detections, Judged


@dataclass(frozen=True)
class Gate:
    """What a new model must reach, and how long each step may take."""

    min_kept: float = 0.5
    sure_score: float = 0.6
    match_iou: float = 0.5
    max_boxes: int = 300
    max_frame_seconds: float | None = None
    max_slowdown: float | None = None
    class_map: Mapping[str, str] = field(default_factory=dict)
    needed_classes: Sequence[str] | None = None
    load_seconds: float = 60.0
    warm_up_seconds: float = 30.0
    judge_seconds: float = 60.0
    drain_seconds: float = 10.0
    quiet_seconds: float = 2.0
    golden_frames: int = 16


def same_name(name: str) -> str:
    """Class names are compared without regard to case, blanks, '-' and '_': Sedna writes helmet_on and helmet-on."""
    return re.sub(r"[\s_\-]+", "_", name.strip().lower())


def mapped(names: Sequence[str], class_map: Mapping[str, str]) -> list[str]:
    """The classes of the new model under the names that the line knows."""
    table = {same_name(new): same_name(old) for new, old in class_map.items()}
    return [table.get(same_name(name), same_name(name)) for name in names]


def missing_classes(old: Sequence[str], new: Sequence[str], gate: Gate) -> list[str]:
    """The classes that the line needs and the new model lacks. Order and extra classes do not matter."""
    needed = old if gate.needed_classes is None else gate.needed_classes
    have = set(mapped(new, gate.class_map))
    return [name for name in needed if same_name(name) not in have]


def broken_numbers(detections: Detections, max_boxes: int) -> str:
    """Why these detections cannot be the work of a sound model; empty when they can."""
    if len(detections) > max_boxes:
        return "%d boxes in one frame (at most %d)" % (len(detections), max_boxes)
    for box in detections:
        if len(box) < 6:
            return "a detection of %d numbers instead of 6" % len(box)
        if not all(math.isfinite(float(value)) for value in box[:6]):
            return "a detection with NaN or infinite numbers: %s" % [float(v) for v in box[:6]]
        if not -1e-3 <= float(box[4]) <= 1.001:
            return "a score of %g (expected 0 to 1)" % float(box[4])
    return ""


def iou(one: Sequence[float], two: Sequence[float]) -> float:
    """Intersection over union of two boxes."""
    width = min(one[2], two[2]) - max(one[0], two[0])
    height = min(one[3], two[3]) - max(one[1], two[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    area = (one[2] - one[0]) * (one[3] - one[1]) + (two[2] - two[0]) * (two[3] - two[1]) - both
    return both / area if area > 0 else 0.0


def kept_share(
    old: Sequence[Detections], new: Sequence[Detections], old_names: Sequence[str], new_names: Sequence[str], gate: Gate
) -> float | None:
    """Of the boxes that the old model was sure of, the share that the new one finds too; None when there were none."""
    sure = found = 0
    names = mapped(new_names, gate.class_map)
    for before, after in zip(old, new):
        free = list(after)
        for box in sorted(before, key=lambda b: -b[4]):
            if box[4] < gate.sure_score:
                continue
            sure += 1
            fits = [b for b in free if _name(names, b) == _name(old_names, box) and iou(b, box) >= gate.match_iou]
            if fits:
                best = max(fits, key=lambda b: iou(b, box))
                free.remove(best)
                found += 1
    return found / sure if sure else None


def _name(names: Sequence[str], box: Sequence[float]) -> str:
    index = int(box[5])
    return same_name(names[index]) if 0 <= index < len(names) else str(index)


def verdict(
    old: Sequence[Judged] | None, new: Sequence[Judged], old_names: Sequence[str], new_names: Sequence[str], gate: Gate
) -> tuple[str, dict[str, float]]:
    """(why the new model is not fit, or empty; the figures)."""
    figures: dict[str, float] = {"golden_frames": len(new)}
    lacks = missing_classes(old_names, new_names, gate) if new_names else []
    if lacks:
        return (
            "the new model lacks the classes %s (it has %s); give a class map or name the needed classes"
            % (", ".join(lacks), ", ".join(new_names)),
            figures,
        )
    for number, judged in enumerate(new):
        why = broken_numbers(judged.detections, gate.max_boxes)
        if why:
            return "golden frame %d: %s" % (number, why), figures
    if not new:
        return "", figures
    seconds = median(judged.seconds for judged in new)
    figures["frame_ms"] = round(seconds * 1000, 3)
    if gate.max_frame_seconds and seconds > gate.max_frame_seconds:
        return (
            "%.1f ms for a frame; the line bears %.1f ms" % (seconds * 1000, gate.max_frame_seconds * 1000),
            figures,
        )
    if old:
        before = median(judged.seconds for judged in old)
        figures["old_frame_ms"] = round(before * 1000, 3)
        if gate.max_slowdown and before > 0 and seconds > before * gate.max_slowdown:
            return "%.1f times as slow as the old model (at most %.1f)" % (seconds / before, gate.max_slowdown), figures
        share = kept_share(
            [judged.detections for judged in old], [judged.detections for judged in new], old_names, new_names, gate
        )
        if share is not None:
            figures["kept"] = round(share, 4)
            if share < gate.min_kept:
                return (
                    "it finds %.0f %% of the boxes that the old model was sure of on golden frames (at least %.0f %%)"
                    % (share * 100, gate.min_kept * 100),
                    figures,
                )
    return "", figures
