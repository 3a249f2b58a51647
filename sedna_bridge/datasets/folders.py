"""Classification folders: one folder per class with its pictures in it."""

from __future__ import annotations

import os
from collections.abc import Sequence

from sedna_bridge.datasets.errors import DatasetFormatError
from sedna_bridge.datasets.pictures import ENDINGS
from sedna_bridge.datasets.samples import LabelledSet, Sample
from sedna_bridge.datasets.yolo import place, unique_name


def read(path: str, root: str = "", classes: Sequence[str] = ()) -> LabelledSet:
    names = sorted(entry for entry in os.listdir(path) if os.path.isdir(os.path.join(path, entry)))
    result = LabelledSet(classes=list(classes) or names, root=path)
    for name in names:
        if name not in result.classes:
            result.complain(os.path.join(path, name), f"the folder is no class; expected {', '.join(result.classes)}")
            continue
        for entry in sorted(os.listdir(os.path.join(path, name))):
            file = os.path.join(path, name, entry)
            if os.path.splitext(entry)[1].lower() in ENDINGS:
                result.samples.append(Sample(os.path.join(name, entry), file, label=name, where=file))
            else:
                result.complain(file, "not a picture: left out", False)
    return result


def write(data: LabelledSet, path: str) -> None:
    """Pictures with one class each go into that class's folder; a picture with boxes has no single class."""
    used: dict[str, set[str]] = {}
    for sample in data.samples:
        labels = {box.label for box in sample.boxes}
        if not sample.label and len(labels) != 1:
            raise DatasetFormatError(
                f"{sample.where or sample.path}: {len(labels)} classes in one picture; classification folders need one"
            )
        label = sample.label or str(next(iter(labels)))
        folder = data.class_name(int(label)) if label.isdigit() and data.classes else label
        place(sample.path, os.path.join(path, folder, unique_name(sample.path, used.setdefault(folder, set()))))
