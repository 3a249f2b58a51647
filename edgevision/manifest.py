"""A model's manifest: what it is, what it must be fed, and how to read what it puts out.

The file `manifest.toml` lies beside the model. Every complaint names file, line, key, what was expected and what came.
"""
from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping

import tomlkit
from tomlkit.exceptions import TOMLKitError

from edgevision.errors import ManifestError
from edgevision.heads import HEADS
from edgevision.letterbox import MODES, InputSpec

FILE = "manifest.toml"
MANIFEST_KEY = "sednabox.manifest"  # in a model's metadata: the manifest that the file carries itself
_REQUIRED: Any = object()


@dataclass(frozen=True)
class ModelInfo:
    """Which model this is; the table [model]."""

    name: str
    version: str
    counter: int = 1
    file: str = "model.onnx"
    sha256: str = ""
    size: int = 0
    parent: str = ""
    license: str = ""


@dataclass(frozen=True)
class OutputSpec:
    """How to read the outputs; the table [output]."""

    head: str
    classes: tuple[str, ...]
    score_threshold: float = 0.3
    nms_threshold: float = 0.4
    anchors: tuple[tuple[float, float], ...] | None = None
    activation: str = ""


@dataclass(frozen=True)
class Manifest:
    """A model folder's description. `folder` is where it was read from; `model_path` the file that it speaks of."""

    model: ModelInfo
    input: InputSpec
    output: OutputSpec
    metrics: Mapping[str, Any] = field(default_factory=dict)
    folder: Path = Path(".")

    @property
    def model_path(self) -> Path:
        return self.folder / self.model.file

    @classmethod
    def read(cls, path: str | Path) -> Manifest:
        """Read a manifest: a folder that holds one, or the file itself."""
        path = Path(path)
        if path.is_dir():
            path = path / FILE
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ManifestError("manifest %s: cannot be read: %s" % (path, reason)) from None
        return cls.parse(text, path)

    @classmethod
    def parse(cls, text: str, path: str | Path = FILE) -> Manifest:
        """A manifest from its text; `path` is for messages and for where the model lies."""
        path = Path(path)
        try:
            tables = tomlkit.parse(text).unwrap()
        except TOMLKitError as error:
            line = getattr(error, "line", None)
            raise ManifestError("%s%s: not valid TOML: %s" % (path, ":%d" % line if line else "", error)) from None
        for name in ("model", "input", "output"):
            if not isinstance(tables.get(name), dict):
                raise ManifestError("%s: the table [%s] is missing" % (path, name))
        metrics = tables.get("metrics", {})
        model, spec, output = (_Table(path, text, name, tables[name]) for name in ("model", "input", "output"))
        metrics = metrics if isinstance(metrics, dict) else {}
        return cls(_model(model), _input(spec), _output(output), metrics, path.parent)

    def text(self) -> str:
        """The manifest as TOML. Arrays hold strings only: ModelBox's parser knows no others."""
        document = tomlkit.document()
        model = tomlkit.table()
        for key in ("name", "version", "counter", "file", "sha256", "size", "parent", "license"):
            model[key] = getattr(self.model, key)
        spec = tomlkit.table()
        for key in ("width", "height", "layout", "color", "type"):
            spec[key] = getattr(self.input, key)
        spec["mean"] = [repr(value) for value in self.input.mean]
        spec["scale"] = [repr(value) for value in self.input.scale]
        spec["fill"] = str(self.input.fill)
        spec["letterbox"] = self.input.letterbox
        output = tomlkit.table()
        output["head"] = self.output.head
        output["classes"] = list(self.output.classes)
        output["score_threshold"] = self.output.score_threshold
        output["nms_threshold"] = self.output.nms_threshold
        if self.output.anchors:
            output["anchors"] = ["%g,%g" % anchor for anchor in self.output.anchors]
        if self.output.activation:
            output["activation"] = self.output.activation
        document["model"], document["input"], document["output"] = model, spec, output
        if self.metrics:
            document["metrics"] = dict(self.metrics)
        return tomlkit.dumps(document)

    def write(self, folder: str | Path) -> Path:
        """Write `manifest.toml` into a folder, whole or not at all."""
        path = Path(folder) / FILE
        part = path.with_name(FILE + ".part")
        with open(part, "w", encoding="utf-8") as file:
            file.write(self.text())
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
        return path

    def verify_file(self) -> None:
        """Check size and sha256 of the model file, where the manifest states them."""
        path = self.model_path
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ManifestError("model file %s: cannot be read: %s" % (path, error.strerror or error)) from None
        if self.model.size and len(data) != self.model.size:
            raise ManifestError("model file %s: the manifest says %d bytes, the file has %d; it is cut short or not "
                                "the model that the manifest speaks of" % (path, self.model.size, len(data)))
        if self.model.sha256:
            found = hashlib.sha256(data).hexdigest()
            if found != self.model.sha256.lower():
                raise ManifestError("model file %s: the manifest says sha256 %s, the file has %s; it is not the model "
                                    "that the manifest speaks of" % (path, self.model.sha256, found))


