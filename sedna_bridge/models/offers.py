"""What a source offers, and the ledger of offers that were dealt with, so that none is tried twice unless asked."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Callable

from .durable import read_json, write_json
from .record import VersionRecord
from .store import ModelStore

Progress = Callable[[int, "int | None"], None]


@dataclass(frozen=True)
class Offer:
    """Something that a source has. `key` changes when the bytes, or their version, change; `fetch` brings it into the
    store.

    `fetch(store, progress)` calls progress(bytes so far, bytes in all or None) often; what progress raises ends the
    fetch.
    """

    key: str
    version: str
    fetch: Callable[[ModelStore, Progress], VersionRecord]
    source: str = ""


class OfferLedger:
    """offers.json of a store: how each offer ended."""

    def __init__(self, store: ModelStore) -> None:
        self.store = store
        self.path = store.root / "offers.json"

    def ended(self, key: str) -> dict[str, Any] | None:
        """How this offer ended before; None when it is new."""
        return self._read().get(key)

    def end(self, key: str, verdict: str, version: str) -> None:
        with self.store.lock():
            known = self._read()
            known[key] = {"verdict": verdict, "version": version, "at": round(time.time(), 3)}
            write_json(self.path, dict(sorted(known.items(), key=lambda item: item[1]["at"])[-1000:]))

    def forget(self, version: str) -> None:
        """Let a source offer a version again, because a person asked."""
        with self.store.lock():
            known = self._read()
            write_json(self.path, {key: entry for key, entry in known.items() if entry["version"] != version})

    def _read(self) -> dict[str, Any]:
        value = read_json(self.path)
        return value if isinstance(value, dict) else {}
