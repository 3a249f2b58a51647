"""What every place that takes hard examples has in common."""

from __future__ import annotations

from typing import Callable

from sedna_bridge.storage.example import Example

Pace = Callable[[int], None]
PIECE = 1024


def unpaced(size: int) -> None:
    """No bandwidth limit."""


class Target:
    """A place that takes hard examples, one by one, under their names.

    `put` returns only after the place has said a durable yes: True for a new example, False for one that it already
    has. It raises TargetAway when trying again later may help and TargetRefused when the place does not want this
    one example. To put the same example again is harmless, always. `put` is called by several threads.
    """

    where: str = ""

    def put(self, example: Example) -> bool:
        raise NotImplementedError

    def close(self) -> None:
        """Lets connections go. The target is not used afterwards."""


class PacedBody:
    """Bytes on their way out, read in pieces no larger than the bandwidth limit wants."""

    def __init__(self, data: bytes, pace: Pace) -> None:
        self._data = memoryview(data)
        self._pace = pace
        self._at = 0

    def __len__(self) -> int:
        return len(self._data)

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, len(self._data))[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        if self._pace is not unpaced:
            size = PIECE if size < 0 else min(size, PIECE)
        end = len(self._data) if size < 0 else min(len(self._data), self._at + size)
        piece = bytes(self._data[self._at : end])
        if piece:
            self._pace(len(piece))
        self._at = end
        return piece
