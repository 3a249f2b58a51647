"""What the receiving server keeps: complete examples, pictures without a sidecar yet, files that come in pieces."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

from sedna_bridge.errors import SpoolDamaged, StorageError, TargetAway
from sedna_bridge.storage import failpoints
from sedna_bridge.storage.directory import INCOMING, LEFT_FOR_GOOD, SIDECARS, DirectoryTarget
from sedna_bridge.storage.durable import remove
from sedna_bridge.storage.example import Example, digest
from sedna_bridge.storage.http import repr_digest

PICTURE, SIDECAR = ".jpg", ".json"


class Refusal(Exception):
    """Raised to answer a request with a status and a reason."""

    def __init__(self, status: int, reason: str, retry_after: int | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


class ExampleStore:
    """A directory target with a quota, which takes examples whole, in two files, or in pieces.

    Everything is idempotent. Only what is checked and on the disk counts as stored.
    """

    def __init__(
        self, path: str, quota: int = 0, floor: int = 64 * 1024 * 1024, largest: int = 64 * 1024 * 1024
    ) -> None:
        self.directory = DirectoryTarget(path)
        self.quota = quota
        self.floor = floor
        self.largest = largest
        self._incoming = Path(path) / INCOMING
        self._locks: dict[str, tuple[threading.Lock, int]] = {}
        self._lock = threading.Lock()
        try:
            self.directory.prepare()
            self.count, self.bytes = self._measure()
        except OSError as error:
            raise StorageError("the store %s cannot be used: %s" % (path, error)) from None

    def put(self, example: Example) -> bool:
        """Stores a whole example; False if it was there."""
        try:
            example.check()
        except SpoolDamaged as error:
            raise Refusal(422, str(error)) from None
        with self._named(example.id):
            return self._keep(example)

    def put_file(self, id: str, suffix: str, data: bytes, told: str = "") -> bool:
        """Stores one of an example's two files; the sidecar comes last and completes it."""
        if told and told != repr_digest(data):
            raise Refusal(409, "the content is not what Repr-Digest says; send it again")
        with self._named(id):
            return self._complete(id, suffix, data)

    def append(self, id: str, suffix: str, offset: int, length: int, piece: bytes, told: str) -> tuple[int, bool]:
        """Adds a piece; returns how much there is now and whether the file became new and complete.

        A piece at 0 begins anew; an empty one at the end completes what was cut off before its check.
        """
        if length > self.largest:
            raise Refusal(413, "an example may have %d bytes, not %d" % (self.largest, length))
        with self._named(id):
            part = self._part(id, suffix)
            if not offset:
                remove(part)
            there = part.stat().st_size if part.exists() else 0
            if offset != there or offset + len(piece) > length:
                raise Refusal(409, "the piece begins at %d, but %d of %d bytes are here" % (offset, there, length))
            self._room(len(piece))
            with open(str(part), "ab") as file:
                file.write(piece)
            if offset + len(piece) < length:
                return offset + len(piece), False
            failpoints.reach("cloud.pieced")
            data = part.read_bytes()
            remove(part)
            if told != repr_digest(data):
                raise Refusal(409, "the pieces together are not what Repr-Digest says; send them again")
            return length, self._complete(id, suffix, data)

    def state(self, id: str, suffix: str) -> tuple[bytes | None, int]:
        """The file if it is here as a whole, and how many bytes of it are."""
        path = self._final(id, suffix)
        for candidate in (path, self._waiting(id)) if suffix == PICTURE else (path,):
            try:
                data = candidate.read_bytes()
                return data, len(data)
            except FileNotFoundError:
                continue
        part = self._part(id, suffix)
        try:
            return None, part.stat().st_size
        except FileNotFoundError:
            return None, 0

    def stats(self) -> dict[str, Any]:
        return {"examples": self.count, "bytes": self.bytes, "quota": self.quota}

    def _complete(self, id: str, suffix: str, data: bytes) -> bool:
        if suffix == PICTURE:
            if self.directory.has(id):
                return False
            self._room(len(data))
            waiting = self._waiting(id)
            temporary = waiting.with_suffix(".tmp")
            temporary.write_bytes(data)
            os.replace(str(temporary), str(waiting))
            return True
        if self.directory.has(id) and data == self._final(id, SIDECAR).read_bytes():
            return self._keep(Example(id, data, b""))
        try:
            picture = self._waiting(id).read_bytes()
        except FileNotFoundError:
            raise Refusal(409, "the picture of example %s is not here; send it first" % id[:12]) from None
        example = Example(id, data, picture)
        try:
            example.check()
        except SpoolDamaged as error:
            if digest(data) != id:
                raise Refusal(422, str(error)) from None
            remove(self._waiting(id))
            raise Refusal(409, "%s; send the picture again" % error) from None
        return self._keep(example)

    def _keep(self, example: Example) -> bool:
        failpoints.reach("cloud.received")
        if not self.directory.has(example.id):
            self._room(example.size)
        try:
            new = self.directory.put(example)
        except TargetAway as error:
            raise Refusal(507, str(error), 60) from None
        remove(self._waiting(example.id))
        if new:
            with self._lock:
                self.count += 1
                self.bytes += example.size
        failpoints.reach("cloud.stored")
        return new

    def _room(self, size: int) -> None:
        if size > self.largest:
            raise Refusal(413, "an example may have %d bytes, not %d" % (self.largest, size))
        if self.quota and self.bytes + size > self.quota:
            raise Refusal(507, "the quota of %d bytes is used up" % self.quota, 600)
        space = os.statvfs(str(self.directory.path))
        if space.f_bavail * space.f_frsize - size < self.floor:
            raise Refusal(507, "the disk of the store is full", 600)

    def _measure(self) -> tuple[int, int]:
        count = total = 0
        for id in self.directory.ids():
            try:
                total += self._final(id, PICTURE).stat().st_size + self._final(id, SIDECAR).stat().st_size
                count += 1
            except FileNotFoundError:
                continue
        now = time.time()
        for left in self._incoming.iterdir():
            if now - left.stat().st_mtime > LEFT_FOR_GOOD:
                remove(left)
        return count, total

    def _named(self, id: str) -> _Held:
        return _Held(self._locks, self._lock, id)

    def _final(self, id: str, suffix: str) -> Path:
        return (
            self.directory.path / (id + PICTURE)
            if suffix == PICTURE
            else self.directory.path / SIDECARS / (id + SIDECAR)
        )

    def _waiting(self, id: str) -> Path:
        return self._incoming / (id + PICTURE)

    def _part(self, id: str, suffix: str) -> Path:
        return self._incoming / (id + suffix + ".part")


class _Held:
    """Only one request at a time works on one example; the lock goes when nobody wants it any more."""

    def __init__(self, locks: dict[str, tuple[threading.Lock, int]], guard: threading.Lock, id: str) -> None:
        self._locks, self._guard, self._id = locks, guard, id

    def __enter__(self) -> None:
        with self._guard:
            lock, users = self._locks.get(self._id, (threading.Lock(), 0))
            self._locks[self._id] = (lock, users + 1)
        lock.acquire()

    def __exit__(self, *_: Any) -> None:
        with self._guard:
            lock, users = self._locks.pop(self._id)
            if users > 1:
                self._locks[self._id] = (lock, users - 1)
        lock.release()
