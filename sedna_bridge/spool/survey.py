"""How a spool stands: figures for `sednabox spool stats`, also while another process owns it."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path
from typing import Any

from sedna_bridge.errors import SpoolError
from sedna_bridge.spool.courier import STATUS
from sedna_bridge.spool.index_reader import IndexReader
from sedna_bridge.spool.spool import INDEX

SPANS = {"1m": 1, "10m": 10, "1h": 60, "1d": 1440}
COLUMNS = ("accepted", "delivered", "dropped", "bytes")


def open_reader(path: Path) -> IndexReader:
    """The index of a spool for reading only. Raises SpoolError with what to do."""
    index = path / INDEX
    if not index.exists():
        raise SpoolError("there is no spool in %s; give the state directory with --state, or SEDNABOX_STATE" % path)
    try:
        return IndexReader(index)
    except sqlite3.DatabaseError as error:
        raise SpoolError(
            "the index %s cannot be read: %s; the spool makes it anew when it is opened" % (index, error)
        ) from None


def survey(path: Path) -> dict[str, Any]:
    """All figures of a spool as one dictionary.

    `adds_up` is the invariant: accepted = delivered + waiting + held + dropped.
    """
    reader = open_reader(path)
    try:
        figures = reader.figures()
        oldest = next(reader.entries("oldest", limit=1), None)
        seconds = reader.seconds()
        rates = _rates(reader)
    finally:
        reader.close()
    whole = {
        name: figures.get(name, 0)
        for name in ("accepted", "delivered", "waiting", "held", "dropped", "refused", "duplicates", "adopted", "bytes")
    }
    gaining = rates["10m"]["delivered"] - rates["10m"]["accepted"]
    return {
        **whole,
        "adds_up": whole["accepted"] == whole["delivered"] + whole["waiting"] + whole["held"] + whole["dropped"],
        "dropped_by_reason": _by_reason(figures, "dropped: "),
        "refused_by_reason": _by_reason(figures, "refused: "),
        "oldest_seconds": round(max(0.0, seconds - oldest.born), 1) if oldest else None,
        "oldest": oldest.id if oldest else None,
        "per_minute": rates,
        "seconds_to_empty": round(60 * whole["waiting"] / gaining)
        if gaining > 0
        else (0 if not whole["waiting"] else None),
        "courier": _courier(path),
    }


def _rates(reader: IndexReader) -> dict[str, dict[str, float]]:
    """Averages for each minute over the last whole minutes and the one that runs."""
    now = time.time()
    minutes = reader.minutes(int(now // 60) - max(SPANS.values()))
    rates = {}
    for name, span in SPANS.items():
        first = int(now // 60) - span
        inside = [row for row in minutes if row[0] >= first]
        length = span + (now / 60) % 1
        rates[name] = {
            column: round(sum(row[at] for row in inside) / length, 3) for at, column in enumerate(COLUMNS, 1)
        }
    return rates


def _by_reason(figures: dict[str, int], prefix: str) -> dict[str, int]:
    return {name[len(prefix) :]: value for name, value in sorted(figures.items()) if name.startswith(prefix) and value}


def _courier(path: Path) -> dict[str, Any] | None:
    try:
        status = json.loads((path / STATUS).read_text(encoding="utf-8"))
        return dict(status)
    except (OSError, ValueError, TypeError):
        return None
