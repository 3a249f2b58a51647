"""A directory as a target: HE_SAVED_URL of a Sedna worker, a mounted share, or the receiving server's own store.

```
<id>.jpg               the clean pictures, side by side as Sedna's users expect them
sidecars/<id>.json     what is known about each; an example is complete when its sidecar is there
```
`sednabox spool import-labels` adds `data.txt`, a Sedna dataset of the pictures that were labelled.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Iterator

from sedna_bridge.errors import SpoolDamaged, StorageError, TargetAway
from sedna_bridge.storage import failpoints
from sedna_bridge.storage.durable import make_directory, remove, sweep, sync_directory, write_whole
from sedna_bridge.storage.example import ID, Example
from sedna_bridge.storage.target import Pace, Target, unpaced

SIDECARS = "sidecars"
INCOMING = ".incoming"
LEFT_FOR_GOOD = 86400.0
LASTING = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG}


class DirectoryTarget(Target):
    """Stores examples as files, each whole and on the disk before `put` returns."""

    def __init__(self, path: str, pace: Pace = unpaced) -> None:
        self.path = Path(path)
        self.where = str(self.path)
        self._pace = pace
        self._incoming = self.path / INCOMING
        self._prepared = False
        if self.path.exists() and not self.path.is_dir():
            raise StorageError("the target must be a directory, but %s is a file" % self.path)

    def put(self, example: Example) -> bool:
        try:
            if self.has(example.id):
                self._sync()
                return False
            self._pace(example.size)
            self.prepare()
            write_whole(self.picture_path(example.id), example.picture, self._incoming)
            failpoints.reach("directory.picture")
            write_whole(self.sidecar_path(example.id), example.sidecar, self._incoming)
        except OSError as error:
            advice = "check its rights" if error.errno in LASTING else "is it full or gone?"
            raise TargetAway(
                "cannot write to the directory %s: %s; %s" % (self.path, error.strerror, advice)
            ) from error
        failpoints.reach("directory.stored")
        return True

    def prepare(self) -> None:
        """Makes the directories, and takes away what writers that were killed long ago left."""
        if not self._prepared:
            make_directory(self.path / SIDECARS)
            make_directory(self._incoming)
            sweep(self._incoming, LEFT_FOR_GOOD)
            self._prepared = True

    def _sync(self) -> None:
        """Whoever wrote what is already here may have been cut off before it was on the disk."""
        sync_directory(self.path)
        sync_directory(self.path / SIDECARS)

    def has(self, id: str) -> bool:
        """Whether the example is complete: the sidecar is written last."""
        return self.sidecar_path(id).exists() and self.picture_path(id).exists()

    def read(self, id: str) -> Example:
        """The example, checked. Raises SpoolDamaged."""
        try:
            found = Example(id, self.sidecar_path(id).read_bytes(), self.picture_path(id).read_bytes())
        except OSError as error:
            raise SpoolDamaged("example %s cannot be read from %s: %s" % (id[:12], self.path, error.strerror)) from None
        return found.check()

    def remove(self, id: str) -> None:
        """Takes an example away, the sidecar first."""
        remove(self.sidecar_path(id))
        remove(self.picture_path(id))

    def ids(self) -> Iterator[str]:
        """The names of all complete examples, in no order, in constant memory."""
        try:
            entries = os.scandir(str(self.path / SIDECARS))
        except FileNotFoundError:
            return
        with entries:
            for entry in entries:
                name, _, suffix = entry.name.partition(".")
                if suffix == "json" and ID.match(name):
                    yield name

    def picture_path(self, id: str) -> Path:
        return self.path / (id + ".jpg")

    def sidecar_path(self, id: str) -> Path:
        return self.path / SIDECARS / (id + ".json")
