"""Sedna's lines: `rel/path.jpg x1,y1,x2,y2,cls x1,y1,x2,y2,cls ...`, or `rel/path.jpg class` for classification.

Also the index files that LC writes beside them for datasets on S3: first the prefix, then one file name per line.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from sedna_bridge.datasets.errors import DatasetFormatError
from sedna_bridge.datasets.samples import Box, LabelledSet, Sample, box_problem, located
from sedna_bridge.datasets.whole import read_text, write_text

LONGEST_LINE = 65536


def read(path: str, root: str = "", classes: Sequence[str] = ()) -> LabelledSet:
    """Every good line as a sample, every bad one as a problem with its line number."""
    root = root or os.path.dirname(path)
    result = LabelledSet(classes=list(classes), root=root)
    text = read_text(path)
    if text.startswith("\ufeff"):
        result.complain(f"{path}:1", "a byte order mark: the first path would begin with it", False)
        text = text[1:]
    if text and not text.endswith("\n"):
        result.complain(
            f"{path}:{text.count(chr(10)) + 1}", "the last line has no newline: the next append joins it", False
        )
    for number, line in enumerate(text.split("\n")[: None if text and not text.endswith("\n") else -1], 1):
        _read_line(line.rstrip("\r"), f"{path}:{number}", root, result)
    return result


def _read_line(line: str, where: str, root: str, result: LabelledSet) -> None:
    if not line.strip():
        result.complain(where, "a blank line: the real LC counts it as a sample", False)
        return
    if len(line.encode("utf-8", "replace")) >= LONGEST_LINE:
        result.complain(where, "longer than 64 KiB: the real LC ignores the rest of the file")
        return
    name, *words = line.split()
    if len(words) == 1 and "," not in words[0]:
        result.samples.append(Sample(name, located(root, name), label=words[0], where=where))
        return
    boxes = []
    for word in words:
        box, problem = parse_box(word, len(result.classes))
        if box is None:
            result.complain(where, problem)
            return
        boxes.append(box)
    result.samples.append(Sample(name, located(root, name), tuple(boxes), where=where))


def parse_box(word: str, classes: int = 0) -> tuple[Box | None, str]:
    """`x1,y1,x2,y2,cls` as a box, or None and what is wrong with it."""
    parts = word.split(",")
    if len(parts) != 5:
        return None, f"{word!r}: expected x1,y1,x2,y2,class; got {len(parts)} numbers (a path must have no blanks)"
    try:
        numbers = [float(part) for part in parts[:4]]
        label = int(parts[4])
    except ValueError:
        return None, f"{word!r}: expected four numbers and a whole class number"
    problem = box_problem(numbers)
    if problem:
        return None, problem
    if label < 0 or (classes and label >= classes):
        return None, f"{word!r}: class {label} does not exist; there are {classes} classes, from 0"
    return Box(numbers[0], numbers[1], numbers[2], numbers[3], label), ""


def write(data: LabelledSet, path: str) -> None:
    """Lines with paths relative to the file's folder, as Sedna's examples read them."""
    folder = os.path.dirname(os.path.abspath(path))
    write_text(path, "".join(checked_line(_moved(sample, folder)) + "\n" for sample in data.samples))


def _moved(sample: Sample, folder: str) -> Sample:
    name = os.path.relpath(sample.path, folder)
    return Sample(name, sample.path, sample.boxes, sample.label)


def checked_line(sample: Sample) -> str:
    """The sample's line, or an error where the real LC or Sedna's readers could not digest it."""
    line = sample.relative_line()
    if len(sample.name.split()) != 1:
        raise DatasetFormatError(f"{sample.name!r}: a path in Sedna's lines must have no blanks; rename the picture")
    if "\n" in line or "\r" in line:
        raise DatasetFormatError(f"{sample.name!r}: a line break in a line")
    if len(line.encode("utf-8")) >= LONGEST_LINE:
        raise DatasetFormatError(
            f"{sample.name}: {len(sample.boxes)} boxes make a line of over 64 KiB: LC cannot read it"
        )
    return line


def read_index(path: str) -> tuple[str, list[str]]:
    """An index file's prefix and names."""
    lines = [line.strip() for line in read_text(path).splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        raise DatasetFormatError(f"{path}: expected a prefix in the first line, then one file name per line")
    return lines[0], lines[1:]


def index_lines(prefix: str, lines: Iterable[str]) -> list[str]:
    """An index as LC makes it: the prefix, then every blank-separated word that has a file ending.

    A coordinate with a point has one too ("1,2,3.5,4,0"): LC takes it for a file. Whole numbers are safe.
    """
    result = [prefix]
    for line in lines:
        for word in line.split(" "):
            if "." in word.rsplit("/", 1)[-1]:
                result.append(word)
    return result


def write_index(prefix: str, lines: Iterable[str], path: str) -> None:
    write_text(path, "".join(line + "\n" for line in index_lines(prefix, lines)))
