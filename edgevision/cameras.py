"""The sources of a graph: those that its node names, and those in a file that may change while the graph runs."""
from __future__ import annotations

import os
from typing import NamedTuple, Sequence

from edgevision.errors import MediaError
from edgevision.url import camera_name


class Source(NamedTuple):
    """A camera's name, and the URL or file it comes from."""

    name: str
    url: str


def named(urls: Sequence[str], names: Sequence[str] = ()) -> list[Source]:
    """Sources with a name each: as given, else from the URL; equal names are told apart by a number.

    >>> [s.name for s in named(["a.mp4", "a.mp4", "rtsp://u:p@cam/1"])]
    ['a', 'a-2', 'cam/1']
    """
    if names and len(names) != len(urls):
        raise MediaError("camera: expected as many names as sources (%d), got %d" % (len(urls), len(names)))
    found: list[Source] = []
    used: set[str] = set()
    for place, url in enumerate(urls):
        base = names[place] if names and names[place] else camera_name(url)
        name, count = base, 2
        while name in used:
            name, count = "%s-%d" % (base, count), count + 1
        used.add(name)
        found.append(Source(name, url))
    return found


class SourceFile:
    """A text file with a camera in each line: `NAME URL`, or just the URL; # begins a comment.

    It also keeps passwords out of the graph.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._stamp: tuple[int, int, int] | None = None

    def changed(self) -> bool:
        """Whether it has changed since it was read."""
        return self._look() != self._stamp

    def read(self) -> list[Source]:
        stamp = self._look()
        try:
            with open(self.path, encoding="utf-8") as file:
                lines = file.read().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise MediaError("%s: cannot be read: %s" % (self.path, reason)) from None
        self._stamp = stamp
        urls, names = [], []
        for line in lines:
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            first, _, rest = line.partition(" ")
            alone = not rest.strip() or "://" in first or os.path.exists(line)
            urls.append(line if alone else rest.strip())
            names.append("" if alone else first)
        return named(urls, names)

    def _look(self) -> tuple[int, int, int] | None:
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def changes(before: Sequence[Source], after: Sequence[Source]) -> tuple[list[Source], list[Source]]:
    """Which sources to add and which to remove."""
    return [s for s in after if s not in before], [s for s in before if s not in after]
