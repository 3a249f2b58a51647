"""One process at a time owns a spool."""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from sedna_bridge.errors import SpoolBusy, SpoolError


class SpoolLock:
    """Held by the kernel, so that it ends with the process, however that ends."""

    def __init__(self, path: Path) -> None:
        try:
            self._handle = os.open(str(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise SpoolError("the spool %s cannot be locked: %s" % (path.parent, error.strerror)) from None
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._handle)
            if not isinstance(error, BlockingIOError):
                raise SpoolError(
                    "the spool %s cannot be locked: %s; it must lie on a disk of this machine"
                    % (path.parent, error.strerror)
                ) from None
            raise SpoolBusy(
                "the spool %s belongs to %s; stop it, or give this one another state directory"
                % (path.parent, owner(path))
            ) from None
        note = {"pid": os.getpid(), "since": time.time(), "command": " ".join(sys.argv)[:300]}
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, json.dumps(note).encode("utf-8"), 0)

    def release(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def owner(path: Path) -> str:
    """Who holds the lock, in words."""
    note = owner_note(path)
    return "process %s (%s)" % (note["pid"], note.get("command", "")) if note else "another process"


def owner_note(path: Path) -> dict[str, Any]:
    """What the last owner wrote; empty if nobody did. It does not say that the owner lives."""
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
        return note if "pid" in note else {}
    except (OSError, ValueError, TypeError):
        return {}
