"""Which head reads a bare .onnx export, and how its input is meant: told by its shapes, metadata and operators.

Exports of the common detectors differ in how their outputs are laid out, and mostly that alone tells which one it is.
Where two readings are possible nothing is chosen: a wrong box in silence is worse than a line to write by hand.
"""
from __future__ import annotations

import ast
from typing import NamedTuple, Sequence

from edgevision.errors import ManifestError
from edgevision.heads import HEADS, HeadSpec
from edgevision.heads.base import Shape
from edgevision.heads.yolox import cells

_IMAGENET_MEAN = (123.675, 116.28, 103.53)
_IMAGENET_SCALE = (1 / 58.395, 1 / 57.12, 1 / 57.375)
_MOST_CLASSES = 2000


class Signature(NamedTuple):
    """What a model declares: name, shape (None where open) and type of each input and output, and its metadata;
    its operators, and the one that makes its first output."""

    inputs: Sequence[tuple[str, Shape, str]]
    outputs: Sequence[tuple[str, Shape, str]]
    metadata: dict[str, str]
    operators: frozenset[str] = frozenset()
    last: str = ""


class Reading(NamedTuple):
    head: str
    classes: int
    color: str = "rgb"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: tuple[float, float, float] = (1 / 255, 1 / 255, 1 / 255)
    fill: int = 114
    letterbox: str = "center"


class Unclear(Exception):
    """No reading, or more than one."""


