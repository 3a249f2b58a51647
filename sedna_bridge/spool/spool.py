"""The spool: hard examples that wait on the disk for the cloud, and cannot be lost there."""

from __future__ import annotations

import logging
import sqlite3
import threading
from pathlib import Path
from typing import Any, Collection, Mapping

from sedna_bridge.errors import SpoolDamaged, SpoolError
from sedna_bridge.spool.encoder import Encoder
from sedna_bridge.spool.entry import Entry
from sedna_bridge.spool.files import SpoolFiles
from sedna_bridge.spool.index import DELIVERED, DROPPED, Departure, is_damage
from sedna_bridge.spool.intake import Intake, Pending
from sedna_bridge.spool.limits import Limits
from sedna_bridge.spool.lock import SpoolLock
from sedna_bridge.spool.offer import ACCEPTED, DUPLICATE, REFUSED, Offer
from sedna_bridge.spool.recovery import open_index, rebuild_index, recover
from sedna_bridge.spool.refusals import Refusals, why
from sedna_bridge.spool.room import Room, too_old
from sedna_bridge.storage import failpoints
from sedna_bridge.storage.durable import make_directory
from sedna_bridge.storage.example import Example

log = logging.getLogger(__name__)

INDEX = "index.db"
MEMORY = 256 * 2**20


