"""The reader's side of the index: for commands that look while the owner works."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any, Iterator, Sequence

from sedna_bridge.spool.clock import SpoolClock
from sedna_bridge.spool.entry import HELD, WAITING, Entry
from sedna_bridge.spool.index import COLUMNS, ORDERS, entry_of


class IndexReader:
    """Reads an index, whoever writes it. Takes no lock and constant memory."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect("file:%s?mode=ro" % _quoted(path), uri=True, timeout=10, check_same_thread=False)
        try:
            self._db.execute("SELECT 1 FROM figures LIMIT 1")
        except sqlite3.OperationalError:
            # On a disk that is read-only SQLite can only read an index that nobody writes.
            self._db.close()
            self._db = sqlite3.connect("file:%s?immutable=1" % _quoted(path), uri=True, check_same_thread=False)
            self._db.execute("SELECT 1 FROM figures LIMIT 1")

    def close(self) -> None:
        self._db.close()

    def figures(self) -> dict[str, int]:
        return dict(self._db.execute("SELECT name, value FROM figures"))

    def entries(
        self, order: str = "oldest", states: Sequence[int] = (WAITING, HELD), camera: str = "", limit: int = -1
    ) -> Iterator[Entry]:
        """The entries, row by row."""
        marks = ",".join("?" * len(states))
        where = "state IN (%s)" % marks + (" AND camera = ?" if camera else "")
        values = [*states, *([camera] if camera else []), limit]
        if order in ("oldest", "newest"):
            # The plus keeps SQLite from collecting and sorting a million rows by the index of states.
            where = "+" + where
        yield from map(
            entry_of,
            self._db.execute(
                "SELECT %s FROM entries WHERE %s ORDER BY %s LIMIT ?" % (COLUMNS, where, ORDERS[order]), values
            ),
        )

    def state(self, seq: int) -> int | None:
        """The state of an entry now."""
        row = self._db.execute("SELECT state FROM entries WHERE seq = ?", (seq,)).fetchone()
        return int(row[0]) if row else None

    def find(self, prefix: str) -> list[Entry]:
        """The entries whose name begins so; at most a few."""
        low = bytes.fromhex((prefix + "0" * 64)[:64])
        high = bytes.fromhex((prefix + "f" * 64)[:64])
        return list(
            map(
                entry_of,
                self._db.execute("SELECT %s FROM entries WHERE id BETWEEN ? AND ? LIMIT 5" % COLUMNS, (low, high)),
            )
        )

    def gone(self, fates: Sequence[str], limit: int = -1) -> Iterator[dict[str, Any]]:
        """What was delivered, dropped or refused, the latest first."""
        marks = ",".join("?" * len(fates))
        rows = self._db.execute(
            "SELECT id, fate, reason, camera, frame, at, size FROM ("
            " SELECT id, fate, reason, camera, frame, at, size FROM gone UNION ALL"
            " SELECT x'', 'refused', reason, camera, frame, at, 0 FROM refusals)"
            " WHERE fate IN (%s) ORDER BY at DESC LIMIT ?" % marks,
            (*fates, limit),
        )
        names = ("id", "fate", "reason", "camera", "index", "at", "bytes")
        for row in rows:
            yield dict(zip(names, (bytes(row[0]).hex(), *row[1:])))

    def minutes(self, since: int) -> list[tuple[int, int, int, int, int]]:
        return self._db.execute(
            "SELECT minute, accepted, delivered, dropped, bytes FROM minutes WHERE minute >= ?", (since,)
        ).fetchall()

    def seconds(self) -> float:
        """The spool's clock, without going on."""
        row = self._db.execute("SELECT value FROM notes WHERE name = 'clock'").fetchone()
        return SpoolClock(json.loads(row[0])).now() if row else 0.0

    def check(self) -> list[str]:
        """What SQLite finds wrong with the file; empty if nothing."""
        return [row[0] for row in self._db.execute("PRAGMA integrity_check(20)") if row[0] != "ok"]


def _quoted(path: Path) -> str:
    return str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
