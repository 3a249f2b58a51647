"""Reports that wait for the LocalController, on disk, one row per event.

Exactly one effect per event: an event has a key ("deploy:<version>"), a key is kept after it was sent, so a
restarted worker that reports the same thing again sends nothing. What happened to a POST decides what may be done:

    refused before it was sent   -> the LC has nothing: send again
    an answer                    -> 200 done; 4xx will never be taken: refused, kept for `describe`; 5xx send again
    sent, no answer in time      -> in doubt: the real LC keeps an accepted report while it lives (its handler waits
                                    for GM), so nothing is sent again until the LC was seen to be gone

Statistics are different: only the newest matters, so one row per worker is overwritten and may be sent again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass

from sedna_bridge.local_controller.errors import OutboxError

QUEUED, IN_DOUBT, SENT, REFUSED, DROPPED = "queued", "in-doubt", "sent", "refused", "dropped"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    key TEXT PRIMARY KEY, number INTEGER NOT NULL, url TEXT NOT NULL, body TEXT NOT NULL, state TEXT NOT NULL,
    replaceable INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, created REAL NOT NULL, not_before REAL NOT NULL,
    detail TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS waiting ON events (state, number);
"""


@dataclass(frozen=True)
class Event:
    """One row: what must be posted where, and how it fares."""

    key: str
    number: int
    url: str
    body: str
    state: str
    replaceable: bool
    attempts: int
    created: float
    not_before: float
    detail: str


class Outbox:
    """The table of events in `folder`. Any number of threads and processes may add; one process at a time sends."""

    def __init__(self, folder: str, most_waiting: int = 1000, most_kept: int = 10_000) -> None:
        self.folder = folder
        self.most_waiting = most_waiting
        self.most_kept = most_kept
        self.dropped = 0
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            with self._open() as database:
                database.executescript("PRAGMA journal_mode=WAL;" + _SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise OutboxError(f"outbox {folder}: cannot be opened: {error}; free space or move --state") from None

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        database = sqlite3.connect(os.path.join(self.folder, "outbox.db"), timeout=10, isolation_level=None)
        try:
            database.execute("PRAGMA synchronous=FULL")
            yield database
        finally:
            database.close()

    @contextlib.contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._open() as database:
                database.execute("BEGIN IMMEDIATE")
                try:
                    yield database
                except BaseException:
                    database.execute("ROLLBACK")
                    raise
                database.execute("COMMIT")
        except sqlite3.Error as error:
            raise OutboxError(f"outbox {self.folder}: {error}; the report was not kept") from None

    def add(self, key: str, url: str, body: str, replaceable: bool = False) -> bool:
        """Keep an event; False if this key is already here (waiting or sent): then nothing is done."""
        now = time.time()
        with self._change() as database:
            row = database.execute("SELECT state FROM events WHERE key=?", (key,)).fetchone()
            if row is not None and not replaceable:
                return False
            number = database.execute("SELECT COALESCE(MAX(number), 0) + 1 FROM events").fetchone()[0]
            database.execute(
                "INSERT OR REPLACE INTO events (key, number, url, body, state, replaceable, created, not_before)"
                " VALUES (?,?,?,?,?,?,?,?)",
                (key, number, url, body, QUEUED, int(replaceable), now, 0.0),
            )
            self._trim(database)
        return True

    def _trim(self, database: sqlite3.Connection) -> None:
        """Keep the table bounded: the oldest of too many waiting events is dropped and says so."""
        waiting = database.execute("SELECT COUNT(*) FROM events WHERE state IN (?,?)", (QUEUED, IN_DOUBT)).fetchone()[0]
        if waiting > self.most_waiting:
            cursor = database.execute(
                "UPDATE events SET state=?, detail=? WHERE key IN (SELECT key FROM events WHERE state=?"
                " ORDER BY replaceable DESC, number LIMIT ?)",
                (DROPPED, f"more than {self.most_waiting} events waited", QUEUED, waiting - self.most_waiting),
            )
            self.dropped += cursor.rowcount
        database.execute(
            "DELETE FROM events WHERE state IN (?,?,?) AND number <= (SELECT MAX(number) FROM events) - ?",
            (SENT, DROPPED, REFUSED, self.most_kept),
        )

    def next(self, url: str | None = None) -> Event | None:
        """The oldest event that waits (for `url`'s server, if given), whatever its `not_before`: order is kept."""
        rows = self._select(
            "state IN ('queued','in-doubt')" + (" AND url LIKE ?" if url else ""), (url + "/%",) if url else ()
        )
        return rows[0] if rows else None

    def waiting(self) -> list[Event]:
        return self._select("state IN ('queued','in-doubt')", ())

    def all(self) -> list[Event]:
        return self._select("1=1", ())

    def find(self, key: str) -> Event | None:
        rows = self._select("key=?", (key,))
        return rows[0] if rows else None

    def _select(self, where: str, values: tuple) -> list[Event]:
        columns = "key, number, url, body, state, replaceable, attempts, created, not_before, detail"
        with self._open() as database:
            rows = database.execute(f"SELECT {columns} FROM events WHERE {where} ORDER BY number", values).fetchall()
        return [Event(row[0], row[1], row[2], row[3], row[4], bool(row[5]), *row[6:]) for row in rows]

    def mark(self, event: Event, state: str, detail: str = "", not_before: float = 0.0) -> None:
        """Say how an event fared. A row that was replaced meanwhile (a newer number) is left alone."""
        with self._change() as database:
            database.execute(
                "UPDATE events SET state=?, detail=?, not_before=?, attempts=attempts+1 WHERE key=? AND number=?",
                (state, detail, not_before, event.key, event.number),
            )

    def mark_before_sending(self, event: Event) -> None:
        """A crash between here and the answer leaves the event in doubt: the LC most likely has it."""
        with self._change() as database:
            database.execute(
                "UPDATE events SET state=?, detail=? WHERE key=? AND number=?",
                (IN_DOUBT, "being sent", event.key, event.number),
            )

    @contextlib.contextmanager
    def sender(self) -> Iterator[bool]:
        """Yield whether this process may send; only one at a time may, and a killed one lets go."""
        descriptor = os.open(os.path.join(self.folder, "sender.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
                return
            yield True
        finally:
            os.close(descriptor)
