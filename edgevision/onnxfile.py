"""Looks into an ONNX file without loading it: is it one, is it whole, does it need other files, what does it say?

onnxruntime answers a damaged file with words about protobuf, and reads external data from wherever it lies. So the
few facts that matter are read here from the file's own bytes: protobuf's wire format is a dozen lines.
"""
from __future__ import annotations

from pathlib import Path
from typing import Iterator, NamedTuple

from edgevision.errors import ModelError

# Field numbers of onnx.proto.
_MODEL_IR, _MODEL_PRODUCER, _MODEL_GRAPH, _MODEL_OPSET, _MODEL_META = 1, 2, 7, 8, 14
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_OUTPUT = 1, 5, 12
_NODE_OUTPUT, _NODE_OPERATOR, _NODE_ATTRIBUTE = 2, 4, 5
_VALUE_NAME = 1
_ATTRIBUTE_TENSOR, _ATTRIBUTE_GRAPH, _ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS = 5, 6, 10, 11
_TENSOR_NAME, _TENSOR_EXTERNAL, _TENSOR_LOCATION = 8, 13, 14
_PAIR_KEY, _PAIR_VALUE = 1, 2


class OnnxFacts(NamedTuple):
    """What an ONNX file says about itself."""

    ir_version: int
    producer: str
    metadata: dict[str, str]
    external: list[str]  # names of the other files that its weights lie in
    operators: frozenset[str] = frozenset()
    last: str = ""  # the operator that makes its first output


def inspect(path: str | Path, content: bytes | None = None) -> OnnxFacts:
    """The facts of an ONNX file; ModelError when it is missing, cut short, or something else.

    With `content`, that is looked at and the path is only a name.
    """
    path = Path(path)
    try:
        data = memoryview(path.read_bytes() if content is None else content)
    except OSError as error:
        raise ModelError("model %s: cannot be read: %s" % (path, error.strerror or error)) from None
    if not len(data):
        raise ModelError("model %s: the file is empty" % path)
    ir_version, producer, graphs = 0, "", 0
    metadata: dict[str, str] = {}
    external: list[str] = []
    operators: frozenset[str] = frozenset()
    last = ""
    try:
        for number, value in _fields(data):
            if number == _MODEL_IR and isinstance(value, int):
                ir_version = value
            elif number == _MODEL_PRODUCER and not isinstance(value, int):
                producer = bytes(value).decode("utf-8", "replace")
            elif number == _MODEL_META and not isinstance(value, int):
                key, text = _pair(value)
                metadata[key] = text
            elif number == _MODEL_GRAPH and not isinstance(value, int):
                graphs += 1
                _external_of_graph(value, external)
                operators, last = _operators(value)
    except _Cut:
        if (ir_version and not graphs) or graphs:
            raise ModelError("model %s: the file is cut short or damaged (%d bytes); copy it again" % (
                path, len(data))) from None
        raise ModelError("model %s: this is not an ONNX file (%s)" % (path, _kind(data))) from None
    if not graphs or not 1 <= ir_version <= 1000:
        raise ModelError("model %s: this is not an ONNX file (%s)" % (path, _kind(data)))
    return OnnxFacts(ir_version, producer, metadata, sorted(set(external)), operators, last)


class _Cut(Exception):
    """The bytes end, or make no sense, in the middle of a field."""


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise _Cut
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field of a message; nested messages, texts and blobs as bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if number == 0:
            raise _Cut
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == 2:
            size, at = _varint(data, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise _Cut
        if at + size > len(data):
            raise _Cut
        yield number, data[at:at + size]
        at += size


def _pair(data: memoryview) -> tuple[str, str]:
    parts = {number: bytes(value).decode("utf-8", "replace") for number, value in _fields(data)
             if not isinstance(value, int)}
    return parts.get(_PAIR_KEY, ""), parts.get(_PAIR_VALUE, "")


def _operators(graph: memoryview) -> tuple[frozenset[str], str]:
    """The operators of a graph, and the one that makes its first output."""
    makers: dict[str, str] = {}
    operators, output = set(), ""
    for number, value in _fields(graph):
        if isinstance(value, int):
            continue
        if number == _GRAPH_OUTPUT and not output:
            output = _texts(value, _VALUE_NAME)[0]
        elif number == _GRAPH_NODE:
            operator = _texts(value, _NODE_OPERATOR)[0]
            operators.add(operator)
            makers.update((name, operator) for name in _texts(value, _NODE_OUTPUT))
    return frozenset(operators), makers.get(output, "")


def _texts(message: memoryview, field: int) -> list[str]:
    """The texts in a field of a message, at least one."""
    return [bytes(value).decode("utf-8", "replace") for number, value in _fields(message)
            if number == field and not isinstance(value, int)] or [""]


def _external_of_graph(graph: memoryview, found: list[str]) -> None:
    for number, value in _fields(graph):
        if isinstance(value, int):
            continue
        if number == _GRAPH_INITIALIZER:
            _external_of_tensor(value, found)
        elif number == _GRAPH_NODE:
            for field, attribute in _fields(value):
                if field == _NODE_ATTRIBUTE and not isinstance(attribute, int):
                    _external_of_attribute(attribute, found)


def _external_of_attribute(attribute: memoryview, found: list[str]) -> None:
    for number, value in _fields(attribute):
        if isinstance(value, int):
            continue
        if number in (_ATTRIBUTE_TENSOR, _ATTRIBUTE_TENSORS):
            _external_of_tensor(value, found)
        elif number in (_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS):
            _external_of_graph(value, found)


def _external_of_tensor(tensor: memoryview, found: list[str]) -> None:
    location, outside = "", False
    for number, value in _fields(tensor):
        if number == _TENSOR_LOCATION and value == 1:
            outside = True
        elif number == _TENSOR_EXTERNAL and not isinstance(value, int):
            key, text = _pair(value)
            if key == "location":
                location = text
    if outside:
        found.append(location or "(a file without a name)")


def _kind(data: memoryview) -> str:
    """A guess at what else it is, for the message."""
    head = bytes(data[:64])
    kinds = ((b"PK\x03\x04", "it looks like a zip archive or a PyTorch file"), (b"\x1f\x8b", "it looks like gzip"),
             (b"\x89HDF", "it looks like HDF5 or Keras"), (b"version https://git-lfs", "it is a Git LFS pointer"),
             (b"<", "it looks like HTML or XML"), (b"\xff\xd8", "it looks like a JPEG picture"),
             (b"{", "it looks like JSON"))
    for start, name in kinds:
        if head.lstrip().startswith(start):
            return name
    if head[4:8] == b"TFL3":
        return "it looks like TensorFlow Lite"
    return "%d bytes of something else" % len(data)
