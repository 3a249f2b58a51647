"""Reads a flowunit's descriptor with the defaults and the demands of the real engine."""
from __future__ import annotations

import os
import re
from typing import Any

from . import tomltext
from .attribute import boolean, whole
from .descriptor import Descriptor, Port
from .errors import FormatError
from .place import Place
from .source import read_text
from .tomltext import TextFile

TYPES = ("python", "inference")
FOREIGN = {
    "c++": "is written in C++", "java": "is written in Java",
    "yolov3_postprocess": "is a YOLO box unit", "yolov5_postprocess": "is a YOLO box unit",
    "yolo_postprocess": "is a YOLO box unit",
}
_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\Z")
_REQUIRED = ("type", "name", "device", "version", "description", "entry")


class NotADescriptor(FormatError):
    """Raised for a TOML file that has no table [base]: a project file or a graph beside the units."""


class ForeignUnit(FormatError):
    """Raised for a descriptor of a unit that only the real engine can load."""


def load(path: str) -> Descriptor:
    """Read a descriptor; FormatError says what is wrong with it."""
    return read(tomltext.loads(read_text(path, "the descriptor"), path, "the descriptor"), path)


def loads(text: str, file: str = "") -> Descriptor:
    return read(tomltext.loads(text, file, "the descriptor"), file)


def read(source: TextFile, file: str) -> Descriptor:
    """Make a descriptor of a settings file that was read."""
    flat = source.flat()

    def fail(key: str, message: str, cure: str = "") -> FormatError:
        return FormatError(message, source.place(key), cure)

    if not isinstance(source.values.get("base"), dict):
        raise NotADescriptor("the file has no table [base], so it describes no flowunit", Place(file))
    kind = _text(flat.get("base.type"))
    name = _text(flat.get("base.name"))
    if kind in FOREIGN:
        raise ForeignUnit(f"flowunit '{name}' {FOREIGN[kind]} (type = \"{kind}\")", source.place("base.type"),
                          "Only the real engine can load it")
    if kind and kind not in TYPES:
        raise fail("base.type", f"'{kind}' is no type of a flowunit", 'Write type = "python" or type = "inference"')
    needed = _REQUIRED + (("virtual_type",) if kind == "inference" else ())
    lacking = [key for key in needed if not _text(flat.get("base." + key))]
    if lacking:
        raise fail("base", "[base] lacks {}".format(", ".join(lacking)), "The engine skips the flowunit without")
    version = _text(flat["base.version"])
    if not _VERSION.match(version):
        raise fail("base.version", f"version is '{version}', expected three whole numbers", 'Write version = "1.0.0"')

    unit = Descriptor(name, _text(flat["base.device"]), kind, source.place("base"))
    unit.file = file
    unit.folder = os.path.dirname(os.path.abspath(file)) if file else ""
    unit.settings = flat
    unit.places = {key: source.place(key) for key in flat}
    for table in ("base", "input", "output", "config"):
        unit.places[table] = source.place(table)
    unit.version = version
    unit.description = _text(flat["base.description"])
    unit.group_type = _text(flat.get("base.group_type"))
    unit.entry = _text(flat["base.entry"])
    unit.virtual_type = _text(flat.get("base.virtual_type"))
    for flag in ("stream", "condition", "collapse", "collapse_all", "expand", "stream_same_count", "exception_visible"):
        default = flag == "collapse_all" or (flag == "stream" and kind == "python")
        setattr(unit, flag, boolean(flat.get("base." + flag, ""), default))
    unit.max_batch_size = _size(flat, "max_batch_size")
    unit.default_batch_size = _size(flat, "default_batch_size")
    unit.inputs = _ports(source, "input", unit.device)
    unit.outputs = _ports(source, "output", unit.device)
    if not unit.inputs and not unit.outputs:
        raise fail("base", "the flowunit has neither an input nor an output port",
                   'Add [input.input1] name = "in" or [output.output1] name = "out"')
    unit.config = {key[7:]: value for key, value in flat.items() if key.startswith("config.")}
    if kind == "inference":
        from .builtin import inference
        unit.factory = inference.factory(unit)
    return unit


def _text(value: Any) -> str:
    """A setting as one text; the items of a list are joined as the real engine joins them."""
    if isinstance(value, list):
        return "\x03".join(value)
    return "" if value is None else str(value)


def _size(flat: dict[str, Any], key: str) -> int | None:
    """A batch size; like the real engine, 1 for a text that is no number and nothing for one below 1."""
    if "base." + key not in flat:
        return None
    number = whole(_text(flat["base." + key]))
    if number is None:
        return 1
    return number if number > 0 else None


def _ports(source: TextFile, side: str, device: str) -> list[Port]:
    table = source.values.get(side)
    if table is None or table == {}:
        return []
    if not isinstance(table, dict):
        raise FormatError(f"[{side}] must be a table", source.place(side), f"Write [{side}.{side}1] name = ...")
    ports: list[Port] = []
    for number in range(1, len(table) + 1):
        key = "%s%d" % (side, number)
        entry = table.get(key)
        path = f"{side}.{key}"
        if not isinstance(entry, dict) or not entry:
            found = ", ".join(sorted(str(k) for k in table))
            raise FormatError("[%s] has %d entries but no table [%s]; it has: %s" % (side, len(table), path, found),
                              source.place(side), f"Number the ports {side}1, {side}2, ... without a gap")
        name = tomltext.text_of(entry.get("name", ""))
        if not name:
            raise FormatError(f"[{path}] has no name", source.place(path), 'Add name = "..."')
        if any(port.name == name for port in ports):
            continue        # the real engine drops the second one without a word; the checker says so
        ports.append(Port(name, tomltext.text_of(entry.get("device", "")) or device,
                          tomltext.text_of(entry.get("type", "")), source.place(path)))
    return ports
