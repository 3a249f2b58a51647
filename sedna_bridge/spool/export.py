"""Exports hard examples with the model's boxes as pre-annotations."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Iterator, Sequence

from sedna_bridge.errors import LabelsError
from sedna_bridge.spool.formats import FORMATS
from sedna_bridge.spool.formats.annotated import Annotated, from_facts
from sedna_bridge.spool.formats.label_studio import LOCAL_FILES
from sedna_bridge.spool.source import Examples


def export(
    source: Path,
    folder: Path,
    form: str,
    classes: Sequence[str] = (),
    image_url: str = LOCAL_FILES,
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, Any]:
    """Writes images/ and the labels of one format into a folder that is new or empty."""
    if form not in FORMATS:
        raise LabelsError("there is no format %r; there are %s" % (form, ", ".join(FORMATS)))
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise LabelsError("%s is not empty; name a folder that is new" % folder)
    examples = Examples(source)
    known = list(classes) or _classes(examples)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    count = boxes = 0

    def items() -> Iterator[Annotated]:
        nonlocal count, boxes
        for example in examples:
            item = from_facts(example.id, example.facts, known)
            if not (item.width and item.height):
                examples.damaged += 1
                continue
            (folder / "images" / item.file).write_bytes(example.picture)
            count += 1
            boxes += len(item.boxes)
            progress(count)
            yield item

    if form == "label-studio":
        FORMATS[form].write(items(), folder, known, image_url)
    else:
        FORMATS[form].write(items(), folder, known)
    return {"examples": count, "boxes": boxes, "damaged": examples.damaged, "classes": known, "folder": str(folder)}


def _classes(examples: Examples) -> list[str]:
    """The names of the classes as the first sidecar that has them tells them."""
    for example in examples:
        classes = example.facts.get("classes")
        if isinstance(classes, list) and classes:
            examples.damaged = 0
            return [str(name) for name in classes]
    raise LabelsError("no example names its classes; name them in order with --classes person,helmet,...")
