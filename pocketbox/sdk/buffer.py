"""Buffer: one piece of data with its meta. Aliases the memory it was made from; never copies pixels."""
from __future__ import annotations

from typing import Any

import numpy as np

from . import element
from .element import DTYPES, ModelBoxDataType, as_array, type_of
from .metavalue import freeze, thaw

RAW, STR = 0, 1
EMPTY = np.zeros(0, np.uint8)
EMPTY.setflags(write=False)


class Device:
    """The device that a flowunit is bound to; the embedded engine has one CPU."""

    __slots__ = ("_id", "_type")

    def __init__(self, type: str = "cpu", device_id: str = "0") -> None:
        self._type = type
        self._id = device_id

    def get_type(self) -> str:
        return self._type

    def get_device_id(self) -> str:
        return self._id

    def get_device_desc(self) -> None:
        raise TypeError("Unable to convert function return value to a Python type")


class BufferError(tuple):
    """Code, message and depth (how many expands and conditions lay above where it arose) of a failed buffer."""

    __slots__ = ()

    def __new__(cls, code: str, message: str, depth: int = -1) -> BufferError:
        return super().__new__(cls, (code, message, depth))


class Buffer:
    """Data (an array, or text) and meta.

    `seat` is the engine's: the place of this buffer in its stream. A copy (`Buffer(other)`, `push_back`) shares the
    data and has its own meta.
    """

    __slots__ = ("_array", "_error", "_kind", "_meta", "_shape", "seat")
    ModelBoxDataType = ModelBoxDataType
    FLOAT, DOUBLE, INT32, UINT8 = (ModelBoxDataType.FLOAT, ModelBoxDataType.DOUBLE, ModelBoxDataType.INT32,
                                   ModelBoxDataType.UINT8)
    INT16, INT8, INT64, BOOL = (ModelBoxDataType.INT16, ModelBoxDataType.INT8, ModelBoxDataType.INT64,
                                ModelBoxDataType.BOOL)
    UINT16, UINT32, UINT64 = ModelBoxDataType.UINT16, ModelBoxDataType.UINT32, ModelBoxDataType.UINT64

    def __init__(self, device: Any, *data: Any) -> None:
        self._error: BufferError | None = None
        self.seat: Any = None
        self._array: np.ndarray = EMPTY
        self._kind = RAW
        self._shape: Any = None     # True: the array's own; a tuple; a list of shapes; None: not known
        self._meta: dict[str, Any] = {}
        if isinstance(device, Buffer):
            if data:
                raise TypeError("Buffer(other) takes no further argument")
            self._array, self._kind, self._shape = device._array, device._kind, device._shape
            self._meta = device._meta.copy()
            self._error = device._error
            return
        if device is not None and not isinstance(device, Device):
            raise TypeError("Buffer takes a device (get_bind_device()) first, not %s" % type(device).__name__)
        if data:
            if len(data) > 1:
                raise TypeError("Buffer takes a device and one piece of data")
            self.build(data[0])

    # -- data --------------------------------------------------------------
    def build(self, data: Any) -> None:
        """Take over an array or another buffer (aliased), a text, or a list of arrays (copied end to end)."""
        if isinstance(data, np.ndarray):
            array = as_array(data)
            type_of(array)
            self._array, self._kind, self._shape = array, RAW, True
        elif isinstance(data, str) and not isinstance(data, np.generic):
            # The real engine gives a text neither shape nor type; bytes are UTF-8.
            self._array, self._kind, self._shape = np.frombuffer(data.encode("utf-8"), np.uint8), STR, None
        elif isinstance(data, list):
            self._build_list(data)
        elif isinstance(data, Buffer):
            self._array, self._kind, self._shape = data.__array__(), RAW, True
        else:
            array = as_array(data)
            type_of(array)
            self._array, self._kind, self._shape = array, RAW, True
        self._error = None

    def _build_list(self, parts: list[Any]) -> None:
        """Arrays end to end, of the type of the last one; the meta "shape" lists the shapes."""
        arrays = []
        for part in parts:
            if not isinstance(part, (np.ndarray, bytes, bytearray, memoryview, Buffer)):
                raise TypeError("expected a list of arrays, found %s in it" % type(part).__name__)
            arrays.append(part.__array__() if isinstance(part, Buffer) else as_array(part))
        if not arrays:
            raise RuntimeError("invalid numpy data type: an empty list has none")
        kinds = [type_of(array) for array in arrays]
        self._array = np.frombuffer(bytearray(b"".join(a.tobytes() for a in arrays)), np.uint8)
        self._kind, self._shape = RAW, [list(a.shape) for a in arrays]
        self._meta["type"] = kinds[-1]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self._view()
        if dtype is not None and dtype != array.dtype:
            return array.astype(dtype)
        return array.copy() if copy else array

    def _view(self) -> np.ndarray:
        """The data in its shape; flat where the shape is not known or does not fit the bytes.

        The real engine takes shape and type from the meta and would read past the end of the data in the latter case.
        """
        shape = self._shape
        if shape is True and "type" not in self._meta:
            return self._array.view()
        flat = self._flat() if shape is not None or self._kind == RAW else self._array.view()
        dims = self._array.shape if shape is True else shape
        if isinstance(dims, tuple):
            count = 1
            for n in dims:
                count *= n
            if count <= flat.size:
                return flat[:count].reshape(dims)
        return flat

    def _flat(self) -> np.ndarray:
        """All elements in a row, of the type that the meta names."""
        flat = self._array.reshape(-1)
        kind = self._meta.get("type")
        if not isinstance(kind, ModelBoxDataType):
            return flat if self._shape is True else flat.view(np.uint8)
        raw, dtype = flat.view(np.uint8), DTYPES[kind]
        return raw[:raw.size - raw.size % dtype.itemsize].view(dtype)

    def __buffer__(self, flags: int) -> memoryview:
        return memoryview(self._view())  # type: ignore[arg-type]

    def __bytes__(self) -> bytes:
        return self._array.tobytes()

    def as_bytes(self) -> bytes:
        return self._array.tobytes()

    def as_object(self) -> Any:
        """A text, or a flat copy of the elements."""
        if self._kind == STR:
            if not self._array.size:
                raise RuntimeError("can not get buffer data.")
            return self._array.tobytes().decode("utf-8")
        return self._flat().copy()

    def __str__(self) -> str:
        return self._array.tobytes().decode("utf-8")

    def get_bytes(self) -> int:
        return self._array.nbytes

    # -- meta --------------------------------------------------------------
    def set(self, key: str, obj: Any, /) -> None:
        if type(key) is not str:
            raise TypeError("a meta key is a text, not %s" % type(key).__name__)
        if key == "shape":
            self._shape = None
        self._meta[key] = freeze(obj.__array__() if type(obj) is Buffer else obj)

    def get(self, key: str, /) -> Any:
        meta = self._meta
        if key in meta:
            stored = meta[key]
            kind = type(stored)
            return stored if kind is int or kind is str or kind is float else thaw(stored)
        if self._shape is not None:
            if key == "shape":
                return list(self._array.shape if self._shape is True else self._shape)
            if key == "type" and self._shape is True:
                return element.TYPES[self._array.dtype.char]
        if type(key) is not str:
            raise TypeError("a meta key is a text, not %s" % type(key).__name__)
        raise ValueError("can not find buffer meta: %s" % key)

    def copy_meta(self, other: Buffer) -> None:
        """Add the other buffer's meta; what is already there stays, shape and type among it."""
        if not isinstance(other, Buffer):
            raise TypeError("copy_meta takes a Buffer, not %s" % type(other).__name__)
        mine = self._meta
        if mine:
            for key, value in other._meta.items():
                if key not in mine:
                    mine[key] = value
        else:
            mine.update(other._meta)
        if self._shape is None and other._shape is not None and "shape" not in mine:
            self._shape = tuple(other._array.shape) if other._shape is True else other._shape
            mine.setdefault("type", element.TYPES[other._array.dtype.char])

    # -- errors ------------------------------------------------------------
    def has_error(self) -> bool:
        return self._error is not None

    def set_error(self, code: str, msg: str, /) -> None:
        """Mark as failed; the data is dropped, the meta stays, its shape and type among it."""
        if not isinstance(code, str) or not isinstance(msg, str):
            raise TypeError("set_error takes two texts: a code and a message")
        if self._shape is True:
            self._shape = self._array.shape
            self._meta.setdefault("type", element.TYPES[self._array.dtype.char])
        self._error = BufferError(code, msg)
        self._array = EMPTY

    def get_error_code(self) -> str:
        return self._error[0] if self._error else ""

    def get_error_msg(self) -> str:
        return self._error[1] if self._error else ""


def handle(buffer: Buffer) -> Buffer:
    """A second handle on a buffer: the same data, its own meta, no place in a stream yet."""
    new = Buffer.__new__(Buffer)
    new._array = buffer._array
    new._kind = buffer._kind
    new._shape = buffer._shape
    new._meta = buffer._meta.copy()
    new._error = buffer._error
    new.seat = None
    return new


def failed(code: str, message: str, depth: int = -1) -> Buffer:
    """A buffer that carries nothing but an error."""
    new = Buffer.__new__(Buffer)
    new._array = EMPTY
    new._kind = RAW
    new._shape = None
    new._meta = {}
    new._error = BufferError(code, message, depth)
    new.seat = None
    return new
