"""YOLO: a text file for each picture with `class x y width height` as parts of its size, and data.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import Iterable, Iterator, Sequence

import yaml

from sedna_bridge.errors import LabelsError
from sedna_bridge.spool.formats.annotated import Annotated, LabelBox, class_name, class_number

FOLDER = "labels"


def write(items: Iterable[Annotated], folder: Path, classes: Sequence[str]) -> None:
    (folder / FOLDER).mkdir(exist_ok=True)
    for item in items:
        lines = []
        for box in item.boxes:
            lines.append(
                "%d %.6f %.6f %.6f %.6f"
                % (
                    class_number(box.label, classes),
                    (box.x1 + box.x2) / 2 / item.width,
                    (box.y1 + box.y2) / 2 / item.height,
                    (box.x2 - box.x1) / item.width,
                    (box.y2 - box.y1) / item.height,
                )
            )
        text = "".join(line + "\n" for line in lines)
        (folder / FOLDER / (Path(item.file).stem + ".txt")).write_text(text, encoding="utf-8")
    about = {"path": ".", "train": "images", "val": "images", "names": dict(enumerate(classes))}
    (folder / "data.yaml").write_text(yaml.safe_dump(about, sort_keys=False), encoding="utf-8")


def read(path: Path, classes: Sequence[str]) -> Iterator[Annotated]:
    """Boxes come as parts of the picture's size (width and height are 1) until the picture is known."""
    names = _names(path) or classes
    folder = path / FOLDER if (path / FOLDER).is_dir() else path
    for file in sorted(folder.glob("*.txt")):
        if file.name == "classes.txt":
            continue
        boxes = []
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            words = line.split()
            if not words:
                continue
            try:
                label, x, y, width, height = int(words[0]), *map(float, words[1:5])
            except ValueError:
                raise LabelsError(
                    "%s:%d: a line must read `class x y width height`, not %r" % (file, number, line)
                ) from None
            boxes.append(
                LabelBox(x - width / 2, y - height / 2, x + width / 2, y + height / 2, class_name(label, names))
            )
        yield Annotated(file.stem + ".jpg", 1, 1, boxes)


def _names(path: Path) -> list[str]:
    for folder in (path, path.parent):
        about, listed = folder / "data.yaml", folder / "classes.txt"
        if about.is_file():
            try:
                names = yaml.safe_load(about.read_text(encoding="utf-8")).get("names", [])
                return [str(names[key]) for key in sorted(names)] if isinstance(names, dict) else list(map(str, names))
            except (yaml.YAMLError, AttributeError) as error:
                raise LabelsError("%s cannot be read: %s" % (about, error)) from None
        if listed.is_file():
            return listed.read_text(encoding="utf-8").splitlines()
    return []
