"""Counting a dataset: samples, boxes per class, sizes, duplicates."""

from __future__ import annotations

import collections
import hashlib
from dataclasses import dataclass, field
from typing import Any

from sedna_bridge.datasets.pictures import picture_size
from sedna_bridge.datasets.samples import LabelledSet

SMALL, MEDIUM = 32 * 32, 96 * 96
"""COCO's limits: boxes below 32x32 pixels are small, below 96x96 medium."""


@dataclass
class Statistics:
    """What `sednabox dataset stats` shows."""

    samples: int = 0
    boxes: int = 0
    empty: int = 0
    classes: dict[str, int] = field(default_factory=dict)
    pictures_with_class: dict[str, int] = field(default_factory=dict)
    box_sizes: dict[str, int] = field(default_factory=lambda: {"small": 0, "medium": 0, "large": 0})
    mean_box: tuple[float, float] = (0.0, 0.0)
    picture_sizes: dict[str, int] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    same_path: list[list[str]] = field(default_factory=list)
    same_content: list[list[str]] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        return dict(self.__dict__)


def statistics(data: LabelledSet, pictures: bool = True) -> Statistics:
    """Count; with `pictures` the pictures are looked at too: sizes, missing ones, equal ones, boxes outside."""
    result = Statistics(samples=len(data.samples))
    paths: dict[str, list[str]] = collections.defaultdict(list)
    contents: dict[str, list[str]] = collections.defaultdict(list)
    sizes: collections.Counter = collections.Counter()
    width = height = 0.0
    for sample in data.samples:
        paths[sample.path].append(sample.where)
        names = {data.class_name(box.label) for box in sample.boxes} or ({sample.label} if sample.label else set())
        for name in names:
            result.pictures_with_class[name] = result.pictures_with_class.get(name, 0) + 1
        if not sample.boxes and not sample.label:
            result.empty += 1
        if sample.label:
            result.classes[sample.label] = result.classes.get(sample.label, 0) + 1
        for box in sample.boxes:
            result.boxes += 1
            name = data.class_name(box.label)
            result.classes[name] = result.classes.get(name, 0) + 1
            area = box.width * box.height
            result.box_sizes["small" if area < SMALL else "medium" if area < MEDIUM else "large"] += 1
            width, height = width + box.width, height + box.height
        if pictures:
            _look(sample, result, sizes, contents)
    if result.boxes:
        result.mean_box = (round(width / result.boxes, 1), round(height / result.boxes, 1))
    result.picture_sizes = {f"{size[0]}x{size[1]}": count for size, count in sizes.most_common(20)}
    result.same_path = [places for places in paths.values() if len(places) > 1]
    result.same_content = [sorted(set(names)) for names in contents.values() if len(set(names)) > 1]
    for name in data.classes:
        result.classes.setdefault(name, 0)
    return result


def _look(sample: Any, result: Statistics, sizes: collections.Counter, contents: dict[str, list[str]]) -> None:
    try:
        with open(sample.path, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
    except OSError:
        result.missing.append(sample.path)
        return
    contents[digest].append(sample.path)
    size = picture_size(sample.path)
    if size is None:
        result.unreadable.append(sample.path)
        return
    sizes[size] += 1
    for box in sample.boxes:
        if box.x2 > size[0] or box.y2 > size[1]:
            result.outside.append(f"{sample.where}: {box.text()} ends outside of the picture ({size[0]}x{size[1]})")
