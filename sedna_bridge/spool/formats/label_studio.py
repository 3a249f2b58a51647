"""Label Studio: tasks with the model's boxes as predictions, so that people correct instead of draw."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Iterable, Iterator, Sequence

from sedna_bridge.errors import LabelsError
from sedna_bridge.spool.formats.annotated import Annotated, LabelBox

LOCAL_FILES = "/data/local-files/?d=images/"


def write(items: Iterable[Annotated], folder: Path, classes: Sequence[str], image_url: str = LOCAL_FILES) -> None:
    """tasks.json, and the labelling configuration that fits it. `image_url` is what stands before a file's name."""
    with open(str(folder / "tasks.json"), "w", encoding="utf-8") as file:
        file.write("[")
        for number, item in enumerate(items):
            file.write("%s\n%s" % ("," if number else "", json.dumps(_task(item, image_url), ensure_ascii=False)))
        file.write("\n]\n")
    labels = "".join('    <Label value="%s"/>\n' % _escaped(name) for name in classes)
    (folder / "labelling.xml").write_text(
        '<View>\n  <Image name="image" value="$image"/>\n  <RectangleLabels name="label" toName="image">\n'
        "%s  </RectangleLabels>\n</View>\n" % labels,
        encoding="utf-8",
    )


def read(path: Path, classes: Sequence[str]) -> Iterator[Annotated]:
    """What Label Studio exports as JSON or JSON-MIN. Tasks that were skipped or not labelled are left out."""
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    for file in files:
        try:
            tasks = json.loads(file.read_text(encoding="utf-8"))
            for task in tasks if isinstance(tasks, list) else [tasks]:
                yield from _labelled(task)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise LabelsError("%s is no export of Label Studio: %s %s" % (file, type(error).__name__, error)) from None


def _task(item: Annotated, image_url: str) -> dict[str, Any]:
    facts = item.facts
    result = [
        {
            "type": "rectanglelabels",
            "from_name": "label",
            "to_name": "image",
            "score": round(box.score, 4),
            "original_width": item.width,
            "original_height": item.height,
            "image_rotation": 0,
            "value": {
                "x": 100 * box.x1 / item.width,
                "y": 100 * box.y1 / item.height,
                "width": 100 * (box.x2 - box.x1) / item.width,
                "height": 100 * (box.y2 - box.y1) / item.height,
                "rotation": 0,
                "rectanglelabels": [box.label],
            },
        }
        for box in item.boxes
    ]
    scores = [box.score for box in item.boxes]
    version = " ".join(str(facts[key]) for key in ("model_name", "model") if facts.get(key))
    return {
        "data": {
            "image": image_url + item.file,
            "camera": facts.get("camera", ""),
            "index": facts.get("index"),
            "reasons": facts.get("hard_reasons", []),
            "hard_score": facts.get("hard_score"),
        },
        "predictions": [{"model_version": version or "unknown", "score": min(scores, default=0.0), "result": result}],
    }


def _labelled(task: dict[str, Any]) -> Iterator[Annotated]:
    if "annotations" not in task and "completions" not in task:
        if "label" in task:
            yield Annotated(str(task["image"]), 100, 100, [_box(value) for value in task["label"]])
        return
    for annotation in task.get("annotations", task.get("completions", [])):
        if annotation.get("was_cancelled"):
            continue
        boxes = [_box(one["value"]) for one in annotation["result"] if one.get("type") == "rectanglelabels"]
        yield Annotated(str(task["data"]["image"]), 100, 100, boxes)
        return


def _box(value: dict[str, Any]) -> LabelBox:
    x, y = float(value["x"]), float(value["y"])
    return LabelBox(x, y, x + float(value["width"]), y + float(value["height"]), str(value["rectanglelabels"][0]))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