class _Table:
    """Reads the keys of one table and complains with file and line."""

    def __init__(self, path: Path, text: str, name: str, values: dict[str, Any]) -> None:
        self.path, self.text, self.name, self.values = path, text, name, values

    def wrong(self, key: str, expected: str) -> ManifestError:
        line = _line_of(self.text, self.name, key)
        where = "%s:%d" % (self.path, line) if line else str(self.path)
        if key not in self.values:
            return ManifestError("%s: [%s] %s is missing: expected %s" % (where, self.name, key, expected))
        return ManifestError("%s: [%s] %s: expected %s, got %r" % (where, self.name, key, expected, self.values[key]))

    def string(self, key: str, default: Any = _REQUIRED, among: tuple[str, ...] = ()) -> str:
        value = self.values.get(key, default)
        expected = "one of " + ", ".join(among) if among else "a text"
        if not isinstance(value, str) or (among and value not in among):
            raise self.wrong(key, expected)
        return value

    def whole(self, key: str, default: Any = _REQUIRED, least: int = 0, most: int = 1 << 62) -> int:
        value = self.values.get(key, default)
        if isinstance(value, str) and re.fullmatch(r"\d+", value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            bounds = "of at least %d" % least if most == 1 << 62 else "from %d to %d" % (least, most)
            raise self.wrong(key, "a whole number " + bounds)
        return value

    def share(self, key: str, default: float) -> float:
        value = self.values.get(key, default)
        number = _number(value)
        if number is None or not 0 <= number <= 1:
            raise self.wrong(key, "a number from 0 to 1")
        return number

    def three(self, key: str, default: tuple[float, float, float]) -> tuple[float, float, float]:
        value = self.values.get(key)
        if value is None:
            return default
        numbers = [_number(v) for v in value] if isinstance(value, list) else []
        if len(numbers) != 3 or None in numbers:
            raise self.wrong(key, 'three numbers as texts, such as ["0", "0", "0"]')
        return float(numbers[0] or 0), float(numbers[1] or 0), float(numbers[2] or 0)


def _model(table: _Table) -> ModelInfo:
    version = table.string("version")
    if not version or re.search(r"[\s/]", version):
        raise table.wrong("version", 'a text without white space or "/"')
    name = table.string("name")
    if not re.fullmatch(r"[^\s/\\]+", name):
        raise table.wrong("name", "a name without white space or slashes")
    file = table.string("file", "model.onnx")
    if not file or Path(file).is_absolute() or ".." in Path(file).parts:
        raise table.wrong("file", "the name of a file inside the model's folder")
    sha256 = table.string("sha256", "")
    if sha256 and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise table.wrong("sha256", "64 hexadecimal digits")
    return ModelInfo(name, version, table.whole("counter", 1), file, sha256, table.whole("size", 0),
                     table.string("parent", ""), table.string("license", ""))


def _input(table: _Table) -> InputSpec:
    usual = InputSpec(1, 1)
    kind = table.string("type", "float32", ("float32", "uint8"))
    scale = table.three("scale", usual.scale if kind == "float32" else (1.0, 1.0, 1.0))
    return InputSpec(table.whole("width", least=1, most=16384), table.whole("height", least=1, most=16384),
                     table.string("layout", "nchw", ("nchw", "nhwc")), table.string("color", "rgb", ("rgb", "bgr")),
                     kind, table.three("mean", usual.mean), scale, table.whole("fill", 128, 0, 255),
                     table.string("letterbox", "center", MODES))


def _output(table: _Table) -> OutputSpec:
    classes = table.values.get("classes")
    if not isinstance(classes, list) or not classes or not all(isinstance(c, str) and c for c in classes):
        raise table.wrong("classes", "a list of the classes' names")
    if len(set(classes)) != len(classes):
        raise table.wrong("classes", "names that differ from one another")
    activation = table.string("activation", "")
    if activation not in ("", "sigmoid", "softmax"):
        raise table.wrong("activation", "sigmoid or softmax")
    anchors = None
    if "anchors" in table.values:
        anchors = _anchors(table)
    return OutputSpec(table.string("head", among=tuple(HEADS)), tuple(classes), table.share("score_threshold", 0.3),
                      table.share("nms_threshold", 0.4), anchors, activation)


def _anchors(table: _Table) -> tuple[tuple[float, float], ...]:
    pairs: list[tuple[float, float]] = []
    value = table.values["anchors"]
    for text in value if isinstance(value, list) else [None]:
        numbers = [_number(part) for part in text.split(",")] if isinstance(text, str) else []
        if len(numbers) != 2 or not all(n is not None and n > 0 for n in numbers):
            raise table.wrong("anchors", 'texts of width and height, such as ["10,13", "16,30"]')
        pairs.append((float(numbers[0] or 0), float(numbers[1] or 0)))
    return tuple(pairs)


def _number(value: Any) -> float | None:
    """A finite number, also from its text; None when it is none."""
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if number - number == 0 else None


def _line_of(text: str, table: str, key: str) -> int:
    """The line of a key, or of its table when the key is not there; 0 when neither is."""
    inside, header = False, 0
    for number, line in enumerate(text.splitlines(), 1):
        head = re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line)
        if head:
            inside = head.group(1) == table
            header = number if inside else header
        elif inside and re.match(r"\s*[\"']?%s[\"']?\s*=" % re.escape(key), line):
            return number
    return header
