"""Labels come back: appended to a Sedna dataset, all lines at once, each picture once.

Sedna's controller reads the dataset file again and again, takes only what was appended, splits each batch on its own
and counts blank lines. So a batch is one append that ends with a newline, lines are never changed, and pictures are
in place before their lines are.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any, Callable, Iterable, Sequence

from sedna_bridge.errors import LabelsError
from sedna_bridge.spool.formats import FORMATS
from sedna_bridge.spool.formats.annotated import Annotated, clip
from sedna_bridge.spool.formats.sedna import line_of
from sedna_bridge.spool.source import Examples
from sedna_bridge.storage.durable import make_directory, sync_directory, write_whole


def import_labels(
    labels: Path,
    form: str,
    source: Path,
    dataset: Path,
    classes: Sequence[str] = (),
    *,
    with_empty: bool = False,
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, Any]:
    """Matches labels with examples by name and appends them to `dataset`, a Sedna text file.

    Pictures are copied beside it into images/, unless the examples lie there already. To import the same labels again
    adds nothing.
    """
    if not labels.exists():
        raise LabelsError("there is no %s" % labels)
    chosen = guess_format(labels) if form == "auto" else form
    if chosen not in FORMATS:
        raise LabelsError("there is no format %r; there are %s" % (chosen, ", ".join(FORMATS)))
    examples = Examples(source)
    report: dict[str, Any] = {
        "format": chosen,
        "added": 0,
        "known": 0,
        "without_example": 0,
        "empty": 0,
        "boxes": 0,
        "dataset": str(dataset),
    }
    make_directory(dataset.parent.resolve())
    with open(str(dataset), "a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        known = _known(file)
        lines = []
        read: Iterable[Annotated] = FORMATS[chosen].read(labels, classes)
        for number, item in enumerate(read, 1):
            progress(number)
            if item.id in known:
                report["known"] += 1
                continue
            example = examples.get(item.id) if item.id else None
            if example is None:
                report["without_example"] += 1
                continue
            facts = example.facts
            boxes = _fit(item, int(facts["picture"]["width"]), int(facts["picture"]["height"]))
            if not boxes and not with_empty:
                report["empty"] += 1
                continue
            path = _place(example.id, example.picture, examples.path, dataset)
            names = list(classes) or [str(name) for name in facts.get("classes") or ()]
            lines.append(line_of(item._replace(boxes=boxes), path, names))
            known.add(item.id)
            report["boxes"] += len(boxes)
        if lines:
            file.seek(0, os.SEEK_END)
            before = _newline_missing(file)
            file.write(before + "".join(line + "\n" for line in lines).encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
            sync_directory(dataset.parent.resolve())
        report["added"] = len(lines)
    return report


def guess_format(labels: Path) -> str:
    """The format of a file or folder of labels by what is in it."""
    if labels.is_dir():
        for name, form in (
            ("annotations.json", "coco"),
            ("Annotations", "voc"),
            ("labels", "yolo"),
            ("data.txt", "sedna"),
            ("tasks.json", "label-studio"),
            ("data.yaml", "yolo"),
            ("classes.txt", "yolo"),
        ):
            if (labels / name).exists():
                return form
        if any(labels.glob("*.xml")):
            return "voc"
        raise LabelsError("the format of %s cannot be guessed; name it with --format" % labels)
    if labels.suffix == ".xml":
        return "voc"
    if labels.suffix == ".json":
        try:
            content = json.loads(labels.read_text(encoding="utf-8"))
        except ValueError as error:
            raise LabelsError("%s is no JSON: %s" % (labels, error)) from None
        return "coco" if isinstance(content, dict) and "images" in content else "label-studio"
    return "sedna"


def _fit(item: Annotated, width: int, height: int) -> list[Any]:
    """The boxes in pixels of our picture, whatever size the labels were drawn in."""
    across = width / item.width if item.width else 1.0
    down = height / item.height if item.height else 1.0
    scaled = (
        box._replace(x1=box.x1 * across, y1=box.y1 * down, x2=box.x2 * across, y2=box.y2 * down) for box in item.boxes
    )
    return [box for box in (clip(box, width, height) for box in scaled) if box is not None]


def _known(file: Any) -> set[str]:
    file.seek(0)
    return {
        Annotated(words[0].decode("utf-8", "replace"), 0, 0, ()).id for words in map(bytes.split, file) if words
    } - {""}


def _newline_missing(file: Any) -> bytes:
    if file.tell() == 0:
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read(1) == b"\n" else b"\n"


def _place(id: str, picture: bytes, source: Path, dataset: Path) -> str:
    """Where the dataset finds the picture, relative to itself."""
    home = dataset.parent.resolve()
    if (source / (id + ".jpg")).exists() and source.resolve() == home:
        return id + ".jpg"
    target = home / "images" / (id + ".jpg")
    if not target.exists():
        make_directory(target.parent)
        write_whole(target, picture)
    return "images/" + target.name
