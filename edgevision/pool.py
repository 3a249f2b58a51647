"""Memory for frames that is used again: fresh memory costs the system's time for every page of every frame.

A block goes back when the last array that looks at it is gone, whoever holds it: another branch of a graph, another
language, a slow network target.
"""
from __future__ import annotations

import threading
from typing import Any

import numpy as np

_SIZES = 4   # different sizes that are kept
_SPARE = 12  # free blocks of each


class _Loan:
    """The base of all arrays that look at a block; its end is the end of the last of them."""

    __slots__ = ("__array_interface__", "_block", "_pool")

    def __init__(self, pool: Pool, block: np.ndarray) -> None:
        self._pool, self._block = pool, block
        self.__array_interface__: Any = block.__array_interface__

    def __del__(self) -> None:
        self._pool._back(self._block)


class Pool:
    """Blocks of bytes, uninitialised.

    >>> pool = Pool()
    >>> first = pool.take(100)
    >>> place, view = first.ctypes.data, first[10:].reshape(9, 10)
    >>> del first
    >>> pool.take(100).ctypes.data == place     # the view still looks at it
    False
    >>> del view
    >>> pool.take(100).ctypes.data == place
    True
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a block may come back while one is taken, in the same thread
        self._free: dict[int, list[np.ndarray]] = {}

    def take(self, size: int) -> np.ndarray:
        with self._lock:
            free = self._free.get(size)
            block = free.pop() if free else np.empty(size, np.uint8)
        return np.asarray(_Loan(self, block))

    def _back(self, block: np.ndarray) -> None:
        with self._lock:
            free = self._free.setdefault(block.size, [])
            if len(free) < _SPARE:
                free.append(block)
            if len(self._free) > _SIZES:
                del self._free[next(size for size in self._free if size != block.size)]


FRAMES = Pool()
