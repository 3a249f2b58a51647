"""Who may do what at the same time, held by flock, so that a process that dies frees what it held.

Lock order, outermost first; nobody takes an outer lock while holding an inner one:

    runner    one pipeline at a time runs swaps on a store; held for the life of that pipeline
    store     short changes of the store's metadata; never held while hashing, downloading or loading
    lease     shared: "I use this version"; a sweep takes it exclusively without waiting before it removes anything
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Any

from .errors import StoreBusy


class FileLock:
    """A flock on a file of its own. Also excludes other holders within one process: each has its own descriptor."""

    def __init__(self, path: Path, what: str) -> None:
        self.path = path
        self.what = what
        self._fd: int | None = None

    @property
    def held(self) -> bool:
        return self._fd is not None

    def take(self, timeout: float = 0.0, shared: bool = False) -> FileLock:
        """Take the lock within `timeout` seconds or raise StoreBusy naming the holder."""
        fd = os.open(str(self.path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        deadline = time.monotonic() + timeout
        while True:
            try:
                fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    holder = os.pread(fd, 64, 0).decode("ascii", "replace").strip()
                    os.close(fd)
                    raise StoreBusy(
                        "%s is held by %s (%s); waited %.1f s. Try again when it has finished."
                        % (self.what, "process " + holder if holder else "another process", self.path, timeout)
                    ) from None
                time.sleep(0.01)
            except BaseException:
                os.close(fd)
                raise
        if not shared:
            os.ftruncate(fd, 0)
            os.pwrite(fd, b"%d\n" % os.getpid(), 0)
        self._fd = fd
        return self

    def free(self) -> None:
        """Give the lock back; harmless when it is not held."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    def __enter__(self) -> FileLock:
        if self._fd is None:
            self.take()
        return self

    def __exit__(self, *exc: Any) -> None:
        self.free()


def is_held(path: Path) -> bool:
    """Whether some process holds this lock now (or holds it shared)."""
    try:
        fd = os.open(str(path), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
