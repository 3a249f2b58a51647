"""The formats by name, and how one is told from another."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Callable

from sedna_bridge.datasets import coco, folders, tables, txt, voc, yolo
from sedna_bridge.datasets.errors import DatasetFormatError
from sedna_bridge.datasets.pictures import ENDINGS
from sedna_bridge.datasets.samples import LabelledSet, Sample


@dataclass(frozen=True)
class Format:
    name: str
    what: str
    read: Callable[..., LabelledSet]
    write: Callable[[LabelledSet, str], None]
    folder: bool = False


FORMATS = {
    entry.name: entry
    for entry in (
        Format("txt", "Sedna's lines: path x1,y1,x2,y2,class ...", txt.read, txt.write),
        Format("csv", "path,x1,y1,x2,y2,class", tables.read_csv, tables.write_csv),
        Format("jsonl", 'one {"path", "boxes"} per line', tables.read_jsonl, tables.write_jsonl),
        Format("voc", "a folder of VOC xml files", voc.read, voc.write, True),
        Format("coco", "COCO's json", coco.read, coco.write),
        Format("yolo", "images/ and labels/", yolo.read, yolo.write, True),
        Format("folders", "one folder per class", folders.read, folders.write, True),
    )
}


def guess(path: str) -> str:
    """The format of what lies at `path`."""
    if os.path.isdir(path):
        names = os.listdir(path)
        if "Annotations" in names or any(name.endswith(".xml") for name in names):
            return "voc"
        if "labels" in names or "classes.txt" in names or "data.yaml" in names:
            return "yolo"
        if any(os.path.splitext(name)[1].lower() in ENDINGS for name in names):
            return "yolo"
        return "folders"
    ending = os.path.splitext(path)[1].lower()
    known = {".txt": "txt", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "coco"}
    if ending not in known:
        raise DatasetFormatError(f"{path}: the format cannot be told from the name; say one of {', '.join(FORMATS)}")
    return known[ending]


def format_named(name: str) -> Format:
    if name.lower() not in FORMATS:
        raise DatasetFormatError(f"there is no format {name!r}; expected one of {', '.join(FORMATS)}")
    return FORMATS[name.lower()]


def read(path: str, format: str = "", root: str = "", classes: Sequence[str] = ()) -> LabelledSet:
    """A dataset of any format; `root` is the folder that relative paths are relative to."""
    if not os.path.exists(path):
        raise DatasetFormatError(f"{path} does not exist")
    chosen = format_named(format or guess(path))
    if chosen.folder != os.path.isdir(path):
        kind = "a folder" if chosen.folder else "a file"
        raise DatasetFormatError(f"{path}: {chosen.name} is {kind} ({chosen.what})")
    return chosen.read(path, root, classes)


def read_samples(path: str, root: str = "", format: str = "", classes: Sequence[str] = ()) -> list[Sample]:
    """The samples of a dataset in which nothing is wrong; it raises an error that names the first bad lines."""
    data = read(path, format, root, classes)
    bad = [problem for problem in data.problems if problem.fatal]
    if bad:
        listed = "; ".join(f"{problem.where}: {problem.message}" for problem in bad[:3])
        raise DatasetFormatError(f"{len(bad)} bad lines in {path}: {listed}" + ("; ..." if len(bad) > 3 else ""))
    return data.samples


def convert(data: LabelledSet, path: str, format: str = "") -> None:
    """Write a dataset in another format."""
    chosen = format_named(format or guess(path))
    chosen.write(data, path)
