"""Where exports and imports find examples: a spool, or a directory that is a target or a receiving server's store."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator

from sedna_bridge.errors import LabelsError, SpoolDamaged
from sedna_bridge.spool.files import SpoolFiles
from sedna_bridge.spool.spool import INDEX
from sedna_bridge.spool.survey import open_reader
from sedna_bridge.storage.directory import SIDECARS, DirectoryTarget
from sedna_bridge.storage.example import Example


class Examples:
    """Examples by name and one after the other. Damaged ones are counted in `damaged` and left out."""

    def __init__(self, path: Path) -> None:
        self.damaged = 0
        self.path = path
        self._directory: DirectoryTarget | None = None
        if (path / INDEX).exists():
            self._files = SpoolFiles(path)
        elif (path / SIDECARS).is_dir():
            self._directory = DirectoryTarget(str(path))
        else:
            raise LabelsError("%s is neither a spool nor a directory of hard examples with its %s/" % (path, SIDECARS))

    def __iter__(self) -> Iterator[Example]:
        if self._directory is not None:
            for id in self._directory.ids():
                yield from self._checked(id)
            return
        reader = open_reader(self.path)
        try:
            for entry in reader.entries("oldest"):
                yield from self._checked(entry.id, entry.segment)
        finally:
            reader.close()

    def get(self, id: str) -> Example | None:
        """The example of this name, if it is here and whole."""
        if self._directory is not None:
            return next(self._checked(id), None) if self._directory.has(id) else None
        reader = open_reader(self.path)
        try:
            found = reader.find(id)
        finally:
            reader.close()
        return next(self._checked(id, found[0].segment), None) if found else None

    def _checked(self, id: str, segment: int = 0) -> Iterator[Example]:
        try:
            yield self._directory.read(id) if self._directory is not None else self._files.read(id, segment)
        except SpoolDamaged:
            self.damaged += 1
