"""BufferList: the buffers of one port in one call."""
from __future__ import annotations

from typing import Any, Iterator

import numpy as np

from .buffer import Buffer, Device, handle
from .status import Status, StatusCode


class BufferList:
    """Pushing a Buffer adds a second handle on it: set meta before pushing. An index out of range gives None."""

    __slots__ = ("_device", "_items")

    def __init__(self, source: Any = None) -> None:
        self._device: Device | None = None
        self._items: list[Buffer] = []
        if source is None:
            return
        if isinstance(source, Device):
            self._device = source
        elif isinstance(source, Buffer):
            self._items.append(source)
        elif isinstance(source, (list, tuple, BufferList)) and all(isinstance(b, Buffer) for b in source):
            self._items.extend(source)
        else:
            raise TypeError("BufferList takes a device, a Buffer or a list of Buffers, not %s" % type(source).__name__)

    def build(self, sizes: list[int]) -> Status:
        """Replace the content by buffers of so many bytes each."""
        if not all(hasattr(n, "__index__") for n in sizes):
            raise TypeError("build takes the sizes of the buffers in bytes, not %r" % (sizes,))
        device = self._device or Device()
        self._items[:] = [Buffer(device, np.zeros(int(n), np.uint8)) for n in sizes]
        for buffer in self._items:
            buffer._shape = None
        return Status()

    def push_back(self, data: Any) -> None:
        if type(data) is Buffer:
            self._items.append(handle(data))
        elif isinstance(data, list):
            raise TypeError("push_back takes a Buffer, an array or a text, not a list")
        else:
            self._items.append(Buffer(self._device, data))

    def size(self) -> int:
        return len(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Buffer]:
        return iter(self._items)

    def __getitem__(self, index: int) -> Buffer | None:
        if hasattr(index, "__index__") and index >= 0:
            return self._items[index] if index < len(self._items) else None
        raise TypeError("a BufferList is indexed by 0, 1, 2 ..., not by %r" % (index,))

    def __contains__(self, item: object) -> bool:
        return any(b is item for b in self._items)

    def front(self) -> Buffer | None:
        return self._items[0] if self._items else None

    def back(self) -> Buffer | None:
        return self._items[-1] if self._items else None

    def set(self, key: str, obj: Any) -> None:
        for buffer in self._items:
            buffer.set(key, obj)

    def get_bytes(self) -> int:
        return sum(b.get_bytes() for b in self._items)

    def get_device(self) -> Device | None:
        return self._device

    def copy_meta(self, other: BufferList, is_override: bool) -> Status:
        """Buffer by buffer; as on the real engine, existing keys stay whatever `is_override` says."""
        if not isinstance(other, BufferList):
            raise TypeError("copy_meta takes a BufferList, not %s" % type(other).__name__)
        if len(self) != len(other):
            return Status(StatusCode.STATUS_FAULT, "the lists have %d and %d buffers" % (len(self), len(other)))
        for mine, theirs in zip(self._items, other._items):
            mine.copy_meta(theirs)
        return Status()

    def set_error(self, code: str, msg: str) -> None:
        for buffer in self._items:
            buffer.set_error(code, msg)


def of(items: list[Buffer], device: Device | None = None) -> BufferList:
    """A list around existing buffers, without the checks of the constructor."""
    new = BufferList.__new__(BufferList)
    new._device = device
    new._items = items
    return new