def reading_of(signature: Signature, width: int, height: int) -> Reading:
    """The only reading that there is; Unclear otherwise."""
    shapes = [shape for _, shape, _ in signature.outputs]
    task = signature.metadata.get("task", "detect")
    if task != "detect":
        raise Unclear("it was exported for the task %r, expected detect" % task)
    if len(shapes) == 1 and len(shapes[0]) == 3:
        return _one_table(signature, shapes[0], width, height)
    if len(shapes) == 1 and len(shapes[0]) == 2 and shapes[0][1] == 7:
        named = len(names_of(signature))
        if named:
            return Reading("end2end", named)
        raise Unclear("its rows of 7 numbers do not tell how many classes there are")
    if len(shapes) == 2 and all(len(s) == 3 for s in shapes):
        return _boxes_and_logits(signature, shapes)
    if len(shapes) == 3 and all(len(s) == 4 for s in shapes):
        channels = {s[1] for s in shapes} if len({s[1] for s in shapes}) == 1 else {s[3] for s in shapes}
        count = channels.pop() if len(channels) == 1 else None
        if count and count % 3 == 0 and count // 3 > 5:
            return Reading("yolov3", count // 3 - 5, fill=128)
    if shapes and all(len(s) == 5 for s in shapes):
        raise Unclear("its maps of 5 dimensions may be raw or decoded; export it with its decoding (one output), or "
                      "say head = \"yolov5\" if they are decoded")
    raise Unclear("no detector that is known here puts out just such shapes")


def names_of(signature: Signature) -> list[str]:
    """The classes' names in the metadata of Ultralytics' exports, in order."""
    names = literal(signature.metadata.get("names"))
    if isinstance(names, dict) and names and all(isinstance(k, int) and 0 <= k < _MOST_CLASSES for k in names):
        return [str(names.get(k, "")) or "class_%d" % k for k in range(max(names) + 1)]
    if isinstance(names, (list, tuple)):
        return [str(name) or "class_%d" % k for k, name in enumerate(names)]
    return []


def advice(signature: Signature, width: int, height: int) -> str:
    """The heads that can read these outputs, for a manifest written by hand; "" for none."""
    if signature.metadata.get("task", "detect") != "detect":
        return ""
    shapes = [shape for _, shape, _ in signature.outputs]
    known = {size for shape in shapes for size in shape[1:] if size is not None and size <= _MOST_CLASSES}
    counts = sorted({count for size in known for count in (size - 5, size - 4, size - 1, size, size // 3 - 5)
                     if count > 0} | {len(names_of(signature)) or 1})
    found = []
    for name in HEADS:
        fits = [count for count in counts if _fits(name, count, shapes, width, height)]
        if fits:
            found.append('"%s"%s' % (name, "" if fits == counts else " (%s)" % " or ".join(
                "1 class" if n == 1 else "%d classes" % n for n in fits)))
    return ", ".join(found)


def literal(text: str | None) -> object:
    try:
        return ast.literal_eval(text) if text else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _fits(name: str, classes: int, shapes: Sequence[Shape], width: int, height: int) -> bool:
    try:
        HEADS[name](HeadSpec(classes, width, height)).check(shapes)
    except ManifestError:
        return False
    return True


def _rtdetr(signature: Signature) -> bool | None:
    """Whether it is Ultralytics' RT-DETR; None where nothing tells."""
    metadata = signature.metadata
    if metadata.get("head"):
        return metadata["head"] == "RTDETRDecoder"
    described = metadata.get("description", "").lower()
    if "rtdetr" in described or "rt-detr" in described:
        return True
    return False if "yolo" in described else None


def _one_table(signature: Signature, shape: Shape, width: int, height: int) -> Reading:
    rows, columns = shape[1], shape[2]
    named = len(names_of(signature))
    plain, large = cells(width, height), cells(width, height, (8, 16, 32, 64))
    if named:
        return _by_names(signature, rows, columns, named, (plain, large))
    if rows is None or columns is None:
        raise Unclear("the number of its boxes is open, and no names tell how many classes there are")
    if columns in (plain, large) and 4 < rows < columns:
        return Reading("yolov8", rows - 4)
    if rows in (3 * plain, 3 * large) and columns > 5:
        if columns == 6:
            raise Unclear("with one class YOLOv5 multiplies two scores and YOLOv7 takes the first")
        return Reading("yolov5", columns - 5)
    if rows in (plain, large) and columns > 5:
        if signature.operators and ("Exp" in signature.operators or signature.last != "Transpose"):
            raise Unclear("it may be a YOLOX with its decoding inside (bgr pixels of 0..255 in the upper left corner) "
                          "or a YOLOv6 (rgb, 0..1, in the centre); head = \"yolov5\" reads both")
        # Exports of YOLOX take plain 0..255 pixels, blue-green-red, in the upper left corner.
        return Reading("yolox", columns - 5, "bgr", scale=(1.0, 1.0, 1.0), letterbox="topleft")
    if columns == 6:
        raise Unclear("rows of 6 numbers do not tell how many classes there are")
    raise Unclear("%d x %d numbers fit no known detector at this input size" % (rows, columns))


def _by_names(signature: Signature, rows: int | None, columns: int | None, named: int, plain: Sequence[int]) -> Reading:
    """An export that names its classes: YOLOv5's own, or one of Ultralytics'. `plain`: boxes of one for each cell."""
    rtdetr = _rtdetr(signature)
    if columns == 5 + named and rows in [3 * count for count in plain]:
        return Reading("yolov5", named)
    if columns == 6 and (rows or 0) <= 5000:
        if rtdetr and (named == 2 or "head" in signature.metadata):     # later exports have chosen, and say their head
            return _stretched("rtdetr" if "head" in signature.metadata else "detr", named)
        if rtdetr or (rtdetr is None and (named == 2 or (named == 1 and rows is None))):
            raise Unclear("rows of 6 numbers may be corners, score and class, or a box and its scores")
        return Reading("end2end", named)
    if rows == columns == 4 + named and rtdetr is None:
        raise Unclear("its %d x %d numbers may be read by columns (YOLOv8) or by rows (RT-DETR)" % (rows, columns))
    if rows == 4 + named and not (rtdetr and columns == rows):
        return Reading("yolov8", named)
    if columns == 5 + named and rows not in plain:
        return Reading("yolov5", named)
    if columns == 4 + named and (rows or 0) <= 1000:
        return _stretched("detr", named)
    if rows is None or columns is None:
        raise Unclear("the number of its boxes is open, and its %d names do not tell what it is" % named)
    raise Unclear("%d x %d numbers fit no known detector of %d classes" % (rows, columns, named))


def _stretched(head: str, classes: int) -> Reading:
    return Reading(head, classes, letterbox="stretch")


def _boxes_and_logits(signature: Signature, shapes: Sequence[Shape]) -> Reading:
    last = [s[2] for s in shapes]
    if last.count(4) == 1 and None not in last:
        logits = last[1 - last.index(4)] or 0
        known = len(names_of(signature))
        # Without names nothing tells "nothing" from a class; DETR's own export has one more logit than classes.
        if known and logits in (known, known + 1):
            return Reading("detr", known, "rgb", _IMAGENET_MEAN, _IMAGENET_SCALE, 0, "stretch")
    raise Unclear("two outputs look like DETR's, but not how many of the logits are classes")
