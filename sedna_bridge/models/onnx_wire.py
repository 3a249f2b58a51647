"""What an ONNX file says of itself, read from the protobuf wire format without the onnx package.

The edge box must know three things before any library opens the file: that it is one whole ModelProto and nothing
else (a cut file or one with a stale tail is not), that it reads no file outside itself (external tensors, EPContext
nodes), and its inputs and outputs. Only the fields that answer these are read; all others are stepped over by their
length.
"""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterator, Union

from .errors import BadModelFile

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MAX_DEPTH = 64
MANIFEST_KEY = "sednabox.manifest"

# The fields of ModelProto and the wire type of each; a top-level field that is not here is not ONNX.
MODEL_FIELDS = {
    1: VARINT,
    2: BYTES,
    3: BYTES,
    4: BYTES,
    5: VARINT,
    6: BYTES,
    7: BYTES,
    8: BYTES,
    14: BYTES,
    20: BYTES,
    25: BYTES,
    26: BYTES,
}
SINGLE_FIELDS = {1, 2, 3, 4, 5, 6, 7}
# Where tensors can hide: message -> {field number: message of that field}.
CHILDREN: dict[str, dict[int, str]] = {
    "Model": {7: "Graph", 20: "Training", 25: "Function"},
    "Training": {1: "Graph", 2: "Graph"},
    "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
    "Node": {5: "Attribute"},
    "Function": {7: "Node", 11: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "SparseTensor", 23: "SparseTensor"},
    "SparseTensor": {1: "Tensor", 2: "Tensor"},
}
Dim = Union[int, str, None]
Bytes = Union[bytes, mmap.mmap]


@dataclass
class Port:
    """An input or output of the graph: name, element type (ONNX number) and shape; a free dimension is its name or
    None."""

    name: str
    type: int = 0
    shape: tuple[Dim, ...] | None = None


@dataclass
class OnnxFacts:
    """What was found in the file."""

    ir_version: int = 0
    producer: str = ""
    opsets: dict[str, int] = field(default_factory=dict)
    inputs: list[Port] = field(default_factory=list)
    outputs: list[Port] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)


class _Broken(Exception):
    """The bytes are not protobuf here; the position says where."""

    def __init__(self, at: int, why: str) -> None:
        super().__init__(why)
        self.at = at


