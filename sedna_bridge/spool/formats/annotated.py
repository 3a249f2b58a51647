"""A picture and its boxes, between all formats of labels."""

from __future__ import annotations

import re
from typing import Any, Mapping, NamedTuple, Sequence

from sedna_bridge.errors import LabelsError

NAME = re.compile(r"[0-9a-f]{64}")


class LabelBox(NamedTuple):
    """One box in pixels of the picture; `label` is the name of its class."""

    x1: float
    y1: float
    x2: float
    y2: float
    label: str
    score: float = 1.0


class Annotated(NamedTuple):
    """One picture by its file name, with its boxes and, for an export, what else is known."""

    file: str
    width: int
    height: int
    boxes: Sequence[LabelBox]
    facts: Mapping[str, Any] = {}

    @property
    def id(self) -> str:
        """The example's name within the file name; tools put prefixes before it."""
        match = NAME.search(self.file)
        return match.group() if match else ""


def from_facts(id: str, facts: Mapping[str, Any], classes: Sequence[str]) -> Annotated:
    """An example's detections as boxes of its picture, which may be smaller than the frame was."""
    picture = facts.get("picture") or {}
    width, height = int(picture.get("width") or 0), int(picture.get("height") or 0)
    frame_width, frame_height = float(facts.get("width") or width or 1), float(facts.get("height") or height or 1)
    across, down = width / frame_width, height / frame_height
    boxes = []
    for row in facts.get("detections") or ():
        try:
            x1, y1, x2, y2 = float(row[0]) * across, float(row[1]) * down, float(row[2]) * across, float(row[3]) * down
            score = float(row[4]) if len(row) > 4 else 1.0
            label = class_name(row[5] if len(row) > 5 else 0, classes)
        except (TypeError, ValueError, IndexError):
            continue
        box = clip(LabelBox(x1, y1, x2, y2, label, score), width, height)
        if box is not None:
            boxes.append(box)
    return Annotated(id + ".jpg", width, height, boxes, facts)


def clip(box: LabelBox, width: int, height: int) -> LabelBox | None:
    """The part of a box that lies in the picture, or nothing."""
    x1, x2 = sorted((min(max(box.x1, 0.0), width), min(max(box.x2, 0.0), width)))
    y1, y2 = sorted((min(max(box.y1, 0.0), height), min(max(box.y2, 0.0), height)))
    return box._replace(x1=x1, y1=y1, x2=x2, y2=y2) if x2 - x1 >= 1 and y2 - y1 >= 1 else None


def class_name(label: Any, classes: Sequence[str]) -> str:
    """The name of a class that is given by number or by name."""
    try:
        number = int(float(label))
    except (TypeError, ValueError):
        return str(label)
    return classes[number] if 0 <= number < len(classes) else str(number)


def class_number(label: str, classes: Sequence[str]) -> int:
    """The number of a class; - and _ and blanks are the same, as Sedna's own files mix them."""
    wanted = _folded(label)
    for number, name in enumerate(classes):
        if _folded(name) == wanted:
            return number
    if label.isdigit() and int(label) < max(1, len(classes)):
        return int(label)
    raise LabelsError(
        "the class %r is none of %s; name the classes in order with --classes" % (label, ", ".join(classes) or "(none)")
    )


def _folded(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", name.strip().lower())
