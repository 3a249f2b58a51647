"""A manifest for a bare .onnx file: the one that it carries in its metadata, else the only reading that there is."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Sequence

from edgevision.errors import ManifestError
from edgevision.heads.base import Shape, show_shape
from edgevision.letterbox import FED, InputSpec
from edgevision.manifest import MANIFEST_KEY, Manifest, ModelInfo, OutputSpec
from edgevision.reading import Signature, Unclear, advice, literal, names_of, reading_of


def guess(path: Path, signature: Signature, classes: Sequence[str] | None = None) -> Manifest:
    """A manifest for the model file at `path`. `classes` names the classes where the model itself does not."""
    carried = signature.metadata.get(MANIFEST_KEY)
    if carried and classes is None:
        manifest = Manifest.parse(carried, path)
        return replace(manifest, model=replace(manifest.model, file=path.name))
    try:
        width, height, layout, kind = _picture(signature)
    except Unclear as why:
        raise _refuse(path, signature, str(why)) from None
    try:
        reading = reading_of(signature, width, height)
        names = _names(signature, reading.classes, classes)
    except Unclear as why:
        heads = advice(signature, width, height)
        way_out = "Heads that read such outputs: %s; docs/models.md tells them apart." % heads
        raise _refuse(path, signature, str(why), way_out if heads else "No head reads such outputs.") from None
    spec = InputSpec(width, height, layout, reading.color, kind, reading.mean,
                     reading.scale if kind == "float32" else (1.0, 1.0, 1.0), reading.fill, reading.letterbox)
    output = OutputSpec(reading.head, names, 0.25, 0.45)
    return Manifest(ModelInfo("".join(path.stem.split()) or "model", "1", 1, path.name), spec, output, {}, path.parent)


def _refuse(path: Path, signature: Signature, why: str, way_out: str = "") -> ManifestError:
    def shown(parts: Sequence[tuple[str, Shape, str]]) -> str:
        return ", ".join("%s %s" % (name, show_shape(shape)) for name, shape, _ in parts)
    return ManifestError("%s has no manifest, and none can be guessed: %s. Its inputs are %s and its outputs %s. "
                         "Write a manifest.toml beside it.%s" % (
                             path, why, shown(signature.inputs), shown(signature.outputs), way_out and " " + way_out))


def _picture(signature: Signature) -> tuple[int, int, str, str]:
    """Width, height, layout and type of the picture that the model wants."""
    pictures = [entry for entry in signature.inputs if len(entry[1]) == 4]
    if len(pictures) != 1:
        raise Unclear("expected one picture input of 4 dimensions, got %d" % len(pictures))
    _, shape, kind = pictures[0]
    if kind not in FED:
        raise Unclear("its input is of the type %s, expected one of %s; export it with a float32 input" % (
            kind, ", ".join(FED)))
    if shape[1] == 3:
        layout, high, wide = "nchw", shape[2], shape[3]
    elif shape[3] == 3:
        layout, high, wide = "nhwc", shape[1], shape[2]
    else:
        raise Unclear("its input has no dimension of 3 colours")
    if high is None or wide is None:
        size = literal(signature.metadata.get("imgsz"))
        if isinstance(size, int):
            size = (size, size)
        if not (isinstance(size, (list, tuple)) and len(size) == 2 and all(isinstance(s, int) and s > 0 for s in size)):
            raise Unclear("the size of its input is open, and its metadata names no imgsz")
        high, wide = size
    return wide, high, layout, FED[kind]


def _names(signature: Signature, count: int, given: Sequence[str] | None) -> tuple[str, ...]:
    names = list(given) if given else names_of(signature) or ["class_%d" % k for k in range(count)]
    if len(names) != count:
        raise Unclear("it has %d classes, but %d names were given (%s)" % (count, len(names), ", ".join(names[:8])))
    return tuple(name if names.index(name) == k else "%s_%d" % (name, k) for k, name in enumerate(names))
