"""Where a buffer sits: which stream, which place in it, and which buffer of the outer stream it came from.

Buffers of one stream are numbered from 0. A unit that works one to one hands its input's seat on; a stream unit gives
new numbers; expand and condition open an inner stream whose seats point to the seat outside (`parent`), and collapse or
a merge goes back to it. Streams are told apart by `key`: the session at the root, and inside an expand or a condition
the outer key with what opened it.
"""
from __future__ import annotations

from typing import Any, Tuple

Key = Tuple[Any, ...]


class Seat:
    """Place of one buffer (or of a stream's end, whose index is the number of buffers before it)."""

    __slots__ = ("depth", "index", "key", "meta", "parent", "session")

    def __init__(self, session: Any, key: Key, index: int, parent: Seat | None, depth: int, meta: Any = None) -> None:
        self.session = session
        self.key = key
        self.index = index
        self.parent = parent
        self.depth = depth
        self.meta = meta

    def at(self, index: int) -> Seat:
        """Another place in the same stream and below the same parent."""
        return Seat(self.session, self.key, index, self.parent, self.depth, self.meta)

    def __repr__(self) -> str:
        return "Seat(%r, %d)" % (self.key, self.index)


class End:
    """A stream is over; `seat.index` buffers came before."""

    __slots__ = ("seat",)

    def __init__(self, seat: Seat) -> None:
        self.seat = seat


class Gap:
    """A place that stays empty (an expand that gave nothing and was collapsed): keeps the others in step."""

    __slots__ = ("seat",)

    def __init__(self, seat: Seat) -> None:
        self.seat = seat
