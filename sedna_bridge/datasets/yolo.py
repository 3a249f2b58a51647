"""YOLO: images/ and labels/ with one txt per picture (`class cx cy w h`, shares of the picture), and classes.txt."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence

from sedna_bridge.datasets.errors import DatasetFormatError
from sedna_bridge.datasets.pictures import ENDINGS, picture_size
from sedna_bridge.datasets.samples import Box, LabelledSet, Sample, box_problem
from sedna_bridge.datasets.whole import read_text, write_text


def read(path: str, root: str = "", classes: Sequence[str] = ()) -> LabelledSet:
    """Every picture below images/ (or the folder itself); one without a label file has no boxes."""
    images = os.path.join(path, "images")
    images = images if os.path.isdir(images) else path
    names = list(classes) or _classes(path)
    result = LabelledSet(classes=names, root=images)
    for folder, folders, files in os.walk(images):
        folders.sort()
        for name in sorted(files):
            if os.path.splitext(name)[1].lower() in ENDINGS:
                _read_one(os.path.join(folder, name), images, path, result)
    return result


def _classes(path: str) -> list[str]:
    for name in ("classes.txt", "obj.names"):
        file = os.path.join(path, name)
        if os.path.isfile(file):
            return [line.strip() for line in read_text(file).splitlines() if line.strip()]
    for name in ("data.yaml", "dataset.yaml"):
        file = os.path.join(path, name)
        if os.path.isfile(file):
            import yaml

            try:
                names = (yaml.safe_load(read_text(file)) or {}).get("names") or []
            except (yaml.YAMLError, AttributeError):
                raise DatasetFormatError(f"{file}: expected a mapping with `names`") from None
            ordered = [names[key] for key in sorted(names)] if isinstance(names, dict) else names
            return [str(entry) for entry in ordered]
    return []


def _read_one(picture: str, images: str, path: str, result: LabelledSet) -> None:
    name = os.path.relpath(picture, images)
    stem = os.path.splitext(name)[0] + ".txt"
    candidates = [os.path.join(path, "labels", stem), os.path.splitext(picture)[0] + ".txt"]
    labels = next((file for file in candidates if os.path.isfile(file)), None)
    size = picture_size(picture)
    if size is None:
        result.complain(picture, "this is no picture that can be read")
        return
    boxes = []
    for number, line in enumerate(read_text(labels).splitlines() if labels else (), 1):
        if not line.strip():
            continue
        parts = line.split()
        where = f"{labels}:{number}"
        try:
            label, shares = int(parts[0]), [float(part) for part in parts[1:]]
            if len(shares) != 4:
                raise ValueError
        except ValueError:
            result.complain(where, f"expected `class cx cy w h`; got {line.strip()[:80]!r}")
            continue
        if any(not 0 <= share <= 1 for share in shares):
            result.complain(where, f"cx, cy, w, h are shares of the picture from 0 to 1; got {line.strip()[:80]!r}")
            continue
        if label < 0 or (result.classes and label >= len(result.classes)):
            result.complain(where, f"class {label} does not exist; there are {len(result.classes)} classes, from 0")
            continue
        cx, cy, width, height = (share * size[index % 2] for index, share in enumerate(shares))
        corners = [round(value, 3) for value in (cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2)]
        corners = [max(0.0, corners[0]), max(0.0, corners[1]), min(size[0], corners[2]), min(size[1], corners[3])]
        problem = box_problem(corners, size)
        if problem:
            result.complain(where, problem)
            continue
        boxes.append(Box(corners[0], corners[1], corners[2], corners[3], label))
    result.samples.append(Sample(name, picture, tuple(boxes), where=labels or picture, size=size))


def write(data: LabelledSet, path: str) -> None:
    """images/ (hard links where the disk allows it, else copies), labels/ and classes.txt below `path`."""
    most = max((box.label for sample in data.samples for box in sample.boxes), default=-1)
    names = [data.class_name(number) for number in range(max(most + 1, len(data.classes)))]
    used: set[str] = set()
    for sample in data.samples:
        size = sample.size or picture_size(sample.path)
        if size is None:
            raise DatasetFormatError(f"{sample.path}: YOLO needs the picture's size, and it cannot be read")
        name = unique_name(sample.path, used)
        target = os.path.join(path, "images", name)
        place(sample.path, target)
        lines = []
        for box in sample.boxes:
            shares = (
                (box.x1 + box.x2) / 2 / size[0],
                (box.y1 + box.y2) / 2 / size[1],
                box.width / size[0],
                box.height / size[1],
            )
            lines.append(f"{box.label} " + " ".join(f"{share:.8f}" for share in shares) + "\n")
        write_text(os.path.join(path, "labels", os.path.splitext(name)[0] + ".txt"), "".join(lines))
    write_text(os.path.join(path, "classes.txt"), "".join(name + "\n" for name in names))


def unique_name(path: str, used: set[str]) -> str:
    """The picture's name, with a number where two pictures of different folders share it."""
    stem, ending = os.path.splitext(os.path.basename(path))
    name, number = stem + ending, 1
    while os.path.splitext(name)[0] in used:
        number += 1
        name = f"{stem}-{number}{ending}"
    used.add(os.path.splitext(name)[0])
    return name


def place(source: str, target: str) -> None:
    """Make `target` a hard link to (or a copy of) a picture."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.exists(target):
        if os.path.samefile(source, target):
            return
        os.remove(target)
    try:
        os.link(source, target)
    except OSError:
        try:
            shutil.copyfile(source, target)
        except OSError as error:
            raise DatasetFormatError(f"{target}: cannot be written: {error.strerror}") from None
