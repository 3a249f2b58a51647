"""The store's log: one line of JSON for each thing that happened to a model, readable by people with `sednabox model
log`.

Lines are appended under a lock and synced; a line that a power cut has torn is stepped over by readers and closed by
the next writer. When the file passes its size it becomes history.1.jsonl, so the log can run for years.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, Callable, Iterator

from .locks import FileLock

MAX_BYTES = 4 << 20


class History:
    """Append to and read the log of one store. A `listener` hears of each line that this process has written."""

    def __init__(self, root: Path, max_bytes: int = MAX_BYTES) -> None:
        self.path = root / "history.jsonl"
        self.older = root / "history.1.jsonl"
        self.max_bytes = max_bytes
        self.listener: Callable[[dict[str, Any]], None] | None = None
        self._lock = root / "history.lock"

    def add(self, event: str, version: str = "", **facts: Any) -> dict[str, Any]:
        """Write one line and sync it."""
        entry: dict[str, Any] = {"at": round(time.time(), 3), "event": event, "version": version}
        entry.update((key, value) for key, value in facts.items() if value not in (None, ""))
        line = json.dumps(entry, ensure_ascii=False, sort_keys=False).encode("utf-8") + b"\n"
        with FileLock(self._lock, "the history").take(10.0):
            if self.path.exists() and self.path.stat().st_size > self.max_bytes:
                os.replace(str(self.path), str(self.older))
            fd = os.open(str(self.path), os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            try:
                size = os.fstat(fd).st_size
                if size and os.pread(fd, 1, size - 1) != b"\n":
                    line = b"\n" + line
                os.write(fd, line)
                os.fsync(fd)
            finally:
                os.close(fd)
        if self.listener is not None:
            self.listener(entry)
        return entry

    def add_once(self, mark: str, event: str, version: str = "", **facts: Any) -> None:
        """Write a line unless one with this mark is among the latest: for steps that a restart does again."""
        if not any(entry.get("mark") == mark for entry in self.read(limit=200)):
            self.add(event, version, mark=mark, **facts)

    def read(self, limit: int | None = None, version: str = "") -> list[dict[str, Any]]:
        """The latest entries, oldest first."""
        found: list[dict[str, Any]] = []
        for raw in self._texts(0 if version or not limit else limit * 1024):
            for line in raw.split(b"\n"):
                try:
                    entry = json.loads(line.decode("utf-8"))
                except ValueError:
                    continue
                if isinstance(entry, dict) and (not version or entry.get("version") == version):
                    found.append(entry)
        return found[-limit:] if limit else found

    def _texts(self, tail: int) -> Iterator[bytes]:
        """The files, older first; or, when it is long enough, only the end of the newer one, cut at a line."""
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            size = 0
        if tail and size > tail:
            with open(str(self.path), "rb") as file:
                file.seek(size - tail)
                yield file.read().partition(b"\n")[2]
            return
        for path in (self.older, self.path):
            try:
                yield path.read_bytes()
            except FileNotFoundError:
                continue
