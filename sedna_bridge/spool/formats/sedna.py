"""Sedna's text files: `images/a.jpg x1,y1,x2,y2,class x1,y1,x2,y2,class`, one picture a line."""

from __future__ import annotations

from pathlib import Path
from typing import Iterable, Iterator, Sequence

from sedna_bridge.errors import LabelsError
from sedna_bridge.spool.formats.annotated import Annotated, LabelBox, class_name, class_number

LONGEST_LINE = 64 * 1024 - 1


def line_of(annotated: Annotated, path: str, classes: Sequence[str]) -> str:
    """The line of one picture, without its end. Sedna's controller cuts a file off at a line of 64 KiB."""
    words = [path]
    for box in annotated.boxes:
        words.append(
            "%d,%d,%d,%d,%d"
            % (round(box.x1), round(box.y1), round(box.x2), round(box.y2), class_number(box.label, classes))
        )
    line = " ".join(words)
    if len(line.encode("utf-8")) > LONGEST_LINE:
        raise LabelsError(
            "%s: %d boxes make a line of more than 64 KiB, at which Sedna cuts the file off"
            % (path, len(annotated.boxes))
        )
    if len(path.split()) != 1:
        raise LabelsError("%r: a path in Sedna's text files cannot have blanks" % path)
    return line


def write(items: Iterable[Annotated], folder: Path, classes: Sequence[str]) -> None:
    with open(str(folder / "data.txt"), "w", encoding="utf-8") as file:
        for item in items:
            file.write(line_of(item, "images/" + item.file, classes) + "\n")


def read(path: Path, classes: Sequence[str]) -> Iterator[Annotated]:
    file = path / "data.txt" if path.is_dir() else path
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        words = line.split()
        if not words:
            continue
        boxes = []
        for word in words[1:]:
            try:
                x1, y1, x2, y2, label = word.split(",")
                boxes.append(LabelBox(float(x1), float(y1), float(x2), float(y2), class_name(label, classes)))
            except ValueError:
                raise LabelsError("%s:%d: a box must read x1,y1,x2,y2,class, not %r" % (file, number, word)) from None
        yield Annotated(words[0], 0, 0, boxes)
