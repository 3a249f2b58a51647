"""What waits before a node: merging the branches of a condition, and matching the ports of a join.

`push` takes what arrives at a port and calls `accept` for every entry that is complete: a Buffer (one port), a tuple of
Buffers in port order (several ports), an End, or a Gap. Upstream nodes send each stream in order, so ports are matched
by position. The engine's lock is held throughout.
"""
from __future__ import annotations

from collections import deque
from typing import Any, Callable

from ..errors import RunError
from .seat import End, Gap, Key, Seat

MOST_EARLY = 4096   # buffers that a merge keeps while it waits for one that comes before them


class _Merge:
    """The branches of one condition on their way back into one port, put into the order they had before it."""

    __slots__ = ("branches", "label", "streams")

    def __init__(self, branches: int, label: str) -> None:
        self.branches = branches
        self.label = label
        self.streams: dict[Key, _MergeStream] = {}

    def push(self, item: Any, put: Callable[[Any], None]) -> None:
        parent = item.seat.parent
        stream = self.streams.get(parent.key)
        if stream is None:
            stream = self.streams[parent.key] = _MergeStream()
        if type(item) is End:
            stream.ends += 1
            stream.end = parent
            if stream.ends == self.branches:
                for index in sorted(stream.early):
                    self._put(stream.early[index], put)
                del self.streams[parent.key]
                put(End(parent))
            return
        if parent.index < stream.next or parent.index in stream.early:
            raise RunError("%s gets two buffers for buffer %d of the stream before the condition" % (
                self.label, parent.index),
                cure="In a branch, a stream unit may give one buffer for each it gets, or none")
        stream.early[parent.index] = item
        self._advance(stream, put)
        if len(stream.early) > MOST_EARLY:
            raise RunError("%s waits for buffer %d while %d later ones have come" % (
                self.label, stream.next, len(stream.early)), cure="A unit in one branch holds it back or has lost it")

    def skip(self, seat: Seat, put: Callable[[Any], None]) -> None:
        """The buffer at this place will not come through any of the branches."""
        stream = self.streams.get(seat.key)
        if stream is None:
            stream = self.streams[seat.key] = _MergeStream()
        stream.early.setdefault(seat.index, None)
        self._advance(stream, put)

    def _advance(self, stream: _MergeStream, put: Callable[[Any], None]) -> None:
        early = stream.early
        while stream.next in early:
            self._put(early.pop(stream.next), put)
            stream.next += 1

    @staticmethod
    def _put(item: Any, put: Callable[[Any], None]) -> None:
        if item is not None:
            item.seat = item.seat.parent
            put(item)


class _MergeStream:
    __slots__ = ("early", "end", "ends", "next")

    def __init__(self) -> None:
        self.next = 0
        self.early: dict[int, Any] = {}
        self.ends = 0
        self.end: Seat | None = None


class Inbox:
    """The ports of one node. `load[p]` counts the buffers that wait at port p, matched or not."""

    def __init__(self, name: str, ports: list[str], accept: Callable[[Any], None]) -> None:
        self.name = name
        self.ports = ports
        self.accept = accept
        self.load = [0] * len(ports)
        self.capacity = [0] * len(ports)
        self.merges: list[_Merge | None] = [None] * len(ports)
        self._joins: dict[Key, list[deque[Any]]] = {}
        self._many = len(ports) > 1

    def merge_at(self, port: int, branches: int) -> None:
        self.merges[port] = _Merge(branches, "port %s:%s" % (self.name, self.ports[port]))

    def push(self, port: int, items: list[Any]) -> None:
        """Items of one output, in order, arrive at a port."""
        merge = self.merges[port]
        load = self.load
        if merge is None and not self._many:
            accept = self.accept
            for item in items:
                if type(item) is not End:
                    load[port] += 1
                accept(item)
            return
        for item in items:
            if type(item) is not End:
                load[port] += 1
            if merge is not None:
                merge.push(item, lambda merged: self._matched(port, merged))
            else:
                self._join(port, item)

    def skip(self, port: int, seat: Seat) -> None:
        merge = self.merges[port]
        if merge is not None:
            merge.skip(seat, lambda merged: self._matched(port, merged))

    def taken(self, count: int) -> None:
        """So many entries with data left the inbox."""
        load = self.load
        for port in range(len(load)):
            load[port] -= count

    def unmatched(self) -> bool:
        """Whether something waits that is not complete yet."""
        return bool(self._joins) or any(m is not None and m.streams for m in self.merges)

    def _matched(self, port: int, item: Any) -> None:
        if self._many:
            self._join(port, item)
        else:
            self.accept(item)

    def _join(self, port: int, item: Any) -> None:
        key = item.seat.key
        rows = self._joins.get(key)
        if rows is None:
            rows = self._joins[key] = [deque() for _ in self.ports]
        rows[port].append(item)
        while all(rows):
            row = tuple(queue.popleft() for queue in rows)
            self._join_row(key, row)

    def _join_row(self, key: Key, row: Any) -> None:
        ends = [type(item) is End for item in row]
        if all(ends):
            del self._joins[key]
            self.accept(row[0])
        elif any(ends):
            over, more = self.ports[ends.index(True)], self.ports[ends.index(False)]
            raise RunError("the stream at port %s of node %s is over while port %s still has data" % (
                over, self.name, more),
                cure="A stream that a unit filtered or repeated cannot be joined with the one it came from")
        elif any(type(item) is Gap for item in row):
            self.accept(Gap(row[0].seat))
        else:
            self.accept(row)
