"""A sample: one picture with its boxes, or with one class."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from sedna_bridge.datasets.errors import Problem

HELMET_CLASSES = ("person", "helmet", "helmet_on", "helmet_off")
"""The classes of Sedna's helmet example, in its order."""


@dataclass(frozen=True)
class Box:
    """Corners in pixels of the picture, and the number of the class."""

    x1: float
    y1: float
    x2: float
    y2: float
    label: int

    def values(self) -> tuple[float, float, float, float, int]:
        return (self.x1, self.y1, self.x2, self.y2, self.label)

    @property
    def width(self) -> float:
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        return self.y2 - self.y1

    def text(self) -> str:
        """As in Sedna's lines: x1,y1,x2,y2,cls with whole numbers where they are whole."""
        return ",".join([*(_short(value) for value in self.values()[:4]), str(self.label)])


def _short(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else f"{value:.6g}"


@dataclass(frozen=True)
class Sample:
    """A picture, where it was written, and what is in it. `name` is the path as written, `path` where it lies."""

    name: str
    path: str
    boxes: Sequence[Box] = ()
    label: str = ""
    where: str = ""
    size: tuple[int, int] | None = None

    def line(self) -> str:
        """Sedna's line with the absolute path."""
        return self._line(self.path)

    def relative_line(self) -> str:
        """Sedna's line with the path as written."""
        return self._line(self.name)

    def _line(self, name: str) -> str:
        parts = [name]
        if self.label:
            parts.append(self.label)
        parts += [box.text() for box in self.boxes]
        return " ".join(parts)


@dataclass
class LabelledSet:
    """What a reader makes of a dataset: samples, the names of the classes, and what was wrong."""

    samples: list[Sample] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    root: str = ""

    def class_name(self, label: int) -> str:
        return self.classes[label] if 0 <= label < len(self.classes) else str(label)

    def complain(self, where: str, message: str, fatal: bool = True) -> None:
        self.problems.append(Problem(where, message, fatal))

    @property
    def bad(self) -> bool:
        return any(problem.fatal for problem in self.problems)


def located(root: str, name: str) -> str:
    """Where a picture lies: relative to the dataset's folder, as Sedna's examples join it."""
    return os.path.normpath(os.path.join(root, name))


def box_problem(box: Sequence[float], size: tuple[int, int] | None = None) -> str:
    """What is wrong with x1, y1, x2, y2; an empty text if nothing is. `size` is the picture's width and height."""
    if any(value != value or value in (float("inf"), float("-inf")) for value in box):
        return "a coordinate is not a finite number"
    x1, y1, x2, y2 = box
    if x2 <= x1 or y2 <= y1:
        return f"the box {x1:g},{y1:g},{x2:g},{y2:g} is empty or turned round: x2 must be above x1 and y2 above y1"
    if x1 < 0 or y1 < 0:
        return f"the box {x1:g},{y1:g},{x2:g},{y2:g} begins outside of the picture"
    if size is not None and (x2 > size[0] or y2 > size[1]):
        return f"the box {x1:g},{y1:g},{x2:g},{y2:g} ends outside of the picture ({size[0]}x{size[1]})"
    return ""
