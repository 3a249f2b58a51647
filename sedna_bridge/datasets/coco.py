"""COCO: one json with images, categories and annotations (boxes as x, y, width, height)."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from sedna_bridge.datasets.errors import DatasetFormatError
from sedna_bridge.datasets.pictures import picture_size
from sedna_bridge.datasets.samples import Box, LabelledSet, Sample, box_problem, located
from sedna_bridge.datasets.tables import label_number
from sedna_bridge.datasets.whole import read_text, write_text


def read(path: str, root: str = "", classes: Sequence[str] = ()) -> LabelledSet:
    """Category ids become class numbers: by name where classes are given, else in the order of the ids."""
    root = root or os.path.dirname(path)
    try:
        value = json.loads(read_text(path))
    except ValueError as error:
        raise DatasetFormatError(f"{path}: this is no JSON: {error}") from None
    if not isinstance(value, dict) or not all(isinstance(value.get(key), list) for key in ("images", "annotations")):
        raise DatasetFormatError(f"{path}: expected COCO's object with the lists images, annotations, categories")
    result = LabelledSet(classes=list(classes), root=root)
    numbers: dict[Any, int] = {}
    categories = [entry for entry in value.get("categories") or [] if isinstance(entry, dict) and "id" in entry]
    for entry in sorted(categories, key=lambda entry: (str(type(entry["id"])), entry["id"])):
        number, wrong = label_number(entry.get("name", ""), result.classes, len(classes))
        if wrong:
            result.complain(f"{path}: categories", wrong)
        else:
            numbers[entry["id"]] = number
    boxes: dict[Any, list[Box]] = {}
    sizes: dict[Any, tuple[int, int]] = {}
    for index, image in enumerate(value["images"]):
        if not isinstance(image, dict) or "id" not in image or not isinstance(image.get("file_name"), str):
            result.complain(f"{path}: images[{index}]", "expected an object with id and file_name")
            continue
        boxes[image["id"]] = []
        if all(isinstance(image.get(key), int) and image[key] > 0 for key in ("width", "height")):
            sizes[image["id"]] = (image["width"], image["height"])
    for index, entry in enumerate(value["annotations"]):
        where = f"{path}: annotations[{index}]"
        box = entry.get("bbox") if isinstance(entry, dict) else None
        if not isinstance(box, list) or len(box) != 4 or not all(isinstance(item, (int, float)) for item in box):
            result.complain(where, "expected bbox with x, y, width, height")
        elif entry.get("image_id") not in boxes:
            result.complain(where, f"image_id {entry.get('image_id')!r} names no image")
        elif entry.get("category_id") not in numbers:
            result.complain(where, f"category_id {entry.get('category_id')!r} names no known category")
        elif not entry.get("iscrowd"):
            corners = (box[0], box[1], box[0] + box[2], box[1] + box[3])
            problem = box_problem(corners, sizes.get(entry["image_id"]))
            if problem:
                result.complain(where, problem)
            else:
                boxes[entry["image_id"]].append(Box(*corners, label=numbers[entry["category_id"]]))
    for index, image in enumerate(value["images"]):
        if isinstance(image, dict) and image.get("id") in boxes and isinstance(image.get("file_name"), str):
            name = image["file_name"]
            where = f"{path}: images[{index}]"
            found = tuple(boxes[image["id"]])
            result.samples.append(Sample(name, located(root, name), found, where=where, size=sizes.get(image["id"])))
    return result


def write(data: LabelledSet, path: str) -> None:
    folder = os.path.dirname(os.path.abspath(path))
    most = max((box.label for sample in data.samples for box in sample.boxes), default=-1)
    count = max(most + 1, len(data.classes))
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, sample in enumerate(data.samples, 1):
        size = sample.size or picture_size(sample.path) or (0, 0)
        name = os.path.relpath(sample.path, folder)
        images.append({"id": number, "file_name": name, "width": size[0], "height": size[1]})
        for box in sample.boxes:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": box.label,
                    "bbox": [box.x1, box.y1, box.width, box.height],
                    "area": box.width * box.height,
                    "iscrowd": 0,
                }
            )
    categories = [{"id": number, "name": data.class_name(number)} for number in range(count)]
    value = {"images": images, "annotations": annotations, "categories": categories}
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")
