"""Files that are there as a whole, also after a power cut: temporary file, fsync, rename, fsync of the directory."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Callable

from sedna_bridge.storage import failpoints


def _nobody(what: str, *paths: str) -> None:
    """The normal case: nobody watches."""


watch: Callable[..., None] = _nobody
"""Told of every step, so that the torture can take back what a power cut would."""


def write_synced(path: Path, data: bytes) -> None:
    """Writes a new file and waits until its content is on the disk. Its name is not yet."""
    watch("writing", str(path))
    handle = os.open(str(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view) :]
        os.fsync(handle)
    finally:
        os.close(handle)
    watch("written", str(path))


def rename(old: Path, new: Path) -> None:
    """Gives a file its name; on the disk only after `sync_directory`."""
    os.replace(str(old), str(new))
    watch("renamed", str(old), str(new))


def sync_directory(path: Path) -> None:
    """Waits until the names in a directory are on the disk."""
    watch("syncing", str(path))
    handle = os.open(str(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    watch("synced", str(path))


def make_directory(path: Path) -> None:
    """Makes a directory, and those above it, so that they stay."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for new in reversed(missing):
        new.mkdir(exist_ok=True)
        sync_directory(new.parent)


def write_whole(path: Path, data: bytes, incoming: Path | None = None) -> None:
    """Puts a file in place as a whole: a reader finds the old one or the new one.

    Where `incoming` is given, half-written files lie there, so that those of a killed writer are easily found.
    """
    name = ".%s.%d.%d.tmp" % (path.name, os.getpid(), threading.get_ident())
    temporary = (incoming or path.parent) / name
    try:
        write_synced(temporary, data)
        failpoints.reach("durable.written")
        rename(temporary, path)
    except BaseException:
        remove(temporary)
        raise
    sync_directory(path.parent)


def remove(path: Path) -> bool:
    """Removes a file; says whether it was there."""
    watch("removing", str(path))
    try:
        os.unlink(str(path))
    except FileNotFoundError:
        return False
    return True


def sweep(incoming: Path, older_than: float) -> int:
    """Removes what killed writers left half-written; returns how many files."""
    swept = 0
    for left in incoming.glob(".*.tmp") if incoming.is_dir() else ():
        try:
            if time.time() - left.stat().st_mtime >= older_than:
                swept += remove(left)
        except FileNotFoundError:
            continue
    return swept
