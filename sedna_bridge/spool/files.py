"""The files of a spool.

```
spool/
  lock                  who owns it
  index.db              what is here, in SQLite
  incoming/             half-written files; swept when the spool is opened
  entries/00000001/     <id>.jpg and <id>.json, a thousand entries to a segment
  damaged/              entries that were not what was written, kept for people
```
A crash leaves files without an index entry only in the newest segment, since every batch goes there. So opening a
spool of a million entries reads one directory.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Iterable, Iterator, Sequence

from sedna_bridge.errors import SpoolDamaged
from sedna_bridge.storage import failpoints
from sedna_bridge.storage.durable import make_directory, remove, rename, sync_directory, write_synced
from sedna_bridge.storage.example import ID, Example

SEGMENT = 1000
WRITERS = 8
DAMAGED_KEPT = 256 * 2**20


class SpoolFiles:
    """Reads and writes entries; knows nothing of the index."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.entries = root / "entries"
        self.incoming = root / "incoming"
        self.damaged = root / "damaged"
        self._writers = ThreadPoolExecutor(WRITERS, "spool-file")
        self.segment = 0
        self._in_segment = 0

    def prepare(self) -> None:
        """Makes the directories, sweeps what a crash left half-written, and finds the newest segment."""
        for path in (self.entries, self.incoming):
            make_directory(path)
        for left in self.incoming.iterdir():
            remove(left)
        self.segment = max(self.segments(), default=0)
        self._in_segment = sum(1 for _ in self.names(self.segment))

    def segments(self) -> list[int]:
        return sorted(int(entry.name) for entry in os.scandir(str(self.entries)) if entry.name.isdigit())

    def names(self, segment: int) -> Iterator[str]:
        """The names of what lies in a segment, complete or not."""
        try:
            found = {entry.name.partition(".")[0] for entry in os.scandir(str(self._directory(segment)))}
        except FileNotFoundError:
            return
        yield from sorted(name for name in found if ID.match(name))

    def begin(self, count: int) -> int:
        """The segment for the next batch; a full one is followed by a new one."""
        if self.segment == 0 or self._in_segment >= SEGMENT:
            make_directory(self._directory(self.segment + 1))
            self.segment += 1
            self._in_segment = 0
        self._in_segment += count
        return self.segment

    def write(self, example: Example) -> None:
        """Puts both files on the disk, under names that are not theirs yet."""
        write_synced(self.incoming / (example.id + ".jpg"), example.picture)
        failpoints.reach("spool.picture")
        write_synced(self.incoming / (example.id + ".json"), example.sidecar)
        failpoints.reach("spool.written")

    def write_all(self, examples: Sequence[Example]) -> list[OSError | None]:
        """Writes a batch; for each example the error that it met, if any.

        Several wait for the disk at a time: the kernel then serves them with the same flushes.
        """
        if len(examples) == 1:
            return [self._tried(examples[0])]
        return list(self._writers.map(self._tried, examples))

    def _tried(self, example: Example) -> OSError | None:
        try:
            self.write(example)
        except OSError as error:
            return error
        return None

    def close(self) -> None:
        self._writers.shutdown(wait=False)

    def name(self, example_id: str, segment: int) -> None:
        """Gives both files their names; the sidecar's makes the entry complete."""
        directory = self._directory(segment)
        for suffix in (".jpg", ".json"):
            rename(self.incoming / (example_id + suffix), directory / (example_id + suffix))
            failpoints.reach("spool.renamed")

    def sync(self, segment: int) -> None:
        sync_directory(self._directory(segment))

    def discard(self, example_id: str) -> None:
        """Takes back what `write` did."""
        for suffix in (".json", ".jpg"):
            remove(self.incoming / (example_id + suffix))

    def read(self, id: str, segment: int) -> Example:
        """The entry, every byte checked. Raises SpoolDamaged."""
        directory = self._directory(segment)
        try:
            found = Example(id, (directory / (id + ".json")).read_bytes(), (directory / (id + ".jpg")).read_bytes())
        except OSError as error:
            raise SpoolDamaged("example %s cannot be read in %s: %s" % (id[:12], directory, error.strerror)) from None
        return found.check()

    def remove(self, entries: Iterable[tuple[str, int]]) -> None:
        """Removes entries by name and segment, and segments that are empty then."""
        touched = set()
        for id, segment in entries:
            directory = self._directory(segment)
            remove(directory / (id + ".json"))
            failpoints.reach("spool.removing")
            remove(directory / (id + ".jpg"))
            touched.add(segment)
        for segment in touched - {self.segment}:
            self.remove_if_empty(segment)

    def remove_if_empty(self, segment: int) -> None:
        try:
            os.rmdir(str(self._directory(segment)))
        except OSError:
            pass

    def put_aside(self, id: str, segment: int) -> None:
        """Moves a damaged entry out of the way; people may look at it, within bounds."""
        make_directory(self.damaged)
        for suffix in (".json", ".jpg"):
            try:
                os.replace(str(self._directory(segment) / (id + suffix)), str(self.damaged / (id + suffix)))
            except FileNotFoundError:
                continue
        kept = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in self.damaged.iterdir())
        total = sum(size for _, size, _ in kept)
        for _, size, path in kept:
            if total <= DAMAGED_KEPT:
                break
            remove(path)
            total -= size

    def free(self) -> int:
        """Bytes that an ordinary user may still write to this disk."""
        space = os.statvfs(str(self.root))
        return space.f_bavail * space.f_frsize

    def path(self, id: str, segment: int, suffix: str) -> Path:
        return self._directory(segment) / (id + suffix)

    def _directory(self, segment: int) -> Path:
        return self.entries / ("%08d" % segment)
