"""Brings files and index together again when a spool is opened after a crash."""

from __future__ import annotations

import logging
import os
import sqlite3
from pathlib import Path

from sedna_bridge.errors import SpoolDamaged, SpoolError
from sedna_bridge.spool.files import SpoolFiles
from sedna_bridge.spool.index import Index, is_damage
from sedna_bridge.storage import failpoints
from sedna_bridge.storage.durable import sync_directory
from sedna_bridge.storage.example import Example

log = logging.getLogger(__name__)

AT_ONCE = 200


def open_index(path: Path, files: SpoolFiles) -> Index:
    """The index; one that SQLite cannot read is set aside and made anew from the files."""
    try:
        index = Index(path)
        index.figures()
        index.next("oldest", 1)
        return index
    except (sqlite3.DatabaseError, ValueError, TypeError) as error:
        if isinstance(error, sqlite3.DatabaseError) and not is_damage(error):
            raise SpoolError(
                "the index %s cannot be opened: %s; is the disk full or read-only?" % (path, error)
            ) from None
        log.error("the index %s is damaged (%s): making it anew from the files", path, error)
        return rebuild_index(path, files)


def rebuild_index(path: Path, files: SpoolFiles) -> Index:
    """Sets a damaged index aside and enters every entry whose files are whole. The figures begin anew."""
    number = 1
    while path.with_name("%s.damaged-%d" % (path.name, number)).exists():
        number += 1
    for suffix in ("", "-wal", "-shm"):
        old = Path(str(path) + suffix)
        if old.exists():
            os.replace(str(old), "%s.damaged-%d%s" % (path, number, suffix))
    index = Index(path)
    for segment in files.segments():
        adopt(segment, files, index)
    return index


def recover(files: SpoolFiles, index: Index) -> None:
    """Finishes what a crash cut off. Reads the newest segment only, however many there are."""
    failpoints.reach("recovery.begin")
    leaving = index.leaving()
    files.remove((entry.id, entry.segment) for entry in leaving)
    index.left(entry.seq for entry in leaving)
    failpoints.reach("recovery.removed")
    for segment in files.segments()[-2:]:
        adopt(segment, files, index)


def adopt(segment: int, files: SpoolFiles, index: Index) -> None:
    """Enters what lies complete in a segment without being known; removes what is a rest of something.

    Its producer was not told that it is accepted, but to keep an example twice is harmless and to lose one is not.
    """
    found: list[Example] = []
    for id in files.names(segment):
        known = index.knows(id)
        if known == "here":
            continue
        if known in ("delivered", "dropped", "leaving"):
            files.remove([(id, segment)])
            continue
        try:
            found.append(files.read(id, segment))
        except SpoolDamaged as error:
            if files.path(id, segment, ".json").exists() and files.path(id, segment, ".jpg").exists():
                log.error("%s; it was not accepted yet and is put aside", error)
                files.put_aside(id, segment)
            else:
                files.remove([(id, segment)])
        if len(found) >= AT_ONCE:
            _enter(found, segment, files, index)
    if found:
        _enter(found, segment, files, index)


def _enter(found: list[Example], segment: int, files: SpoolFiles, index: Index) -> None:
    for example in found:
        for suffix in (".jpg", ".json"):
            handle = os.open(str(files.path(example.id, segment, suffix)), os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
    sync_directory(files.path("", segment, ""))
    failpoints.reach("recovery.adopting")
    index.accept(found, segment, adopted=True)
    found.clear()
