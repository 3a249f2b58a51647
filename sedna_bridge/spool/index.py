"""The index of a spool in SQLite: what is here, what left and why, and figures that always add up.

Every change of an entry and of the figures is one transaction, so `accepted = delivered + waiting + held + dropped`
holds after any crash. A transaction covers a whole batch: that is the group commit.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any, Iterable, Mapping, NamedTuple, Sequence

from sedna_bridge.spool.clock import SpoolClock
from sedna_bridge.spool.entry import HELD, LEAVING, WAITING, Entry, columns_of
from sedna_bridge.storage import failpoints
from sedna_bridge.storage.example import Example

SCHEMA = """
CREATE TABLE IF NOT EXISTS entries(seq INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE,
  segment INTEGER NOT NULL, state INTEGER NOT NULL, size INTEGER NOT NULL, score REAL NOT NULL, camera TEXT NOT NULL,
  frame INTEGER NOT NULL, wall REAL NOT NULL, reasons TEXT NOT NULL, model TEXT NOT NULL, accepted REAL NOT NULL,
  born REAL NOT NULL, trouble TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS by_state ON entries(state);
CREATE INDEX IF NOT EXISTS by_score ON entries(state, score);
CREATE TABLE IF NOT EXISTS gone(seq INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL, fate TEXT NOT NULL,
  reason TEXT NOT NULL, camera TEXT NOT NULL, frame INTEGER NOT NULL, at REAL NOT NULL, size INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS gone_by_id ON gone(id);
CREATE TABLE IF NOT EXISTS refusals(seq INTEGER PRIMARY KEY AUTOINCREMENT, reason TEXT NOT NULL, camera TEXT NOT NULL,
  frame INTEGER NOT NULL, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS figures(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS minutes(minute INTEGER PRIMARY KEY, accepted INTEGER NOT NULL DEFAULT 0,
  delivered INTEGER NOT NULL DEFAULT 0, dropped INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS notes(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
COLUMNS = "seq, id, segment, state, size, score, camera, frame, wall, reasons, model, accepted, born, trouble"
ORDERS = {"oldest": "seq", "newest": "seq DESC", "hardest": "score DESC, seq", "easiest": "score, seq"}
GONE_KEPT = 100_000
REFUSALS_KEPT = 10_000
MINUTES_KEPT = 2 * 1440
DELIVERED, DROPPED = "delivered", "dropped"


AROUND_IT = (
    "unable to open",
    "disk i/o",
    "disk is full",
    "readonly",
    "read-only",
    "locked",
    "busy",
    "interrupted",
    "no space",
    "permission",
)


def is_damage(error: Exception) -> bool:
    """Whether an error says that the index itself is not what was written, and not the disk around it."""
    if isinstance(error, (sqlite3.IntegrityError, sqlite3.ProgrammingError)):
        return False
    if isinstance(error, sqlite3.OperationalError):
        return not any(words in str(error).lower() for words in AROUND_IT)
    return isinstance(error, sqlite3.DatabaseError)


class Departure(NamedTuple):
    """An entry that leaves, and why. `reason` is empty for a delivered one."""

    entry: Entry
    fate: str
    reason: str = ""


class Index:
    """The writer's side. One connection; any thread may use it, one at a time."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(str(path), isolation_level=None, check_same_thread=False, timeout=10)
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA journal_size_limit = 33554432")
            self._db.executescript("BEGIN IMMEDIATE;" + SCHEMA + "COMMIT;")
            self.clock = SpoolClock(self._note("clock"))
        except BaseException:
            self._db.close()
            raise
        self._left: list[int] = []

    def close(self) -> None:
        with self._lock:
            try:
                self._transaction(lambda: None)
            except sqlite3.Error:
                pass
            self._db.close()

    def accept(self, examples: Sequence[Example], segment: int, *, adopted: bool = False) -> None:
        """Enters a batch that is on the disk. All or nothing."""
        now, born = time.time(), self.clock.now()
        rows = []
        for example in examples:
            score, camera, frame, wall, reasons, model = columns_of(example.facts)
            rows.append(
                (
                    bytes.fromhex(example.id),
                    segment,
                    WAITING,
                    example.size,
                    score,
                    camera,
                    frame,
                    wall,
                    reasons,
                    model,
                    now,
                    born,
                )
            )

        def change() -> None:
            self._db.executemany(
                "INSERT INTO entries(id, segment, state, size, score, camera, frame, wall, reasons, model, accepted,"
                " born) VALUES(?,?,?,?,?,?,?,?,?,?,?,?)",
                rows,
            )
            self._add("accepted", len(rows))
            self._add("adopted", len(rows) if adopted else 0)
            self._add("waiting", len(rows))
            self._add("bytes", sum(example.size for example in examples))
            self._minute("accepted", len(rows))

        self._transaction(change)

    def depart(self, departures: Sequence[Departure]) -> None:
        """Notes that entries were delivered or dropped. Their files may go after this, not before."""
        now = time.time()

        def change() -> None:
            for entry, fate, reason in departures:
                changed = self._db.execute(
                    "UPDATE entries SET state = ? WHERE seq = ? AND id = ? AND state != ?",
                    (LEAVING, entry.seq, bytes.fromhex(entry.id), LEAVING),
                ).rowcount
                if not changed:
                    continue
                self._db.execute(
                    "INSERT INTO gone(id, fate, reason, camera, frame, at, size) VALUES(?,?,?,?,?,?,?)",
                    (bytes.fromhex(entry.id), fate, reason, entry.camera, entry.frame, now, entry.size),
                )
                self._add(fate, 1)
                self._add("held" if entry.state == HELD else "waiting", -1)
                self._add("bytes", -entry.size)
                self._minute(fate, 1)
                if fate == DELIVERED:
                    self._minute("bytes", entry.size)
                else:
                    self._add("%s: %s" % (fate, reason), 1)

        self._transaction(change)

    def left(self, seqs: Iterable[int]) -> None:
        """The files of these entries are gone; their rows go with the next transaction."""
        with self._lock:
            self._left.extend(seqs)

    def refused(self, counts: Mapping[str, int], listed: Sequence[tuple[str, str, int, float]]) -> None:
        """Notes examples that were offered but not accepted: how many for each reason, and the latest of them."""

        def change() -> None:
            for reason, number in counts.items():
                self._add("refused", number)
                self._add("refused: " + reason, number)
            self._db.executemany("INSERT INTO refusals(reason, camera, frame, at) VALUES(?,?,?,?)", listed)
            self._db.execute("DELETE FROM refusals WHERE seq <= (SELECT max(seq) FROM refusals) - %d" % REFUSALS_KEPT)

        self._transaction(change)

    def count(self, name: str, by: int) -> None:
        """Adds to a figure of the spool's owner."""
        self._transaction(lambda: self._add(name, by))

    def hold(self, entry: Entry, trouble: str) -> None:
        """Sets an entry aside that the target does not want; it stays in the spool."""

        def change() -> None:
            done = self._db.execute(
                "UPDATE entries SET state = ?, trouble = ? WHERE seq = ? AND id = ? AND state = ?",
                (HELD, trouble[:300], entry.seq, bytes.fromhex(entry.id), WAITING),
            ).rowcount
            self._add("waiting", -done)
            self._add("held", done)

        self._transaction(change)

    def release(self) -> int:
        """Lets all held entries wait again."""
        done = 0

        def change() -> None:
            nonlocal done
            done = self._db.execute("UPDATE entries SET state = ? WHERE state = ?", (WAITING, HELD)).rowcount
            self._add("waiting", done)
            self._add("held", -done)

        self._transaction(change)
        return done

    def next(self, order: str, limit: int, besides: Iterable[int] = (), state: int = WAITING) -> list[Entry]:
        """The next entries of one state, without those that are on their way already."""
        skip = set(besides)
        rows = self._read(
            "SELECT %s FROM entries WHERE state = ? ORDER BY %s LIMIT ?" % (COLUMNS, ORDERS[order]),
            (state, limit + len(skip)),
        )
        return [entry for entry in map(entry_of, rows) if entry.seq not in skip][:limit]

    def leaving(self) -> list[Entry]:
        """Entries whose files were not yet removed when the last process ended."""
        return list(map(entry_of, self._read("SELECT %s FROM entries WHERE state = ?" % COLUMNS, (LEAVING,))))

    def find(self, id: str) -> list[Entry]:
        """The entry of this name that has not left, if there is one."""
        rows = self._read("SELECT %s FROM entries WHERE id = ? AND state != ?" % COLUMNS, (bytes.fromhex(id), LEAVING))
        return list(map(entry_of, rows))

    def knows(self, id: str) -> str:
        """`here`, `delivered`, `dropped`, or nothing."""
        row = self._read("SELECT state FROM entries WHERE id = ?", (bytes.fromhex(id),))
        if row and row[0][0] != LEAVING:
            return "here"
        gone = self._read("SELECT fate FROM gone WHERE id = ? ORDER BY seq DESC LIMIT 1", (bytes.fromhex(id),))
        return str(gone[0][0]) if gone else ("leaving" if row else "")

    def figures(self) -> dict[str, int]:
        return dict(self._read("SELECT name, value FROM figures", ()))

    def _read(self, sql: str, values: Sequence[Any]) -> list[Any]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def _transaction(self, change: Any) -> None:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                left = len(self._left)
                self._db.executemany(
                    "DELETE FROM entries WHERE seq = ? AND state = %d" % LEAVING, [(seq,) for seq in self._left]
                )
                change()
                self._db.execute("INSERT OR REPLACE INTO notes VALUES('clock', ?)", (json.dumps(self.clock.save()),))
                self._db.execute("DELETE FROM gone WHERE seq <= (SELECT max(seq) FROM gone) - %d" % GONE_KEPT)
                failpoints.reach("index.commit")
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            del self._left[:left]

    def _add(self, name: str, by: int) -> None:
        if by:
            self._db.execute(
                "INSERT INTO figures VALUES(?, ?) ON CONFLICT(name) DO UPDATE SET value = value + ?", (name, by, by)
            )

    def _minute(self, column: str, by: int) -> None:
        minute = int(time.time() // 60)
        self._db.execute("INSERT OR IGNORE INTO minutes(minute) VALUES(?)", (minute,))
        self._db.execute("UPDATE minutes SET %s = %s + ? WHERE minute = ?" % (column, column), (by, minute))
        self._db.execute("DELETE FROM minutes WHERE minute < ?", (minute - MINUTES_KEPT,))

    def _note(self, name: str) -> dict[str, Any]:
        row = self._db.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
        try:
            return dict(json.loads(row[0])) if row else {}
        except ValueError:
            return {}


def entry_of(row: Sequence[Any]) -> Entry:
    return Entry(row[0], bytes(row[1]).hex(), *row[2:])
