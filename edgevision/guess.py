"""A manifest for a bare .onnx export, where its shapes leave no doubt.

Exports of the common detectors differ in how their outputs are laid out, and mostly that alone tells which one it is.
Where two readings are possible, nothing is guessed: a wrong box in silence is worse than a line to write by hand.
"""
from __future__ import annotations

import ast
from pathlib import Path
from typing import NamedTuple, Sequence

from edgevision.errors import ManifestError
from edgevision.heads.base import Shape, show_shape
from edgevision.heads.yolox import cells
from edgevision.letterbox import InputSpec
from edgevision.manifest import Manifest, ModelInfo, OutputSpec

_IMAGENET_MEAN = (123.675, 116.28, 103.53)
_IMAGENET_SCALE = (1 / 58.395, 1 / 57.12, 1 / 57.375)


class Signature(NamedTuple):
    """What a model declares: name, shape (None where open) and type of each input and output, and its metadata."""

    inputs: Sequence[tuple[str, Shape, str]]
    outputs: Sequence[tuple[str, Shape, str]]
    metadata: dict[str, str]


class _Reading(NamedTuple):
    head: str
    classes: int
    color: str = "rgb"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: tuple[float, float, float] = (1 / 255, 1 / 255, 1 / 255)
    fill: int = 114
    letterbox: str = "center"


def guess(path: Path, signature: Signature, classes: Sequence[str] | None = None) -> Manifest:
    """A manifest for the model file at `path`. `classes` names the classes where the model itself does not."""
    width, height, layout, kind = _picture(path, signature)
    reading = _reading(path, signature, width, height)
    names = _names(path, signature, reading.classes, classes)
    spec = InputSpec(width, height, layout, reading.color, kind, reading.mean,
                     reading.scale if kind == "float32" else (1.0, 1.0, 1.0), reading.fill, reading.letterbox)
    output = OutputSpec(reading.head, names, 0.25, 0.45)
    return Manifest(ModelInfo("".join(path.stem.split()) or "model", "1", 1, path.name), spec, output, {}, path.parent)


def _refuse(path: Path, signature: Signature, why: str) -> ManifestError:
    def shown(parts: Sequence[tuple[str, Shape, str]]) -> str:
        return ", ".join("%s %s" % (name, show_shape(shape)) for name, shape, _ in parts)
    return ManifestError("%s has no manifest, and none can be guessed: %s. Its inputs are %s and its outputs %s. "
                         "Write a manifest.toml beside it." % (
                             path, why, shown(signature.inputs), shown(signature.outputs)))


def _picture(path: Path, signature: Signature) -> tuple[int, int, str, str]:
    """Width, height, layout and type of the picture that the model wants."""
    pictures = [entry for entry in signature.inputs if len(entry[1]) == 4]
    if len(pictures) != 1:
        raise _refuse(path, signature, "expected one picture input of 4 dimensions, got %d" % len(pictures))
    _, shape, kind = pictures[0]
    if kind not in ("float32", "uint8"):
        raise _refuse(path, signature, "its input is of the type %s, expected float32 or uint8" % kind)
    if shape[1] == 3:
        layout, high, wide = "nchw", shape[2], shape[3]
    elif shape[3] == 3:
        layout, high, wide = "nhwc", shape[1], shape[2]
    else:
        raise _refuse(path, signature, "its input has no dimension of 3 colours")
    if high is None or wide is None:
        size = _literal(signature.metadata.get("imgsz"))
        if not (isinstance(size, (list, tuple)) and len(size) == 2 and all(isinstance(s, int) and s > 0 for s in size)):
            raise _refuse(path, signature, "the size of its input is open, and its metadata names no imgsz")
        high, wide = size
    return wide, high, layout, kind


