"""A folder into which people or other programs drop models: files, archives or model folders; the newest is offered."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Callable

from ..archive import MANIFEST, MODEL_SUFFIXES
from ..errors import SourceError
from ..intake import Parcel, take_in
from ..offers import Offer
from ..store import ModelStore
from .base import Source
from .settled import Stillness, mark_of

ARCHIVES = (".tar", ".tar.gz", ".tgz", ".zip")
UNFINISHED = (".part", ".tmp", ".partial", ".crdownload", ".filepart")


class DropFolder(Source):
    """Offers the newest entry when it has held still for `settle` seconds. Hidden and unfinished names are left
    alone."""

    def __init__(
        self, folder: Path, period: float = 5.0, settle: float = 2.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.folder = Path(folder)
        self.period = period
        self.settle = settle
        self._still = Stillness(clock)

    @property
    def name(self) -> str:
        return "folder:%s" % self.folder

    def poll(self, store: ModelStore) -> Offer | None:
        try:
            entries = [Path(entry.path) for entry in os.scandir(str(self.folder))]
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SourceError("%s cannot be read: %s" % (self.folder, error.strerror)) from None
        found = [(self._print(path), path) for path in entries if self._fits(path)]
        newest = max(((mark[2], path.name, mark, path) for mark, path in found if mark), default=None)
        if newest is None:
            return None
        _, _, mark, path = newest
        if self._still.seconds((path, mark)) < self.settle:
            return None
        parcel = Parcel(source=self.name, inherit=store.pointer().active or "" if path.is_file() else "")
        return Offer(
            "%s|%s|%s" % (self.name, path.name, mark),
            path.name,
            lambda store, progress: take_in(store, path, parcel),
            self.name,
        )

    def _fits(self, path: Path) -> bool:
        name = path.name.lower()
        if name.startswith(".") or name.endswith(UNFINISHED) or path.is_symlink():
            return False
        if path.is_dir():
            return (path / MANIFEST).is_file()
        return name.endswith(ARCHIVES) or path.suffix.lower() in MODEL_SUFFIXES

    def _print(self, path: Path) -> tuple[int, int, int] | None:
        """Inode, size and newest time; of a folder over all its files."""
        if path.is_file():
            return mark_of(path)
        marks = [mark for mark in (mark_of(child) for child in path.rglob("*") if child.is_file()) if mark]
        own = mark_of(path)
        if not own:
            return None
        return own[0], sum(mark[1] for mark in marks), max([own[2], *(mark[2] for mark in marks)])
