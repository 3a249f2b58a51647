"""Garbage collection: what no one needs goes; what is active, previous, pinned, wanted, in a swap or in use stays.

A version's record goes first, then its folder, then blobs that no record names; a crash in between leaves orphans
that the next sweep takes. All of it happens under the store lock, and a lease is tried exclusively before anything of
it is removed.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import failpoints
from .durable import read_json, remove_whole
from .errors import StoreBusy
from .locks import FileLock, is_held
from .record import file_name
from .store import ModelStore

FRESH_SECONDS = 60.0
PARTIAL_AGE = 7 * 86400.0


@dataclass
class Swept:
    """What a sweep did."""

    removed: list[str] = field(default_factory=list)
    in_use: list[str] = field(default_factory=list)
    bytes_freed: int = 0


def needed(store: ModelStore) -> set[str]:
    """The versions that must stay whatever their age."""
    pointer = store.pointer()
    keep = {pointer.active, pointer.previous, *store.pins()}
    for name in ("swap.json", "order.json"):
        value = read_json(store.root / name)
        if isinstance(value, dict):
            keep |= {value.get("version"), value.get("old")}
    return {identifier for identifier in keep if identifier}


def sweep(store: ModelStore, keep: int = 3, dry_run: bool = False, keep_seconds: float = 0.0) -> Swept:
    """Remove versions beyond the newest `keep` that nobody needs, and leftovers of crashes.

    Versions younger than `keep_seconds` stay: somebody may be about to use what was just installed.
    """
    done = Swept()
    with store.lock():
        records = store.versions()
        young = time.time() - keep_seconds
        stay = needed(store) | {record.id for record in records if keep_seconds and record.installed_at > young}
        stay |= {record.id for record in records[len(records) - keep :] if keep > 0}
        for record in records:
            if record.id in stay:
                continue
            lock = FileLock(store.root / "leases" / (file_name(record.id) + ".lock"), record.id)
            try:
                lock.take(0.0)
            except StoreBusy:
                done.in_use.append(record.id)
                continue
            with lock:
                done.removed.append(record.id)
                if not dry_run:
                    remove_whole(store.root / "versions" / (file_name(record.id) + ".json"))
                    failpoints.reach("sweep.record")
                    os.unlink(str(lock.path))
        if not dry_run:
            done.bytes_freed = _sweep_leftovers(store)
    if not dry_run:
        for identifier in done.removed:
            store.history.add("removed", identifier)
    return done


def _sweep_leftovers(store: ModelStore) -> int:
    records = store.versions()
    folders = {file_name(record.id) for record in records}
    for path in (store.root / "folders").iterdir():
        if path.name not in folders:
            shutil.rmtree(str(path), ignore_errors=True)
    blobs = {entry.sha256 for record in records for entry in record.files.values()}
    freed = 0
    for path in (store.root / "blobs").glob("*/*"):
        if path.name not in blobs:
            freed += path.stat().st_size
            path.unlink()
    for path in (store.root / "incoming").iterdir():
        _sweep_incoming(path)
    return freed


def _sweep_incoming(path: Path) -> None:
    try:
        is_folder, age = path.is_dir(), time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return      # its owner, or another sweep, was quicker
    if is_folder:
        fresh = age < FRESH_SECONDS and not _was_taken(path / ".lock")
        if not fresh and not is_held(path / ".lock"):
            shutil.rmtree(str(path), ignore_errors=True)
    elif age > PARTIAL_AGE:
        try:
            path.unlink()
        except FileNotFoundError:
            pass


def _was_taken(lock: Path) -> bool:
    """Whether somebody has had this lock; who is about to take it has written nothing yet."""
    try:
        return lock.stat().st_size > 0
    except FileNotFoundError:
        return False
