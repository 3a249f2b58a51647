"""Reads every byte of a spool and says what is not as it was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

from sedna_bridge.errors import SpoolDamaged
from sedna_bridge.spool.entry import HELD, WAITING
from sedna_bridge.spool.files import SpoolFiles
from sedna_bridge.spool.spool import Spool
from sedna_bridge.spool.survey import open_reader, survey


def verify(path: Path, progress: Callable[[int, int], None] = lambda done, total: None) -> dict[str, Any]:
    """Checks the index, every entry, the figures, and looks for files that nobody knows. Changes nothing.

    Entries that leave while it reads are no fault: a spool may be verified while it works.
    """
    reader = open_reader(path)
    files = SpoolFiles(path)
    report: dict[str, Any] = {"checked": 0, "bytes": 0, "damaged": [], "unknown_files": 0}
    try:
        report["index"] = reader.check()
        figures = reader.figures()
        total = figures.get("waiting", 0) + figures.get("held", 0)
        for entry in reader.entries("oldest", (WAITING, HELD)):
            try:
                files.read(entry.id, entry.segment)
            except SpoolDamaged as error:
                if reader.state(entry.seq) in (WAITING, HELD):
                    report["damaged"].append({"id": entry.id, "seq": entry.seq, "trouble": str(error)})
            report["checked"] += 1
            report["bytes"] += entry.size
            progress(report["checked"], total)
        for segment in files.segments() if files.entries.is_dir() else ():
            report["unknown_files"] += sum(1 for name in files.names(segment) if not reader.find(name))
    finally:
        reader.close()
    report["adds_up"] = survey(path)["adds_up"]
    report["sound"] = not report["damaged"] and not report["index"] and report["adds_up"]
    return report


def repair(spool: Spool, report: dict[str, Any]) -> int:
    """Puts the damaged entries of a report aside and counts them as dropped; returns how many."""
    done = 0
    for item in report["damaged"]:
        for entry in spool.find(item["id"]):
            try:
                spool.read(entry)
            except SpoolDamaged as error:
                spool.damaged(entry, error)
                done += 1
    return done
