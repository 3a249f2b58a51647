"""The element types that a Buffer can hold, and how numpy names them."""
from __future__ import annotations

import enum
from typing import Any

import numpy as np


class ModelBoxDataType(enum.IntEnum):
    """Element types with ModelBox's numbers."""

    FLOAT = 1
    DOUBLE = 2
    INT32 = 3
    UINT8 = 4
    INT16 = 5
    INT8 = 6
    INT64 = 9
    BOOL = 10
    UINT16 = 17
    UINT32 = 22
    UINT64 = 23

    def __str__(self) -> str:
        return "ModelBoxDataType." + self.name


# Keyed by numpy's character code, as the real SDK's buffer protocol is: "L" (np.uint64 on Linux) is not known there,
# "Q" (np.ulonglong) is. "e" (float16) is known there as FLOAT, which reads past the end of the data; refused here.
TYPES: dict[str, ModelBoxDataType] = {
    "f": ModelBoxDataType.FLOAT, "d": ModelBoxDataType.DOUBLE, "i": ModelBoxDataType.INT32,
    "B": ModelBoxDataType.UINT8, "h": ModelBoxDataType.INT16, "b": ModelBoxDataType.INT8,
    "l": ModelBoxDataType.INT64, "q": ModelBoxDataType.INT64, "?": ModelBoxDataType.BOOL,
    "H": ModelBoxDataType.UINT16, "I": ModelBoxDataType.UINT32, "Q": ModelBoxDataType.UINT64,
}

DTYPES: dict[ModelBoxDataType, Any] = {
    ModelBoxDataType.FLOAT: np.dtype(np.float32), ModelBoxDataType.DOUBLE: np.dtype(np.float64),
    ModelBoxDataType.INT32: np.dtype(np.int32), ModelBoxDataType.UINT8: np.dtype(np.uint8),
    ModelBoxDataType.INT16: np.dtype(np.int16), ModelBoxDataType.INT8: np.dtype(np.int8),
    ModelBoxDataType.INT64: np.dtype(np.int64), ModelBoxDataType.BOOL: np.dtype(np.bool_),
    ModelBoxDataType.UINT16: np.dtype(np.uint16), ModelBoxDataType.UINT32: np.dtype(np.uint32),
    ModelBoxDataType.UINT64: np.dtype(np.ulonglong),
}


def type_of(array: np.ndarray) -> ModelBoxDataType:
    """The element type of an array; RuntimeError for those that ModelBox cannot carry."""
    dtype = array.dtype
    if dtype.kind in "mM":
        raise ValueError("cannot include dtype '%s' in a buffer" % dtype.char)
    found = TYPES.get(dtype.char) if dtype.isnative else None
    if found is None:
        hint = {"L": " (use np.ulonglong)", "e": " (float16: convert to float32 first)"}.get(dtype.char, "")
        raise RuntimeError("invalid numpy data type: %s%s" % (dtype.str if not dtype.isnative else dtype.char, hint))
    return found


def as_array(data: Any) -> np.ndarray:
    """The object as a C-contiguous array, without a copy where its memory allows; TypeError if it is no buffer."""
    if isinstance(data, np.ndarray):
        array = data
    elif isinstance(data, (bytes, bytearray)):
        array = np.frombuffer(data, np.uint8)
    elif isinstance(data, np.generic):
        raise RuntimeError("can not accept empty numpy: a buffer needs at least one dimension, use np.array([value])")
    else:
        try:
            array = np.asarray(memoryview(data))
        except TypeError:
            raise TypeError("expected a numpy array, bytes or another buffer, not %s" % type(data).__name__) from None
    if array.ndim == 0:
        raise RuntimeError("can not accept empty numpy: a buffer needs at least one dimension, use np.array([value])")
    return array if array.flags.c_contiguous else np.ascontiguousarray(array)
