"""COCO: one JSON file with images, annotations and categories. Written in pieces, so that memory stays constant."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Iterable, Iterator, Sequence

from sedna_bridge.errors import LabelsError
from sedna_bridge.spool.formats.annotated import Annotated, LabelBox, class_number


def write(items: Iterable[Annotated], folder: Path, classes: Sequence[str]) -> None:
    count = 0
    with open(str(folder / "annotations.json"), "w", encoding="utf-8") as file, tempfile.TemporaryFile(
        "w+", encoding="utf-8", dir=str(folder)
    ) as boxes:
        file.write(
            '{"info": {"description": "hard examples"},\n"categories": %s,\n"images": ['
            % json.dumps([{"id": number + 1, "name": name} for number, name in enumerate(classes)])
        )
        for number, item in enumerate(items, 1):
            file.write(
                "%s\n%s"
                % (
                    "," if number > 1 else "",
                    json.dumps(
                        {"id": number, "file_name": "images/" + item.file, "width": item.width, "height": item.height}
                    ),
                )
            )
            for box in item.boxes:
                count += 1
                width, height = box.x2 - box.x1, box.y2 - box.y1
                boxes.write(
                    "%s\n%s"
                    % (
                        "," if count > 1 else "",
                        json.dumps(
                            {
                                "id": count,
                                "image_id": number,
                                "category_id": class_number(box.label, classes) + 1,
                                "iscrowd": 0,
                                "bbox": [round(box.x1, 2), round(box.y1, 2), round(width, 2), round(height, 2)],
                                "area": round(width * height, 2),
                                "score": round(box.score, 4),
                            }
                        ),
                    )
                )
        file.write('\n],\n"annotations": [')
        boxes.seek(0)
        for line in boxes:
            file.write(line)
        file.write("\n]}\n")


def read(path: Path, classes: Sequence[str]) -> Iterator[Annotated]:
    file = path / "annotations.json" if path.is_dir() else path
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        names = {category["id"]: str(category["name"]) for category in content["categories"]}
        boxes: dict[object, list[LabelBox]] = {}
        for one in content["annotations"]:
            x, y, width, height = one["bbox"]
            boxes.setdefault(one["image_id"], []).append(
                LabelBox(x, y, x + width, y + height, names[one["category_id"]], float(one.get("score", 1.0)))
            )
        for image in content["images"]:
            yield Annotated(
                str(image["file_name"]),
                int(image.get("width") or 0),
                int(image.get("height") or 0),
                boxes.get(image["id"], []),
            )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LabelsError("%s is no COCO file: %s %s" % (file, type(error).__name__, error)) from None
