"""What was offered and not accepted, until the index can be told."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter, deque
from typing import Any, Mapping

from sedna_bridge.spool.index import Index

LISTED = 1000


class Refusals:
    """Counts every refusal by its reason, without end, and remembers the latest one by one.

    `note` is called from the frame path, so it only remembers; `tell` writes. A disk that refuses everything for
    months costs a few numbers.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._latest: deque[tuple[str, str, int, float]] = deque(maxlen=LISTED)
        self._lock = threading.Lock()

    def note(self, reason: str, facts: Mapping[str, Any]) -> None:
        try:
            frame = int(facts.get("index") or 0)
        except (TypeError, ValueError, AttributeError):
            frame = 0
        with self._lock:
            self._counts[reason] += 1
            self._latest.append((reason, str(facts.get("camera") or "")[:200], frame, time.time()))

    def tell(self, index: Index) -> None:
        """Writes what is not written yet; keeps it where that fails."""
        with self._lock:
            counts, latest = Counter(self._counts), list(self._latest)
        if not counts:
            return
        try:
            index.refused(counts, latest)
        except (sqlite3.Error, OSError):
            return
        with self._lock:
            self._counts -= counts
            for _ in range(min(len(latest), len(self._latest))):
                self._latest.popleft()

    def add_to(self, figures: dict[str, int]) -> None:
        """Adds what is not written yet to the index's figures."""
        with self._lock:
            counts = dict(self._counts)
        for reason, number in counts.items():
            for name in ("refused", "refused: " + reason):
                figures[name] = figures.get(name, 0) + number


def why(error: Exception) -> str:
    """A failed write as one of a few reasons that can be counted."""
    text = (getattr(error, "strerror", None) or str(error)).lower()
    if "no space" in text or "full" in text or "quota" in text:
        return "disk full"
    if "read-only" in text or "readonly" in text:
        return "disk read-only"
    return "disk error: " + text[:80]