class Spool:
    """Owns a directory of hard examples. One process at a time; any number of threads.

    `offer` is for the frame path: it copies the frame's pixels and returns, in well under a millisecond, whatever the
    disk or the network do. `next`, `read`, `delivered`, `hold` are for the courier. Every example that was accepted
    is, at any moment and after any crash, delivered, here, or dropped with a reason.
    """

    def __init__(
        self,
        path: str,
        limits: Limits | None = None,
        *,
        quality: int = 92,
        longest: int = 0,
        memory: int = MEMORY,
        encoders: int = 2,
    ) -> None:
        self.path = Path(path)
        self.limits = limits or Limits()
        self.files = SpoolFiles(self.path)
        encoder = Encoder(quality, longest)
        try:
            make_directory(self.path)
        except OSError as error:
            raise SpoolError("the spool %s cannot be made: %s" % (path, error.strerror)) from None
        self._lock = SpoolLock(self.path / "lock")
        try:
            self.files.prepare()
            self.index = open_index(self.path / INDEX, self.files)
            recover(self.files, self.index)
        except (OSError, sqlite3.Error) as error:
            self._lock.release()
            raise SpoolError(
                "the spool %s cannot be opened: %s; is the disk full or read-only?"
                % (path, getattr(error, "strerror", None) or error)
            ) from None
        except BaseException:
            self._lock.release()
            raise
        self._on_their_way: set[int] = set()
        self._refusals = Refusals()
        self._guard = threading.RLock()
        self._arrived = threading.Condition()
        self._intake = Intake(encoder, self._write, self._idle, self._refusals.note, memory, encoders)

    def offer(self, picture: Any, facts: Mapping[str, Any], *, color: str = "bgr", copy: bool = True) -> Offer:
        """Offers a clean frame, as pixels or as a JPEG, with what is known about it. Never waits.

        `facts` takes the words of a frame's meta: camera, index, timestamp, wall_time, model, detections, hard_reasons,
        hard_score ... Set `copy` to False only where nobody writes into the pixels afterwards.
        """
        return self._intake.offer(picture, facts, color, copy)

    def expect(self, size: int) -> None:
        """Makes memory ready for frames of so many bytes; call it when a stream begins, beside the frame path."""
        self._intake.expect(size)

    def next(self, order: str = "oldest", limit: int = 1, besides: Collection[int] = ()) -> list[Entry]:
        """The next entries to deliver. They count as on their way until settled with one of the methods below."""
        with self._guard:
            try:
                entries = self.index.next(order, limit, self._on_their_way.union(besides))
            except sqlite3.DatabaseError as error:
                if not self._heal(error):
                    raise
                return []
            self._on_their_way |= {entry.seq for entry in entries}
            return entries

    def find(self, id: str) -> list[Entry]:
        """The entry of this name, if it is here."""
        return self.index.find(id)

    def read(self, entry: Entry) -> Example:
        """The entry's content, every byte checked. Raises SpoolDamaged."""
        return self.files.read(entry.id, entry.segment)

    def delivered(self, entries: list[Entry]) -> None:
        """The target has said a durable yes."""
        self._settle([Departure(entry, DELIVERED) for entry in entries])

    def damaged(self, entry: Entry, trouble: SpoolDamaged) -> None:
        """An entry is not what was written: it is counted as dropped and put aside, its neighbours stay."""
        log.error("%s", trouble)
        with self._guard:
            self.index.depart([Departure(entry, DROPPED, "damaged")])
            self.files.put_aside(entry.id, entry.segment)
            self.index.left([entry.seq])
            self._on_their_way.discard(entry.seq)

    def hold(self, entry: Entry, trouble: str) -> None:
        """The target does not want this one; it stays here and is tried again when the next courier starts."""
        with self._guard:
            self.index.hold(entry, trouble)
            self._on_their_way.discard(entry.seq)

    def put_back(self, entries: list[Entry]) -> None:
        """These were not delivered; they wait again."""
        with self._guard:
            self._on_their_way -= {entry.seq for entry in entries}

    def release_held(self) -> int:
        """Lets everything that was held wait again."""
        return self.index.release() if self.index.figures().get("held") else 0

    def rebuild(self) -> None:
        """Sets the index aside and makes it anew from the files; its figures begin anew."""
        with self._guard:
            self.index.close()
            self.index = rebuild_index(self.path / INDEX, self.files)
            self._on_their_way.clear()

    def wait_for_entries(self, timeout: float) -> None:
        """Waits until something was accepted."""
        with self._arrived:
            self._arrived.wait(timeout)

    @property
    def backlog(self) -> int:
        """Entries that wait for delivery, on the disk and in memory."""
        return self.index.figures().get("waiting", 0) + self._intake.waiting

    def figures(self) -> dict[str, int]:
        """All counts; `pending` are examples in memory that have no answer yet."""
        figures = self.index.figures()
        self._refusals.add_to(figures)
        figures["pending"] = self._intake.waiting
        return figures

    def close(self, timeout: float = 30.0) -> bool:
        """Makes durable what is in memory and lets the directory go; False if the disk took too long."""
        finished = self._intake.close(timeout)
        if self._guard.acquire(timeout=timeout if finished else 1):
            try:
                self._refusals.tell(self.index)
                self.index.close()
            finally:
                self._guard.release()
        self.files.close()
        self._lock.release()
        return finished

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _write(self, batch: list[Pending]) -> None:
        """Makes a batch durable. One bad example does not take the others with it."""
        with self._guard:
            try:
                self._try_to_write(batch)
            except (OSError, sqlite3.Error) as error:
                if self._heal(error):
                    # What the new index found in the files is durable; what it did not is written again.
                    batch = [pending for pending in batch if not pending.offer.done]
                    try:
                        self._try_to_write(batch)
                    except (OSError, sqlite3.Error) as again:
                        error = again
                self._refuse_all(batch, why(error))
            self._refusals.tell(self.index)

    def _heal(self, error: Exception) -> bool:
        """Makes a damaged index anew from the files; False if the error is of another kind."""
        if not is_damage(error):
            return False
        log.error("the index is damaged (%s): making it anew from the files", error)
        self.rebuild()
        return True

    def _try_to_write(self, batch: list[Pending]) -> None:
        fresh, twins = self._without_duplicates(batch)
        room = Room(self.limits, self.index, self.files, self._on_their_way)
        for pending in fresh:
            lack = room.make(pending)
            if lack:
                self._refuse(pending, lack)
        for pending, lack in room.turned_away:
            self._refuse(pending, lack)
        coming = room.coming
        if room.departures:
            self._settle(room.departures)
        failpoints.reach("spool.begin")
        segment = self.files.begin(len(coming)) if coming else 0
        written = []
        errors = self.files.write_all([pending.example for pending in coming]) if coming else []
        for pending, met in zip(coming, errors):
            try:
                if met is not None:
                    raise met
                self.files.name(pending.example.id, segment)
                written.append(pending)
            except OSError as error:
                self._undo([pending], segment)
                self._refuse(pending, why(error))
        if written:
            self._enter(written, segment)
        if twins:
            self._try_to_write(twins)

    def _enter(self, written: list[Pending], segment: int) -> None:
        """The last step: the directory, the index, the answers."""
        try:
            self.files.sync(segment)
            failpoints.reach("spool.synced")
            self.index.accept([pending.example for pending in written], segment)
        except (OSError, sqlite3.Error) as error:
            if is_damage(error):
                raise
            # A disk that is just full may have room for the entry of a smaller batch.
            kept = len(written) // 2
            self._undo(written[kept:], segment)
            for pending in written[kept:]:
                self._refuse(pending, why(error))
            if kept:
                self._enter(written[:kept], segment)
            return
        failpoints.reach("spool.indexed")
        for pending in written:
            pending.offer.settle(ACCEPTED, id=pending.example.id)
        with self._arrived:
            self._arrived.notify_all()

    def _without_duplicates(self, batch: list[Pending]) -> tuple[list[Pending], list[Pending]]:
        """What is new in a batch, and what comes twice in it and must wait for the outcome of its twin."""
        fresh: dict[str, Pending] = {}
        twins = []
        duplicates = 0
        for pending in batch:
            id = pending.example.id
            if id in fresh:
                twins.append(pending)
            elif self.index.knows(id) in ("here", "delivered", "leaving"):
                duplicates += 1
                pending.offer.settle(DUPLICATE, "it is here or was delivered already", id)
            else:
                fresh[id] = pending
        if duplicates:
            self.index.count("duplicates", duplicates)
        return list(fresh.values()), twins

    def _undo(self, batch: list[Pending], segment: int) -> None:
        for pending in batch:
            try:
                self.files.discard(pending.example.id)
                self.files.remove([(pending.example.id, segment)])
            except OSError as error:
                log.warning("a file of a refused example stays behind until the next start: %s", error)

    def _settle(self, departures: list[Departure]) -> None:
        """Notes that entries leave, and only then removes their files."""
        with self._guard:
            self.index.depart(departures)
            failpoints.reach("spool.departed")
            for departure in departures:
                self._on_their_way.discard(departure.entry.seq)
            try:
                self.files.remove((departure.entry.id, departure.entry.segment) for departure in departures)
            except OSError as error:
                log.warning("files of entries that left stay behind until the next start: %s", error)
                return
            failpoints.reach("spool.removed")
            self.index.left(departure.entry.seq for departure in departures)

    def _idle(self) -> None:
        with self._guard:
            try:
                old = too_old(self.limits, self.index, self._on_their_way)
                if old:
                    self._settle(old)
                self._refusals.tell(self.index)
            except (sqlite3.Error, OSError) as error:
                log.warning("the spool's index cannot be written: %s", error)

    def _refuse(self, pending: Pending, reason: str) -> None:
        self._refusals.note(reason, pending.facts)
        pending.offer.settle(REFUSED, reason)

    def _refuse_all(self, batch: list[Pending], reason: str) -> None:
        for pending in batch:
            if not pending.offer.done:
                self._refuse(pending, reason)
