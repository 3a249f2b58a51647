"""Which values can be meta of a buffer or private to a session, and how they come back.

The real SDK turns Python values into C++ ones by their type: scalars and homogeneous lists are copied, buffers are
copied as arrays, everything else is kept by reference. `freeze` makes the stored form, `thaw` the one given back.
"""
from __future__ import annotations

import enum
from typing import Any, Callable

import numpy as np

from .element import type_of

INT64 = 1 << 63


class _List:
    """A list that was copied on the way in and is copied again on each way out."""

    __slots__ = ("deep", "items")

    def __init__(self, items: list, deep: bool) -> None:
        self.items = items
        self.deep = deep


def _to_int(value: Any) -> int:
    if isinstance(value, float) or not hasattr(value, "__index__"):
        raise RuntimeError("a list of integers holds %r: all elements need one type" % (value,))
    number = int(value.__index__())
    if not -INT64 <= number < INT64:
        raise RuntimeError("%d does not fit into 64 bits" % number)
    return number


def _to_float(value: Any) -> float:
    if isinstance(value, str) or not (hasattr(value, "__float__") or hasattr(value, "__index__")):
        raise RuntimeError("a list of floats holds %r: all elements need one type" % (value,))
    return float(value)


def _to_str(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8")
    if not isinstance(value, str):
        raise RuntimeError("a list of texts holds %r: all elements need one type" % (value,))
    return value


def _to_bool(value: Any) -> bool:
    if value is not None and not hasattr(value, "__bool__"):
        raise RuntimeError("a list of booleans holds %r: all elements need one type" % (value,))
    return bool(value)


def _converter(first: Any) -> Callable[[Any], Any] | None:
    if isinstance(first, float):
        return _to_float
    if isinstance(first, str):
        return _to_str
    if isinstance(first, bool):
        return _to_bool
    if isinstance(first, int):
        return _to_int
    return None


def freeze(value: Any) -> Any:
    """The form in which a value is stored; RuntimeError for what the real SDK cannot take."""
    kind = type(value)
    if kind is int:
        if not -INT64 <= value < INT64:
            raise RuntimeError("%d does not fit into 64 bits" % value)
        return value
    if kind is str or kind is float or kind is bool or value is None:
        return value
    if kind is list:
        return _freeze_list(value)
    if isinstance(value, enum.Enum):
        return value
    if isinstance(value, (np.ndarray, np.generic)) and not isinstance(value, (float, str)):
        array = np.array(value, order="C", copy=True)
        type_of(array)
        return array
    if isinstance(value, (bytes, bytearray, memoryview)):
        return np.frombuffer(bytes(value), np.uint8).copy()
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return freeze(int(value))
    if isinstance(value, list):
        return _freeze_list(value)
    return value


def _freeze_list(value: list) -> Any:
    if not value:
        return _List([], False)
    first = value[0]
    if isinstance(first, list):
        if not first:
            return value
        convert = _converter(first[0])
        if convert is None:
            return value
        for row in value:
            if not isinstance(row, (list, tuple)):
                raise RuntimeError("a list of lists holds %r" % (row,))
        return _List([[convert(x) for x in row] for row in value], True)
    convert = _converter(first)
    return value if convert is None else _List([convert(x) for x in value], False)


def thaw(stored: Any) -> Any:
    """The value as the reader gets it: lists and arrays are copies, so that nobody edits what others read."""
    kind = type(stored)
    if kind is _List:
        return [list(row) for row in stored.items] if stored.deep else list(stored.items)
    if kind is np.ndarray:
        return stored.copy()
    return stored