def _reading(path: Path, signature: Signature, width: int, height: int) -> _Reading:
    shapes = [shape for _, shape, _ in signature.outputs]
    if signature.metadata.get("task", "detect") != "detect":
        raise _refuse(path, signature, "it was exported for the task %r, expected detect" % signature.metadata["task"])
    if len(shapes) == 1 and len(shapes[0]) == 3:
        return _single(path, signature, shapes[0], cells(width, height), cells(width, height, (8, 16, 32, 64)))
    if len(shapes) == 1 and len(shapes[0]) == 2 and shapes[0][1] == 7:
        named = _named(signature)
        if named:
            return _Reading("end2end", len(named))
        raise _refuse(path, signature, "its rows of 7 numbers do not tell how many classes there are")
    if len(shapes) == 2 and all(len(s) == 3 for s in shapes):
        last = [s[2] for s in shapes]
        if last.count(4) == 1 and None not in last:
            logits = last[1 - last.index(4)] or 0
            known = len(_named(signature))
            # Without names nothing tells "nothing" from a class; DETR's own export has one more logit than classes.
            if known and logits in (known, known + 1):
                return _Reading("detr", known, "rgb", _IMAGENET_MEAN, _IMAGENET_SCALE, 0, "stretch")
        raise _refuse(path, signature, "two outputs look like DETR's, but not how many of the logits are classes")
    if len(shapes) == 3 and all(len(s) == 4 for s in shapes):
        channels = {s[1] for s in shapes} if len({s[1] for s in shapes}) == 1 else {s[3] for s in shapes}
        count = channels.pop() if len(channels) == 1 else None
        if count and count % 3 == 0 and count // 3 > 5:
            return _Reading("yolov3", count // 3 - 5, fill=128)
    if len(shapes) >= 1 and all(len(s) == 5 for s in shapes):
        raise _refuse(path, signature, "its maps of 5 dimensions may be raw or decoded; export it with its decoding "
                                       "(one output), or say head = \"yolov5\" if they are decoded")
    raise _refuse(path, signature, "no detector that is known here puts out such shapes")


def _single(path: Path, signature: Signature, shape: Shape, plain: int, large: int) -> _Reading:
    """One output of three dimensions: the number of cells tells the family."""
    rows, columns = shape[1], shape[2]
    named = len(_named(signature))
    if rows is None or columns is None:
        count = rows if columns is None else columns
        if named and count == 4 + named and columns is None:
            return _Reading("yolov8", named)
        if named and count == 6 and named != 1:
            return _Reading("end2end", named)
        if named and count == 5 + named and rows is None:
            return _Reading("yolov5", named)
        raise _refuse(path, signature, "the number of its boxes is open")
    if columns in (plain, large) and rows > 4 and rows != plain:
        return _Reading("yolov8", rows - 4)
    if rows in (3 * plain, 3 * large) and columns > 5:
        return _Reading("yolov5", columns - 5)
    if rows in (plain, large) and columns > 5:
        # Exports of YOLOX take plain 0..255 pixels, blue-green-red, in the upper left corner.
        return _Reading("yolox", columns - 5, "bgr", scale=(1.0, 1.0, 1.0), letterbox="topleft")
    if columns == 6 and rows <= 1000 and named != 2:
        if not named:
            raise _refuse(path, signature, "rows of 6 numbers do not tell how many classes there are")
        return _Reading("end2end", named)
    if named and columns == 4 + named and rows <= 1000:
        return _Reading("detr", named, letterbox="stretch")
    raise _refuse(path, signature, "%d x %d numbers fit no known detector at this input size" % (rows, columns))


def _named(signature: Signature) -> list[str]:
    """The classes' names in the metadata of Ultralytics' exports, in order."""
    names = _literal(signature.metadata.get("names"))
    if isinstance(names, dict) and names and all(isinstance(k, int) for k in names):
        return [str(names.get(k, "class_%d" % k)) for k in range(max(names) + 1)]
    if isinstance(names, (list, tuple)):
        return [str(name) for name in names]
    return []


def _names(path: Path, signature: Signature, count: int, given: Sequence[str] | None) -> tuple[str, ...]:
    names = list(given) if given else _named(signature) or ["class_%d" % k for k in range(count)]
    if len(names) != count:
        raise _refuse(path, signature, "it has %d classes, but %d names were given (%s)" % (
            count, len(names), ", ".join(names[:8])))
    return tuple(name if names.index(name) == k else "%s_%d" % (name, k) for k, name in enumerate(names))


def _literal(text: str | None) -> object:
    try:
        return ast.literal_eval(text) if text else None
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
