"""csv and jsonl.

csv: a header `path,x1,y1,x2,y2,class` (one box per row; empty cells for a picture without boxes) or `path,label`.
jsonl: one object per line, `{"path", "boxes": [[x1, y1, x2, y2, class], ...]}` or `{"path", "label"}`.
A class may be a number, or a name of the classes.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Sequence
from typing import Any

from sedna_bridge.datasets.errors import DatasetFormatError
from sedna_bridge.datasets.samples import Box, LabelledSet, Sample, box_problem, located
from sedna_bridge.datasets.whole import read_text, write_text

_PATHS = ("path", "image", "filename", "file", "image_path", "url")
_CORNERS = (("x1", "xmin"), ("y1", "ymin"), ("x2", "xmax"), ("y2", "ymax"))
_CLASSES = ("class", "label", "cls", "name", "category")


def label_number(value: Any, classes: list[str], known: int) -> tuple[int, str]:
    """The number of a class given by number or name. Without known classes a new name becomes a new class."""
    text = str(value).strip()
    try:
        number = int(text)
    except ValueError:
        if text in classes:
            return classes.index(text), ""
        if known or not text:
            return -1, f"class {text!r} is unknown; expected one of {', '.join(classes) or '(none)'}"
        classes.append(text)
        return len(classes) - 1, ""
    if number < 0 or (known and number >= known):
        return -1, f"class {number} does not exist; there are {known} classes, from 0"
    return number, ""


def read_csv(path: str, root: str = "", classes: Sequence[str] = ()) -> LabelledSet:
    root = root or os.path.dirname(path)
    result = LabelledSet(classes=list(classes), root=root)
    rows = csv.reader(io.StringIO(read_text(path).lstrip("\ufeff"), newline=""))
    header = [cell.strip().lower() for cell in next(rows, [])]
    columns = {name: header.index(name) for name in header}
    path_at = next((columns[name] for name in _PATHS if name in columns), None)
    class_at = next((columns[name] for name in _CLASSES if name in columns), None)
    corners = [next((columns[name] for name in names if name in columns), None) for names in _CORNERS]
    if path_at is None:
        raise DatasetFormatError(f"{path}:1: expected a header with `path`; got {','.join(header) or 'nothing'}")
    boxed = all(corner is not None for corner in corners)
    if not boxed and any(corner is not None for corner in corners):
        raise DatasetFormatError(f"{path}:1: expected all of x1, y1, x2, y2 in the header, or none")
    order: list[str] = []
    boxes: dict[str, list[Box]] = {}
    labels: dict[str, str] = {}
    places: dict[str, str] = {}
    try:
        for row in rows:
            where = f"{path}:{rows.line_num}"
            if not any(cell.strip() for cell in row):
                result.complain(where, "a blank row: the real LC counts it as a sample", False)
                continue
            if len(row) != len(header):
                result.complain(where, f"expected {len(header)} cells as in the header; got {len(row)}")
                continue
            name = row[path_at].strip()
            if not name:
                result.complain(where, "no path")
                continue
            if not boxed:
                result.samples.append(
                    Sample(
                        name,
                        located(root, name),
                        label=row[class_at].strip() if class_at is not None else "",
                        where=where,
                    )
                )
                continue
            if name not in boxes:
                order.append(name)
                boxes[name], places[name] = [], where
            cells = [row[corner].strip() for corner in corners if corner is not None]
            if not any(cells):
                continue
            box, problem = _box(cells, row[class_at] if class_at is not None else "0", result.classes, len(classes))
            if box is None:
                result.complain(where, problem)
            else:
                boxes[name].append(box)
    except csv.Error as error:
        raise DatasetFormatError(f"{path}:{rows.line_num}: this is no csv: {error}") from None
    for name in order:
        result.samples.append(Sample(name, located(root, name), tuple(boxes[name]), labels.get(name, ""), places[name]))
    return result


def _box(cells: Sequence[Any], label: Any, classes: list[str], known: int) -> tuple[Box | None, str]:
    try:
        numbers = [float(cell) for cell in cells]
    except (TypeError, ValueError):
        return None, f"expected four numbers x1, y1, x2, y2; got {list(cells)}"
    problem = box_problem(numbers)
    number, wrong = label_number(label, classes, known)
    if problem or wrong:
        return None, problem or wrong
    return Box(numbers[0], numbers[1], numbers[2], numbers[3], number), ""


def write_csv(data: LabelledSet, path: str) -> None:
    folder = os.path.dirname(os.path.abspath(path))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    labelled = any(sample.label for sample in data.samples)
    writer.writerow(["path", "label"] if labelled else ["path", "x1", "y1", "x2", "y2", "class"])
    for sample in data.samples:
        name = os.path.relpath(sample.path, folder)
        if labelled:
            writer.writerow([name, sample.label])
            continue
        for box in sample.boxes:
            writer.writerow([name, *box.text().split(",")])
        if not sample.boxes:
            writer.writerow([name, "", "", "", "", ""])
    write_text(path, text.getvalue())


def read_jsonl(path: str, root: str = "", classes: Sequence[str] = ()) -> LabelledSet:
    root = root or os.path.dirname(path)
    result = LabelledSet(classes=list(classes), root=root)
    for number, line in enumerate(read_text(path).splitlines(), 1):
        where = f"{path}:{number}"
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            result.complain(where, f"this is no JSON: {error}")
            continue
        name = next((value[key] for key in _PATHS if key in value), None) if isinstance(value, dict) else None
        if not isinstance(name, str) or not name:
            result.complain(where, 'expected an object with "path"')
            continue
        entries = value.get("boxes", [])
        if not isinstance(entries, list):
            result.complain(where, '"boxes" must be a list of [x1, y1, x2, y2, class]')
            continue
        boxes, problem = [], ""
        for entry in entries:
            if not isinstance(entry, list) or len(entry) != 5:
                problem = f"expected [x1, y1, x2, y2, class]; got {json.dumps(entry)[:80]}"
                break
            box, problem = _box(entry[:4], entry[4], result.classes, len(classes))
            if box is None:
                break
            boxes.append(box)
        if problem:
            result.complain(where, problem)
            continue
        label = value.get("label", "")
        result.samples.append(Sample(name, located(root, name), tuple(boxes), str(label), where))
    return result


def write_jsonl(data: LabelledSet, path: str) -> None:
    folder = os.path.dirname(os.path.abspath(path))
    lines = []
    for sample in data.samples:
        value: dict[str, Any] = {"path": os.path.relpath(sample.path, folder)}
        if sample.label:
            value["label"] = sample.label
        else:
            value["boxes"] = [list(box.values()) for box in sample.boxes]
        lines.append(json.dumps(value, ensure_ascii=False) + "\n")
    write_text(path, "".join(lines))
