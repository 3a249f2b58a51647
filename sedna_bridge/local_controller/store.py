"""The controller's state in one SQLite file: resources, jobs, conditions, events, workers, reports, samples, rounds.

Every step of a job is one transaction, so that a controller that is killed goes on from the last whole step. The
command line writes resources and wishes into the same file; WAL lets both work at once. (SQLite 3.31 is the floor.)
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from sedna_bridge.contract_conditions import Condition
from sedna_bridge.jobs.resources import Resource, from_json
from sedna_bridge.local_controller.errors import ControllerError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS resources (
    kind TEXT, namespace TEXT, name TEXT, uid TEXT, text TEXT, generation INTEGER, created REAL, deleted REAL,
    PRIMARY KEY (kind, namespace, name));
CREATE TABLE IF NOT EXISTS jobs (uid TEXT PRIMARY KEY, state TEXT NOT NULL, note TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS conditions (
    id INTEGER PRIMARY KEY, uid TEXT, stage TEXT, type TEXT, data TEXT, message TEXT, reason TEXT, seconds REAL);
CREATE INDEX IF NOT EXISTS conditions_of ON conditions (uid, id);
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY, kind TEXT, namespace TEXT, name TEXT, type TEXT, reason TEXT, message TEXT,
    count INTEGER, first REAL, last REAL);
CREATE INDEX IF NOT EXISTS events_of ON events (kind, namespace, name, id);
CREATE TABLE IF NOT EXISTS workers (
    id INTEGER PRIMARY KEY, name TEXT, uid TEXT, stage TEXT, round INTEGER, attempt INTEGER, state TEXT, folder TEXT,
    log TEXT, started REAL, ended REAL, code INTEGER, reason TEXT, message TEXT, UNIQUE (name, attempt));
CREATE INDEX IF NOT EXISTS workers_of ON workers (uid, stage, id);
CREATE TABLE IF NOT EXISTS reports (
    id INTEGER PRIMARY KEY, body TEXT, received REAL, handled INTEGER NOT NULL DEFAULT 0,
    note TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS reports_waiting ON reports (handled, id);
CREATE TABLE IF NOT EXISTS samples (
    id INTEGER PRIMARY KEY, uid TEXT, batch INTEGER, role TEXT, line BLOB, round INTEGER);
CREATE INDEX IF NOT EXISTS samples_of ON samples (uid, role, round);
CREATE TABLE IF NOT EXISTS rounds (
    uid TEXT, number INTEGER, started REAL, ended REAL, outcome TEXT, facts TEXT, PRIMARY KEY (uid, number));
CREATE TABLE IF NOT EXISTS notes (key TEXT PRIMARY KEY, value TEXT);
"""

MOST_CONDITIONS = 600
MOST_EVENTS = 1000
MOST_REPORTS = 2000