def _varint(data: Bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= end:
            raise _Broken(at, "a number runs past the end")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7
        if shift > 63:
            raise _Broken(at, "a number has more than ten bytes")


def fields(data: Bytes, start: int, end: int) -> Iterator[tuple[int, int, Any, int]]:
    """(number, wire type, value, position after it) for each field; the value of a BYTES field is its (start, end)."""
    at = start
    while at < end:
        tag, after = _varint(data, at, end)
        number, kind = tag >> 3, tag & 7
        if not 0 < number < 1 << 29:
            raise _Broken(at, "field number %d" % number)
        value: Any
        if kind == VARINT:
            value, after = _varint(data, after, end)
        elif kind == BYTES:
            length, after = _varint(data, after, end)
            value, after = (after, after + length), after + length
        elif kind in (FIXED64, FIXED32):
            value, after = (after, after + (8 if kind == FIXED64 else 4)), after + (8 if kind == FIXED64 else 4)
        else:
            raise _Broken(at, "wire type %d" % kind)
        if after > end:
            raise _Broken(at, "field %d runs %d bytes past the end" % (number, after - end))
        yield number, kind, value, after
        at = after


def _text(data: Bytes, span: tuple[int, int]) -> str:
    return bytes(data[span[0] : span[1]]).decode("utf-8", "replace")


def _pair(data: Bytes, span: tuple[int, int]) -> tuple[str, str]:
    found = {number: _text(data, value) for number, kind, value, _ in fields(data, *span) if kind == BYTES}
    return found.get(1, ""), found.get(2, "")


def _dim(data: Bytes, span: tuple[int, int]) -> Dim:
    for number, kind, value, _ in fields(data, *span):
        if number == 1 and kind == VARINT:
            return value if value < 1 << 63 else value - (1 << 64)
        if number == 2 and kind == BYTES:
            return _text(data, value)
    return None


def _port(data: Bytes, span: tuple[int, int]) -> Port:
    port = Port("")
    for number, kind, value, _ in fields(data, *span):
        if number == 1 and kind == BYTES:
            port.name = _text(data, value)
        elif number == 2 and kind == BYTES:
            for kind_number, k, tensor, _ in fields(data, *value):
                if kind_number != 1 or k != BYTES:
                    continue
                for n, kk, v, _ in fields(data, *tensor):
                    if n == 1 and kk == VARINT:
                        port.type = v
                    elif n == 2 and kk == BYTES:
                        dims = [_dim(data, d) for dn, dk, d, _ in fields(data, *v) if dn == 1 and dk == BYTES]
                        port.shape = tuple(dims)
    return port


def _refuse_outside_files(data: Bytes, message: str, span: tuple[int, int], depth: int) -> None:
    """Walk everything that can hold a tensor; a tensor whose bytes lie in another file is refused."""
    if depth > MAX_DEPTH:
        raise BadModelFile(
            "ONNX graphs nested deeper than %d; no detector needs that. Export the model again." % MAX_DEPTH
        )
    children = CHILDREN.get(message, {})
    for number, kind, value, _ in fields(data, *span):
        if message == "Tensor":
            if number == 13 or (number == 14 and kind == VARINT and value == 1):
                raise BadModelFile(
                    "the ONNX file keeps tensor bytes in another file (external data). Save it as one file, "
                    "for example onnx.save(model, path, save_as_external_data=False)."
                )
        elif message == "Node" and number == 4 and kind == BYTES and _text(data, value) == "EPContext":
            raise BadModelFile(
                "the ONNX file has an EPContext node, which may read files outside the model; export it plain."
            )
        elif number in children:
            if kind != BYTES:
                raise _Broken(span[0], "field %d of %s has wire type %d" % (number, message, kind))
            _refuse_outside_files(data, children[number], value, depth + 1)


def boundaries(data: Bytes, end: int) -> Iterator[tuple[int, bool]]:
    """(position, complete) after each top-level field that fits ModelProto; ends silently where the bytes stop fitting.

    `complete` says that what lies before the position has all that a model needs. A stale tail is found with this.
    """
    seen = set()
    try:
        for number, kind, _, after in fields(data, 0, end):
            if MODEL_FIELDS.get(number) != kind or (number in SINGLE_FIELDS and number in seen):
                return
            seen.add(number)
            yield after, {1, 7, 8} <= seen
    except _Broken:
        return


def _read(data: Bytes, size: int, where: str) -> OnnxFacts:
    facts = OnnxFacts()
    seen = set()
    position = 0
    try:
        for number, kind, value, after in fields(data, 0, size):
            if MODEL_FIELDS.get(number) != kind:
                raise _Broken(position, "field %d with wire type %d is not part of an ONNX model" % (number, kind))
            if number in SINGLE_FIELDS and number in seen:
                raise _Broken(position, "field %d comes twice" % number)
            seen.add(number)
            if number == 1:
                facts.ir_version = value
            elif number == 2:
                facts.producer = _text(data, value)
            elif number == 8:
                opset = {n: v for n, _, v, _ in fields(data, *value)}
                domain = _text(data, opset[1]) if isinstance(opset.get(1), tuple) else ""
                facts.opsets[domain] = opset[2] if isinstance(opset.get(2), int) else 0
            elif number == 14:
                key, text = _pair(data, value)
                facts.metadata[key] = text
            elif number == 7:
                _read_ports(data, value, facts)
            position = after
        if not {1, 7, 8} <= seen:
            raise _Broken(size, "the file ends before all parts of a model were seen")
        _refuse_outside_files(data, "Model", (0, size), 0)
    except _Broken as broken:
        raise BadModelFile(
            "%s is not one whole ONNX model: %s (at byte %d of %d). It is cut, has a stale tail, or is another format; "
            "copy or export it again." % (where, broken, broken.at, size)
        ) from None
    return facts


def _read_ports(data: Bytes, span: tuple[int, int], facts: OnnxFacts) -> None:
    constant: set[str] = set()
    for number, kind, value, _ in fields(data, *span):
        if kind != BYTES:
            continue
        if number == 5:
            constant.update(_text(data, v) for n, k, v, _ in fields(data, *value) if n == 8 and k == BYTES)
        elif number == 11:
            facts.inputs.append(_port(data, value))
        elif number == 12:
            facts.outputs.append(_port(data, value))
    facts.inputs = [port for port in facts.inputs if port.name not in constant]


def inspect_bytes(data: bytes, where: str = "the model") -> OnnxFacts:
    """Read an ONNX model that is in memory; raises BadModelFile."""
    if not data:
        raise BadModelFile("%s is empty; copy or export it again." % where)
    return _read(data, len(data), where)


def inspect_onnx(path: str | os.PathLike[str]) -> OnnxFacts:
    """Read an ONNX file; raises BadModelFile unless it is one whole model that needs no other file."""
    name = Path(path).name
    with open(os.fspath(path), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            raise BadModelFile("%s is empty; copy or export it again." % name)
        with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as data:
            return _read(data, size, name)


def cut_stale_tail(data: bytes, older: bytes) -> int | None:
    """Length of the model at the start of `data`, when the rest is provably left over from `older`.

    Sedna's LocalController copies without truncating: a shorter new model keeps the end of the longer old one. Proof
    asked for: both files have one length, `data` is whole up to some field boundary, and from there on equals `older`
    byte for byte.
    """
    if len(data) != len(older) or data == older:
        return None
    low, high = 0, len(data)
    while low < high:  # the longest common end, by halving: data[low:] == older[low:] is monotone in low
        middle = (low + high) // 2
        if data[middle:] == older[middle:]:
            high = middle
        else:
            low = middle + 1
    for position, complete in boundaries(data, len(data)):
        if complete and low <= position < len(data):
            try:
                inspect_bytes(data[:position])
            except BadModelFile:
                continue
            return position
    return None
