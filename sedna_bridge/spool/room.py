"""Makes room in a spool by its policy. What the target does not want (held) goes before what waits."""

from __future__ import annotations

from typing import Collection

from sedna_bridge.spool.entry import HELD, WAITING, Entry, score_of
from sedna_bridge.spool.files import SpoolFiles
from sedna_bridge.spool.index import DROPPED, Departure, Index
from sedna_bridge.spool.intake import Pending
from sedna_bridge.spool.limits import Limits

BLOCK_OF_DISK = 4096
AT_ONCE = 100


class Room:
    """Decides, one new example of a batch after the other, who must go for it, or that it cannot come in.

    `coming` are those that may come in, `departures` the entries that go, `turned_away` those of the same batch that
    go before they came.
    """

    def __init__(self, limits: Limits, index: Index, files: SpoolFiles, on_their_way: Collection[int]) -> None:
        self._limits = limits
        self._index = index
        self._on_their_way = on_their_way
        figures = index.figures()
        self._bytes = figures.get("bytes", 0)
        self._entries = figures.get("waiting", 0) + figures.get("held", 0)
        self._free = files.free() if limits.free_floor else 0
        self._gone: set[int] = set()
        self._candidates: list[Entry] = []
        self.departures: list[Departure] = []
        self.coming: list[Pending] = []
        self.turned_away: list[tuple[Pending, str]] = []

    def make(self, pending: Pending) -> str:
        """Makes room for one example; returns why it cannot come in, or nothing."""
        score, size = score_of(pending.facts), pending.example.size
        while True:
            lack = self._lack(size)
            if not lack:
                self._take(size, 1)
                self.coming.append(pending)
                return ""
            easiest = self._limits.when_full == "drop_easiest"
            entry = None if self._limits.when_full == "block" else self._victim()
            newcomer = self._newcomer(easiest)
            if newcomer is not None and (entry is None or (easiest and score_of(newcomer.facts) < entry.score)):
                if easiest and score_of(newcomer.facts) >= score:
                    return lack + ", and all others are harder"
                self.coming.remove(newcomer)
                self._take(-newcomer.example.size, -1)
                self.turned_away.append((newcomer, lack))
            elif entry is None:
                return lack
            elif easiest and entry.score >= score:
                return lack + ", and all others are harder"
            else:
                self._candidates.pop(0)
                self._gone.add(entry.seq)
                self._take(-entry.size, -1)
                self.departures.append(Departure(entry, DROPPED, lack))

    def _newcomer(self, easiest: bool) -> Pending | None:
        """The one of the same batch that would go first, were it an entry already."""
        if self._limits.when_full == "block" or not self.coming:
            return None
        return min(self.coming, key=lambda pending: score_of(pending.facts)) if easiest else self.coming[0]

    def _lack(self, size: int) -> str:
        limits = self._limits
        if limits.most_bytes and self._bytes + size > limits.most_bytes:
            return "spool full"
        if limits.most_entries and self._entries + 1 > limits.most_entries:
            return "spool full"
        if limits.free_floor and self._free - on_disk(size) < limits.free_floor:
            return "disk nearly full"
        return ""

    def _victim(self) -> Entry | None:
        if not self._candidates:
            order = "oldest" if self._limits.when_full == "drop_oldest" else "easiest"
            besides = self._gone | set(self._on_their_way)
            self._candidates = self._index.next(order, AT_ONCE, besides, HELD) or self._index.next(
                order, AT_ONCE, besides
            )
        return self._candidates[0] if self._candidates else None

    def _take(self, size: int, entries: int) -> None:
        self._bytes += size
        self._entries += entries
        self._free -= on_disk(size) if size > 0 else -on_disk(-size)


def on_disk(size: int) -> int:
    """What an entry of two files really takes, with its part of the index."""
    return size + 2 * BLOCK_OF_DISK + 1024


def too_old(limits: Limits, index: Index, on_their_way: Collection[int]) -> list[Departure]:
    """The entries that are older than allowed, some at a time."""
    if not limits.longest_age:
        return []
    born_before = index.clock.now() - limits.longest_age
    oldest = [entry for state in (WAITING, HELD) for entry in index.next("oldest", AT_ONCE, on_their_way, state)]
    return [Departure(entry, DROPPED, "too old") for entry in oldest if entry.born < born_before]
