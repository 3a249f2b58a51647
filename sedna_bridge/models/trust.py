"""Whose signatures a store believes, and the counters that make old signed models stay old."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Mapping

from .durable import read_json, write_json, write_whole
from .errors import BadSignature, ModelError
from .record import FileEntry
from .signature import Statement, check, compare, key_id, load_public_key
from .store import ModelStore


class Trust:
    """The trusted keys of a store. A store with at least one key takes signed models only."""

    def __init__(self, store: ModelStore) -> None:
        self.store = store
        self.folder = store.root / "trust"
        self._counters = store.root / "counters.json"

    def add(self, public_key: Path) -> str:
        """Trust a public key (PEM); returns its id."""
        key = load_public_key(public_key)
        identity = key_id(key)
        write_whole(self.folder / (identity + ".pub"), public_key.read_bytes())
        self.store.history.add("trusted", key=identity)
        return identity

    def remove(self, identity: str) -> None:
        """Stop trusting a key."""
        path = self.folder / (identity + ".pub")
        if not path.exists():
            raise ModelError("no trusted key %r; trusted are %s." % (identity, ", ".join(self.identities()) or "none"))
        path.unlink()
        self.store.history.add("distrusted", key=identity)

    def identities(self) -> list[str]:
        return sorted(path.stem for path in self.folder.glob("*.pub"))

    @property
    def required(self) -> bool:
        return any(self.folder.glob("*.pub"))

    def keys(self) -> dict[str, Any]:
        return {path.stem: load_public_key(path) for path in sorted(self.folder.glob("*.pub"))}

    def now(self) -> float:
        """The time, which never runs behind what this store has already seen: a reset clock makes nothing young
        again."""
        return max(time.time(), float(self._read().get("latest", 0.0)))

    def _read(self) -> dict[str, Any]:
        value = read_json(self._counters)
        if value is None and self._counters.exists():
            raise ModelError(
                "%s cannot be read, so old signed models cannot be told from new ones; restore the file from a backup, "
                "or remove it to start counting anew." % self._counters
            )
        return value if isinstance(value, dict) else {}

    def counter(self, name: str) -> int:
        """The highest counter that was accepted for a model name; -1 when none was."""
        return int(self._read().get("counters", {}).get(name, -1))

    def check(self, envelope: str, name: str, version: str, counter: int, files: Mapping[str, FileEntry]) -> str:
        """Check a signature against this model and this store; the id of the signer. Raises BadSignature."""
        statement, signer = check(envelope, self.keys())
        compare(statement, name, version, counter, files)
        self._check_age(statement)
        return signer

    def _check_age(self, statement: Statement) -> None:
        if statement.expires is not None and self.now() > statement.expires:
            raise BadSignature(
                "the signature of %s@%s expired on %s; have the model signed again."
                % (
                    statement.name,
                    statement.version,
                    time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(statement.expires)),
                )
            )
        seen = self.counter(statement.name)
        if statement.counter < seen:
            raise BadSignature(
                "%s@%s has counter %d, but this store has already taken counter %d of %s: an old model is "
                "played again. "
                "Sign the model with a higher counter if it is really wanted."
                % (statement.name, statement.version, statement.counter, seen, statement.name)
            )

    def remember(self, name: str, counter: int) -> None:
        """Raise the counter of a name; it never falls."""
        with self.store.lock():
            value = self._read()
            counters = dict(value.get("counters", {}))
            counters[name] = max(counter, int(counters.get(name, -1)))
            write_json(
                self._counters, {"counters": counters, "latest": max(time.time(), float(value.get("latest", 0.0)))}
            )
