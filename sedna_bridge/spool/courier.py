"""The courier: carries examples from the spool to a target, beside everything else.

An example is delivered when the target has said a durable yes and the spool has noted it. Between the two a crash
may come; then it is delivered again, under the same name, and the target keeps one.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import sqlite3
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Callable, NamedTuple

from sedna_bridge.errors import SpoolDamaged, SpoolError, TargetAway, TargetRefused
from sedna_bridge.spool.entry import Entry
from sedna_bridge.spool.index import ORDERS
from sedna_bridge.spool.spool import Spool
from sedna_bridge.spool.suspects import Suspects
from sedna_bridge.storage import failpoints
from sedna_bridge.storage.circuit import Circuit
from sedna_bridge.storage.target import Target
from sedna_bridge.storage.windows import TransferWindows

log = logging.getLogger(__name__)

STATUS = "courier.json"
STATUS_EVERY = 2.0
STATUS_UNCHANGED = 60.0
SETTLE_EVERY = 0.25
SETTLE_AT = 32
LOOK = 0.5


class _Result(NamedTuple):
    entry: Entry
    error: Exception | None


class Courier:
    """Delivers in the background: `start`, later `stop`. Or at once: `drain`.

    `order` is oldest, newest or hardest first; `parallel` how many examples are on their way at a time. Nothing here
    touches the frame path.
    """

    def __init__(
        self,
        spool: Spool,
        target: Target,
        *,
        order: str = "oldest",
        parallel: int = 4,
        windows: TransferWindows | None = None,
        circuit: Circuit | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        if order not in ("oldest", "newest", "hardest"):
            raise SpoolError(
                "the order must be oldest, newest or hardest, not %r; there is %s" % (order, ", ".join(ORDERS))
            )
        if parallel < 1:
            raise SpoolError("at least one example must be on its way at a time, not %r" % parallel)
        self.spool = spool
        self.target = target
        self.order = order
        self.counts: Counter[str] = Counter()
        self.trouble = ""
        self._windows = windows or TransferWindows()
        self._circuit = circuit or Circuit()
        self._stop = stop or threading.Event()
        self._jobs: queue.Queue[Entry | None] = queue.Queue()
        self._results: queue.Queue[_Result] = queue.Queue()
        self._under_way = 0
        self._parallel = parallel
        self._suspects = Suspects()
        self._unsettled: list[Entry] = []
        self._settled_at = 0.0
        self._status_at = 0.0
        self._status_essence: dict[str, Any] = {}
        self._held_are_due = True
        self._thread: threading.Thread | None = None
        self._carriers: list[threading.Thread] = []

    def start(self) -> Courier:
        """Begins to deliver in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="spool-courier", daemon=True)
        self._thread.start()
        return self

    def stop(self, timeout: float = 10.0) -> None:
        """Ends; what is on its way and does not finish soon is delivered by the next courier."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout)
        self.target.close()

    def drain(self, timeout: float, progress: Callable[[int], None] = lambda left: None) -> int:
        """Delivers in this thread until nothing waits or time is over; returns how many entries still wait."""
        deadline = time.monotonic() + timeout
        self._begin()
        try:
            while time.monotonic() < deadline and not self._stop.is_set():
                left = self.spool.backlog
                progress(left)
                if not left and not self._under_way and not self._unsettled:
                    break
                self._step()
        finally:
            self._end()
        return self.spool.backlog

    def try_now(self) -> None:
        """Ends a pause between tries."""
        self._circuit.try_now()

    def status(self) -> dict[str, Any]:
        """How it stands, for people and programs."""
        opens = self._windows.seconds_until_open()
        return {
            "target": self.target.where,
            "order": self.order,
            "circuit": self._circuit.state,
            "next_try": round(max(self._circuit.pause(), opens), 1),
            "window": "closed until then" if opens else "open",
            "windows": self._windows.text,
            "on_their_way": self._under_way,
            "trouble": self.trouble,
            "counts": dict(self.counts),
            "at": time.time(),
            "pid": os.getpid(),
        }

    def _run(self) -> None:
        self._begin()
        try:
            while not self._stop.is_set():
                try:
                    self._step()
                except Exception as error:
                    log.exception("the courier met a fault")
                    self.trouble = "fault: %s" % error
                    self._stop.wait(LOOK)
        finally:
            self._end()

    def _begin(self) -> None:
        self._release_held()
        for number in range(self._parallel):
            carrier = threading.Thread(target=self._carry, name="spool-carrier-%d" % number, daemon=True)
            carrier.start()
            self._carriers.append(carrier)

    def _end(self) -> None:
        for _ in self._carriers:
            self._jobs.put(None)
        deadline = time.monotonic() + 2
        while self._under_way and time.monotonic() < deadline:
            self._collect(0.1)
        self._settle(force=True)
        self._write_status(force=True)

    def _step(self) -> None:
        """Sends what may go, takes in what came back, waits a little if there is neither."""
        if self._held_are_due:
            self._release_held()
        wanted = self._parallel - self._under_way
        if not self._windows.is_open():
            wanted = 0
        elif wanted:
            allowed = self._circuit.tries(self._parallel)
            wanted = max(0, min(wanted, allowed - self._under_way))
        for entry in self._choose(wanted) if wanted else ():
            self._under_way += 1
            self._jobs.put(entry)
        if self._under_way:
            self._collect(SETTLE_EVERY)
        elif not self._unsettled:
            pause = max(self._circuit.pause(), self._windows.seconds_until_open())
            if pause:
                self._stop.wait(min(LOOK, pause))
            else:
                self.spool.wait_for_entries(LOOK)
        self._settle()
        self._write_status()

    def _choose(self, wanted: int) -> list[Entry]:
        """The next entries; a suspect only when nothing else is left to do."""
        entries = self.spool.next(self.order, wanted, self._suspects.skip())
        if not entries and not self._under_way:
            entries = self.spool.next(self.order, 1)
        return entries

    def _release_held(self) -> None:
        """What the target did not want is tried again by every new courier: the target may have changed its mind."""
        try:
            released = self.spool.release_held()
        except (sqlite3.Error, OSError) as error:
            log.warning("held examples cannot be released: %s", error)
            return
        self._held_are_due = False
        if released:
            log.info("%d examples that the target did not want are tried again", released)

    def _carry(self) -> None:
        """One carrier: reads, checks, puts. Its only results are in the queue."""
        while True:
            entry = self._jobs.get()
            if entry is None:
                return
            try:
                example = self.spool.read(entry)
                failpoints.reach("courier.send")
                new = self.target.put(example)
                failpoints.reach("courier.sent")
                self.counts["new" if new else "known"] += 1
                self._results.put(_Result(entry, None))
            except Exception as error:
                self._results.put(_Result(entry, error))

    def _collect(self, timeout: float) -> None:
        try:
            result = self._results.get(timeout=timeout)
        except queue.Empty:
            return
        while True:
            self._under_way -= 1
            self._take_in(*result)
            try:
                result = self._results.get_nowait()
            except queue.Empty:
                return

    def _take_in(self, entry: Entry, error: Exception | None) -> None:
        if error is None:
            if self.trouble:
                log.info("%s takes examples again", self.target.where)
            self.trouble = ""
            self._circuit.succeeded()
            self._suspects.succeeded(entry.seq)
            self._unsettled.append(entry)
            return
        if isinstance(error, (SpoolDamaged, TargetRefused)) and self._set_aside(entry, error):
            return
        self.spool.put_back([entry])
        if self._stop.is_set():
            return
        self.counts["failed"] += 1
        expected = isinstance(error, TargetAway)
        self.trouble = str(error) if expected else "%s: %s" % (type(error).__name__, error)
        self._suspects.failed(entry.seq)
        asked = getattr(error, "retry_after", None)
        if asked is None and self._circuit.pause():
            return
        pause = self._circuit.failed(asked)
        log.warning("%s; next try in %.0f s", self.trouble, pause, exc_info=not expected)

    def _set_aside(self, entry: Entry, error: Exception) -> bool:
        """An example that is damaged or not wanted; False if the spool could not note it now."""
        try:
            if isinstance(error, SpoolDamaged):
                self.counts["damaged"] += 1
                self.spool.damaged(entry, error)
            else:
                self.counts["refused"] += 1
                log.warning("%s; the example is held", error)
                self._circuit.succeeded()
                self.spool.hold(entry, str(error))
        except (sqlite3.Error, OSError):
            return False
        return True

    def _settle(self, force: bool = False) -> None:
        """Tells the spool what was delivered: many at once, but soon."""
        now = time.monotonic()
        if not self._unsettled:
            self._settled_at = now
            return
        if not (
            force or len(self._unsettled) >= SETTLE_AT or now - self._settled_at >= SETTLE_EVERY or not self._under_way
        ):
            return
        failpoints.reach("courier.settle")
        try:
            self.spool.delivered(self._unsettled)
        except (sqlite3.Error, OSError) as error:
            self.trouble = "delivered examples cannot be noted: %s" % error
            log.warning("%s; trying again", self.trouble)
            self._settled_at = now
            self._stop.wait(LOOK)
            return
        self.counts["delivered"] += len(self._unsettled)
        self._unsettled = []
        self._settled_at = now

    def _write_status(self, force: bool = False) -> None:
        """Leaves a note for `sednabox spool stats`; it need not survive a power cut."""
        now = time.monotonic()
        if not force and now - self._status_at < STATUS_EVERY:
            return
        status = self.status()
        essence = {key: value for key, value in status.items() if key not in ("at", "next_try", "on_their_way")}
        if not force and essence == self._status_essence and now - self._status_at < STATUS_UNCHANGED:
            return
        self._status_at, self._status_essence = now, essence
        path = Path(self.spool.path) / STATUS
        try:
            temporary = path.with_suffix(".tmp")
            temporary.write_text(json.dumps(status), encoding="utf-8")
            os.replace(str(temporary), str(path))
        except OSError:
            log.debug("the courier's status cannot be written", exc_info=True)
