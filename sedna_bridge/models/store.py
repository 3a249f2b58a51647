"""The model store: versions on disk, content-addressed, one atomic pointer to the active one.

    blobs/ab/SHA256      the bytes, each once, read-only
    versions/ID.json     what a version is: name, files by sha256, where it came from; never changes
    folders/ID/          the version as a model folder: hard links to blobs
    active.json          the pointer: active, previous and a serial that only grows; replaced by one rename
    pins.json rejected.json trust/ counters.json
    swap.json            the swap that is under way (journal.py)        order.json   what a person asked for (orders.py)
    reports/             what was, or must be, reported (reports.py)    history.jsonl
    leases/ID.lock       shared flock: "in use"     runner.lock   store.lock
    incoming/            downloads and unpacking; each room is locked by whoever works in it

Several processes share one store; locks.py has the discipline. Every state that a reader can see is a whole one.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from . import failpoints
from .archive import SIGNATURE
from .durable import AnyPath, read_json, sync_file, sync_folder, write_json
from .errors import StoreError
from .history import History
from .locks import FileLock
from .record import FileEntry, VersionRecord, file_name
from .signature import hash_file

FOLDERS = ("blobs", "versions", "folders", "leases", "incoming", "reports", "trust")


@dataclass(frozen=True)
class Pointer:
    """Which version judges frames, which one did before, and how often that has changed."""

    active: str | None = None
    previous: str | None = None
    serial: int = 0
    changed_at: float = 0.0


@dataclass(frozen=True)
class Rejection:
    """Why a version, or an offer of a source, is not tried again."""

    key: str
    reason: str
    state: str
    at: float


class ModelFolder:
    """A version as a folder. `read` gives bytes that were hashed as they were read: load these, not the path."""

    def __init__(self, path: Path, record: VersionRecord) -> None:
        self.path = path
        self.record = record

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return "ModelFolder(%s)" % self.record.id

    def read(self, name: str = "") -> bytes:
        """The bytes of a file (default: of the model), proven to be those that were installed."""
        import hashlib

        name = name or self.record.model_file
        entry = self.record.files.get(name)
        if entry is None:
            raise StoreError(
                "%s has no file %r; it has %s." % (self.record.id, name, ", ".join(sorted(self.record.files)))
            )
        try:
            data = (self.path / name).read_bytes()
        except OSError as error:
            raise StoreError(
                "%s: %s cannot be read (%s); install the version again." % (self.record.id, name, error)
            ) from None
        if hashlib.sha256(data).hexdigest() != entry.sha256:
            raise StoreError(
                "%s: %s on the disk is not what was installed (damaged); install it again." % (self.record.id, name)
            )
        return data


class Lease:
    """While this is open no sweep removes the version; a process that dies lets go."""

    def __init__(self, lock: FileLock, folder: ModelFolder) -> None:
        self._lock = lock
        self.folder = folder

    def close(self) -> None:
        self._lock.free()

    def __enter__(self) -> Lease:
        return self

    def __exit__(self, *exc: Any) -> None:
        self.close()


class ModelStore:
    """The versions of one place. Cheap to open; every call reads the disk, so it sees what other processes did."""

    def __init__(self, root: AnyPath, lock_timeout: float = 10.0) -> None:
        self.root = Path(root)
        self.lock_timeout = lock_timeout
        try:
            for name in FOLDERS:
                (self.root / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                "the model store %s cannot be made or used (%s); choose another --state." % (root, error)
            ) from None
        self.history = History(self.root)

    # -- locks ---------------------------------------------------------------------------------------------------------
    def lock(self) -> FileLock:
        """The short lock on the store's metadata."""
        return FileLock(self.root / "store.lock", "the model store").take(self.lock_timeout)

    def runner(self, timeout: float = 0.0) -> FileLock:
        """The right to run swaps on this store, for the life of a pipeline."""
        return FileLock(self.root / "runner.lock", "the right to swap models in %s" % self.root).take(timeout)

    def lease(self, identifier: str) -> Lease:
        """Use a version: it stays on disk until the lease is closed."""
        with self.lock():
            record = self.get(identifier)
            held = FileLock(self.root / "leases" / (file_name(identifier) + ".lock"), identifier)
            held.take(self.lock_timeout, shared=True)
            return Lease(held, ModelFolder(self._folder(record), record))

    # -- versions ------------------------------------------------------------------------------------------------------
    def versions(self) -> list[VersionRecord]:
        """All versions, oldest first."""
        found = []
        for path in (self.root / "versions").glob("*.json"):
            value = read_json(path)
            if isinstance(value, dict):
                found.append(VersionRecord.from_json(value))
        return sorted(found, key=lambda record: (record.installed_at, record.id))

    def get(self, identifier: str) -> VersionRecord:
        """The record of a version by its id; raises StoreError."""
        value = read_json(self._record_path(identifier))
        if not isinstance(value, dict):
            raise StoreError(
                "there is no model version %r in %s; `sednabox model ls` shows what is there." % (identifier, self.root)
            )
        return VersionRecord.from_json(value)

    def has(self, identifier: str) -> bool:
        return self._record_path(identifier).exists()

    def find(self, text: str) -> VersionRecord:
        """A version by id, or by any part of it that fits only one: a version, a name with one version, a prefix."""
        if self.has(text):
            return self.get(text)
        every = self.versions()
        for fits in (
            [r for r in every if r.version == text],
            [r for r in every if r.name == text],
            [r for r in every if r.id.startswith(text)] if text else [],
        ):
            if len(fits) == 1:
                return fits[0]
            if fits:
                raise StoreError("%r fits %s; write one of them whole." % (text, ", ".join(r.id for r in fits)))
        return self.get(text)

    def add(self, record: VersionRecord, files: dict[str, Path]) -> VersionRecord:
        """Take verified files into the store (they are moved). The same bytes again are no error; other bytes are."""
        for path in files.values():
            sync_file(path)
        with self.lock():
            known = read_json(self._record_path(record.id))
            if isinstance(known, dict):
                existing = VersionRecord.from_json(known)
                other = {n for n in {*existing.files, *record.files} if existing.files.get(n) != record.files.get(n)}
                if other == {SIGNATURE}:
                    existing, known = record, None
                elif other:
                    raise StoreError(
                        "%s is already installed with other bytes in %s; give the new one another version."
                        % (record.id, ", ".join(sorted(other)[:5]))
                    )
                record = existing
            for name, path in files.items():
                blob = self._blob(record.files[name])
                blob.parent.mkdir(exist_ok=True)
                os.chmod(str(path), 0o444)
                os.replace(str(path), str(blob))
                sync_folder(blob.parent)
            failpoints.reach("store.add")
            self._build_folder(record)
            if not known:
                write_json(self._record_path(record.id), record.to_json())
        return record

    def verify(self, identifier: str) -> VersionRecord:
        """Hash every file of a version again; raises StoreError naming the first that is damaged."""
        with self.lease(identifier) as lease:
            record = lease.folder.record
            for name, entry in sorted(record.files.items()):
                path = lease.folder.path / name
                if not path.is_file() or hash_file(path) != entry:
                    raise StoreError(
                        "%s: %s is missing or damaged on the disk; install the version again." % (identifier, name)
                    )
            return record

    # -- the pointer ---------------------------------------------------------------------------------------------------
    def pointer(self) -> Pointer:
        value = read_json(self.root / "active.json")
        return Pointer(**value) if isinstance(value, dict) else Pointer()

    def point_at(self, identifier: str) -> Pointer:
        """Make a version the active one, in one atomic step; what was active becomes the previous one."""
        with self.lock():
            self.get(identifier)
            now = self.pointer()
            if now.active == identifier:
                return now
            return self._write_pointer(Pointer(identifier, now.active, now.serial + 1, round(time.time(), 3)))

    def point_back(self, identifier: str, previous: str | None) -> Pointer:
        """Undo a switch: `identifier` is active again and `previous` is what a rollback would go to."""
        with self.lock():
            self.get(identifier)
            now = self.pointer()
            return self._write_pointer(Pointer(identifier, previous, now.serial + 1, round(time.time(), 3)))

    def _write_pointer(self, pointer: Pointer) -> Pointer:
        failpoints.reach("store.point")
        write_json(self.root / "active.json", asdict(pointer))
        return pointer

    # -- pins and rejections -------------------------------------------------------------------------------------------
    def pins(self) -> list[str]:
        value = read_json(self.root / "pins.json")
        return [str(item) for item in value] if isinstance(value, list) else []

    def pin(self, identifier: str, on: bool = True) -> None:
        """Keep a version for ever; while a pinned version is active, sources do not replace it by themselves."""
        with self.lock():
            if on:
                self.get(identifier)
            pins = set(self.pins()) - {identifier}
            write_json(self.root / "pins.json", sorted(pins | {identifier} if on else pins))
        self.history.add("pinned" if on else "unpinned", identifier)

    def rejections(self) -> dict[str, Rejection]:
        value = read_json(self.root / "rejected.json")
        return {key: Rejection(**entry) for key, entry in value.items()} if isinstance(value, dict) else {}

    def rejection(self, key: str) -> Rejection | None:
        return self.rejections().get(key)

    def reject(self, key: str, reason: str, state: str) -> None:
        """Remember that this was bad, so that it is not tried again unless asked."""
        with self.lock():
            known = self.rejections()
            known[key] = Rejection(key, reason, state, round(time.time(), 3))
            latest = sorted(known.values(), key=lambda entry: entry.at)[-1000:]
            write_json(self.root / "rejected.json", {entry.key: asdict(entry) for entry in latest})

    def forgive(self, key: str) -> bool:
        """Forget a rejection, because a person asked to try again."""
        with self.lock():
            known = self.rejections()
            if known.pop(key, None) is None:
                return False
            write_json(self.root / "rejected.json", {entry.key: asdict(entry) for entry in known.values()})
            return True

    # -- places --------------------------------------------------------------------------------------------------------
    def room(self) -> Room:
        """A private folder under incoming/ that a sweep leaves alone while this process lives."""
        return Room(self.root / "incoming")

    def blob_path(self, entry: FileEntry) -> Path | None:
        """Where the bytes lie, if the store has them."""
        path = self._blob(entry)
        return path if path.exists() else None

    def _record_path(self, identifier: str) -> Path:
        return self.root / "versions" / (file_name(identifier) + ".json")

    def _blob(self, entry: FileEntry) -> Path:
        return self.root / "blobs" / entry.sha256[:2] / entry.sha256

    def _folder(self, record: VersionRecord) -> Path:
        path = self.root / "folders" / file_name(record.id)
        if not path.is_dir():
            self._build_folder(record)
        return path

    def _build_folder(self, record: VersionRecord) -> None:
        """Hard-link the blobs into a folder aside, then put it in place in one step."""
        target = self.root / "folders" / file_name(record.id)
        aside = Path(tempfile.mkdtemp(prefix=".new-", dir=str(target.parent)))
        for name, entry in record.files.items():
            path = aside / name
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(str(self._blob(entry)), str(path))
            except FileNotFoundError:
                shutil.rmtree(str(aside))
                raise StoreError(
                    "%s: the bytes of %s are gone from the store; install it again." % (record.id, name)
                ) from None
            except OSError:
                shutil.copyfile(str(self._blob(entry)), str(path))
                sync_file(path)
        os.chmod(str(aside), 0o755)
        if target.exists():
            gone = Path(tempfile.mkdtemp(prefix=".old-", dir=str(target.parent)))
            os.rename(str(target), str(gone / "old"))
            os.rename(str(aside), str(target))
            shutil.rmtree(str(gone))
        else:
            os.rename(str(aside), str(target))
        sync_folder(target.parent)


class Room:
    """A locked working folder; removed on leaving, or by the sweep after a crash."""

    def __init__(self, incoming: Path) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="room-", dir=str(incoming)))
        # A sweep may be trying the lock at this moment.
        self._lock = FileLock(self.path / ".lock", "a working folder").take(5.0)

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *exc: Any) -> None:
        shutil.rmtree(str(self.path), ignore_errors=True)
        self._lock.free()