class Store:
    """One open state file; usable from any thread."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.path = os.path.join(folder, "controller.db")
        self._local = threading.local()
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
            database = self._database()
            database.execute("PRAGMA journal_mode=WAL")
            if database.execute("SELECT COUNT(*) FROM sqlite_master WHERE name='notes'").fetchone()[0] == 0:
                database.executescript("BEGIN IMMEDIATE;" + _SCHEMA + "COMMIT;")
        except (OSError, sqlite3.Error) as error:
            raise ControllerError(
                f"state {self.path}: cannot be opened: {error}; give a folder that you may write with --state"
            ) from None

    def _database(self) -> sqlite3.Connection:
        database = getattr(self._local, "database", None)
        if database is None:
            database = sqlite3.connect(self.path, timeout=20, isolation_level=None)
            database.row_factory = sqlite3.Row
            database.execute("PRAGMA synchronous=FULL")
            self._local.database = database
            self._local.depth = 0
        return database

    @contextlib.contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """One transaction; a nested one joins the outer."""
        database = self._database()
        if self._local.depth:
            yield database
            return
        database.execute("BEGIN IMMEDIATE")
        self._local.depth = 1
        try:
            yield database
        except BaseException:
            self._local.depth = 0
            with contextlib.suppress(sqlite3.Error):
                database.execute("ROLLBACK")
            raise
        self._local.depth = 0
        try:
            database.execute("COMMIT")
        except sqlite3.Error:
            # A full disk leaves the transaction open: nothing could begin after it.
            with contextlib.suppress(sqlite3.Error):
                database.execute("ROLLBACK")
            raise

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        return self._database().execute(query, values).fetchall()

    def close(self) -> None:
        database = getattr(self._local, "database", None)
        if database is not None:
            database.close()
            self._local.database = None

    # Resources

    def apply(self, resource: Resource) -> str:
        """Keep a resource: "created", "configured" or "unchanged"."""
        text = json.dumps(resource.value, ensure_ascii=False, sort_keys=True)
        key = (resource.kind, resource.namespace, resource.name)
        with self.change() as database:
            found = self.rows("SELECT * FROM resources WHERE kind=? AND namespace=? AND name=?", *key)
            if found and found[0]["deleted"] is not None:
                raise ControllerError(f"{resource.title} is being deleted; apply it again when it is gone")
            if found:
                if found[0]["text"] == text:
                    return "unchanged"
                database.execute(
                    "UPDATE resources SET text=?, generation=generation+1 WHERE kind=? AND namespace=? AND name=?",
                    (text, *key),
                )
                return "configured"
            database.execute(
                "INSERT INTO resources VALUES (?,?,?,?,?,1,?,NULL)", (*key, str(uuid.uuid4()), text, time.time())
            )
            return "created"

    def resource_rows(self, kind: str = "", namespace: str = "", name: str = "") -> list[sqlite3.Row]:
        query, values = "SELECT * FROM resources WHERE 1", []
        for column, value in (("kind", kind), ("namespace", namespace), ("name", name)):
            if value:
                query += f" AND {column}=?"
                values.append(value)
        return self.rows(query + " ORDER BY kind, namespace, name", *values)

    def find(self, kind: str, namespace: str, name: str) -> Resource | None:
        """A resource that is there and is not being deleted."""
        for row in self.resource_rows(kind, namespace, name):
            if row["deleted"] is None:
                return from_json(row["text"])
        return None

    def ask_delete(self, kind: str, namespace: str, name: str) -> bool:
        with self.change() as database:
            cursor = database.execute(
                "UPDATE resources SET deleted=? WHERE kind=? AND namespace=? AND name=? AND deleted IS NULL",
                (time.time(), kind, namespace, name),
            )
            return cursor.rowcount > 0

    def remove(self, row: Mapping[str, Any]) -> None:
        """Take a resource and all that belongs to it away."""
        with self.change() as database:
            key = (row["kind"], row["namespace"], row["name"])
            database.execute("DELETE FROM resources WHERE kind=? AND namespace=? AND name=?", key)
            database.execute("DELETE FROM events WHERE kind=? AND namespace=? AND name=?", key)
            for table in ("jobs", "conditions", "workers", "samples", "rounds"):
                database.execute(f"DELETE FROM {table} WHERE uid=?", (row["uid"],))

    # Jobs

    def job_state(self, uid: str) -> dict[str, Any] | None:
        rows = self.rows("SELECT state FROM jobs WHERE uid=?", uid)
        return json.loads(rows[0]["state"]) if rows else None

    def save_job(self, uid: str, state: Mapping[str, Any], note: str) -> None:
        with self.change() as database:
            database.execute("INSERT OR REPLACE INTO jobs VALUES (?,?,?)", (uid, json.dumps(state), note))

    def job_note(self, uid: str) -> str:
        rows = self.rows("SELECT note FROM jobs WHERE uid=?", uid)
        return str(rows[0]["note"]) if rows else ""

    def add_condition(self, uid: str, condition: Condition) -> None:
        c = condition
        with self.change() as database:
            database.execute(
                "INSERT INTO conditions (uid, stage, type, data, message, reason, seconds) VALUES (?,?,?,?,?,?,?)",
                (uid, c.stage, c.type, c.data, c.message, c.reason, c.seconds or time.time()),
            )
            database.execute(
                "DELETE FROM conditions WHERE uid=? AND id <= (SELECT MAX(id) FROM conditions WHERE uid=?) - ?",
                (uid, uid, MOST_CONDITIONS),
            )

    def conditions(self, uid: str) -> list[Condition]:
        rows = self.rows("SELECT * FROM conditions WHERE uid=? ORDER BY id", uid)
        return [Condition(r["stage"], r["type"], r["data"], r["message"], r["reason"], r["seconds"]) for r in rows]

    # Events

    def event(self, resource: Any, reason: str, message: str, warning: bool = False) -> None:
        """Tell something of a resource (anything with kind, namespace, name); a repetition only counts up."""
        key = (resource.kind, resource.namespace, resource.name)
        now = time.time()
        with self.change() as database:
            last = self.rows(
                "SELECT id, message FROM events WHERE kind=? AND namespace=? AND name=? AND reason=?"
                " ORDER BY id DESC LIMIT 1",
                *key,
                reason,
            )
            if last and last[0]["message"] == message:
                database.execute("UPDATE events SET count=count+1, last=? WHERE id=?", (now, last[0]["id"]))
                return
            database.execute(
                "INSERT INTO events (kind, namespace, name, type, reason, message, count, first, last)"
                " VALUES (?,?,?,?,?,?,1,?,?)",
                (*key, "Warning" if warning else "Normal", reason, message, now, now),
            )
            database.execute(
                "DELETE FROM events WHERE kind=? AND namespace=? AND name=? AND id <= (SELECT MAX(id) FROM events) - ?",
                (*key, MOST_EVENTS),
            )

    def events(self, kind: str = "", namespace: str = "", name: str = "") -> list[sqlite3.Row]:
        query, values = "SELECT * FROM events WHERE 1", []
        for column, value in (("kind", kind), ("namespace", namespace), ("name", name)):
            if value:
                query += f" AND {column}=?"
                values.append(value)
        return self.rows(query + " ORDER BY id", *values)

    # Reports

    def keep_report(self, message: Mapping[str, Any]) -> None:
        with self.change() as database:
            database.execute("INSERT INTO reports (body, received) VALUES (?,?)", (json.dumps(message), time.time()))
            database.execute(
                "DELETE FROM reports WHERE handled=1 AND id <= (SELECT MAX(id) FROM reports) - ?", (MOST_REPORTS,)
            )

    def waiting_reports(self) -> list[sqlite3.Row]:
        return self.rows("SELECT * FROM reports WHERE handled=0 ORDER BY id LIMIT 500")

    def report_handled(self, number: int, note: str) -> None:
        with self.change() as database:
            database.execute("UPDATE reports SET handled=1, note=? WHERE id=?", (note, number))

    # Workers

    def add_worker(self, uid: str, name: str, stage: str, round_: int, attempt: int, folder: str, log: str) -> None:
        with self.change() as database:
            database.execute(
                "INSERT OR IGNORE INTO workers (name, uid, stage, round, attempt, state, folder, log, started)"
                " VALUES (?,?,?,?,?,'starting',?,?,?)",
                (name, uid, stage, round_, attempt, folder, log, time.time()),
            )

    def end_worker(self, name: str, attempt: int, code: int | None, reason: str, message: str) -> None:
        with self.change() as database:
            database.execute(
                "UPDATE workers SET state='ended', ended=?, code=?, reason=?, message=? WHERE name=? AND attempt=?",
                (time.time(), code, reason, message, name, attempt),
            )

    def workers(self, uid: str, stage: str = "") -> list[sqlite3.Row]:
        if stage:
            return self.rows("SELECT * FROM workers WHERE uid=? AND stage=? ORDER BY id", uid, stage)
        return self.rows("SELECT * FROM workers WHERE uid=? ORDER BY id", uid)

    # Rounds

    def save_round(
        self, uid: str, number: int, started: float, ended: float | None, outcome: str, facts: Mapping[str, Any]
    ) -> None:
        with self.change() as database:
            database.execute(
                "INSERT OR REPLACE INTO rounds VALUES (?,?,?,?,?,?)",
                (uid, number, started, ended, outcome, json.dumps(facts)),
            )

    def rounds(self, uid: str) -> list[dict[str, Any]]:
        result = []
        for row in self.rows("SELECT * FROM rounds WHERE uid=? ORDER BY number", uid):
            facts = json.loads(row["facts"])
            head = {key: row[key] for key in ("number", "started", "ended", "outcome")}
            result.append({**head, **facts})
        return result

    # Notes of the controller itself

    def note(self, key: str, value: Any | None = None) -> Any:
        """Read a note, or write it where a value is given."""
        if value is None:
            rows = self.rows("SELECT value FROM notes WHERE key=?", key)
            return json.loads(rows[0]["value"]) if rows else None
        with self.change() as database:
            database.execute("INSERT OR REPLACE INTO notes VALUES (?,?)", (key, json.dumps(value)))
        return value
