"""A dataset's new lines: watching the file, and splitting what is new into train and eval.

Sedna counts lines and takes what is beyond the old count. So do we while a file only grows. Where it was replaced or
shrunk (Sedna then waits until it is longer than before, and reads lines that it knows) every line that the job has
not seen yet is new. A last line without a newline waits until the file holds still: somebody may be writing it.
Blank lines are no samples.
"""

from __future__ import annotations

import collections
import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable

from sedna_bridge.errors import BridgeError

LONGEST_LINE = 65536
"""Beyond this the real LC silently ignores the rest of the file."""
_STILL = 2.0


class DatasetError(BridgeError):
    """Raised when a job's dataset cannot be read."""


@dataclass(frozen=True)
class Look:
    """What one look at the file gave: new lines, the total, where to go on, the csv header, and what is odd."""

    new: Sequence[bytes]
    numbers: Sequence[int]
    total: int
    cursor: dict
    header: bytes = b""
    notes: Sequence[str] = field(default_factory=tuple)


def stamp(path: str) -> list:
    """What changes when a file changes."""
    try:
        facts = os.stat(path)
    except FileNotFoundError:
        raise DatasetError(f"{path} does not exist: write samples there, or correct the Dataset's url") from None
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from None
    if not os.path.isfile(path):
        raise DatasetError(f"{path} is not a file: a Dataset's url names the file with one sample per line")
    return [facts.st_mtime_ns, facts.st_size, facts.st_ino]


def look(path: str, kind: str, cursor: dict, seen: Callable[[], Iterable[bytes]], now: float) -> Look:
    """Read the file and tell what is new since `cursor` ({} at first). `seen` gives every line taken before."""
    before = stamp(path)
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from None
    waits = bool(raw) and not raw.endswith(b"\n") and now - before[0] / 1e9 < _STILL
    lines = raw.split(b"\n")
    if waits or not lines[-1]:
        lines.pop()
    lines = [line[:-1] if line.endswith(b"\r") else line for line in lines]
    notes = []
    blank = sum(1 for line in lines if not line.strip())
    if blank:
        notes.append(f"{blank} blank lines are no samples here; the real LC counts them")
    long = next((number for number, line in enumerate(lines, 1) if len(line) >= LONGEST_LINE), 0)
    if long:
        notes.append(f"line {long} is longer than 64 KiB: the real LC would ignore the rest of the file")
    places = [number for number, line in enumerate(lines, 1) if line.strip()]
    lines = [line for line in lines if line.strip()]
    header = b""
    if kind.lower() == "csv" and lines:
        header = lines.pop(0)
        places.pop(0)
    count = int(cursor.get("count", 0))
    if count and (len(lines) < count or _digest(lines[:count]) != cursor.get("digest")):
        known = collections.Counter(seen())
        new, numbers = [], []
        for number, line in zip(places, lines):
            if known[line] > 0:
                known[line] -= 1
            else:
                new.append(line)
                numbers.append(number)
        notes.append(f"the file was replaced or shrunk: {len(new)} of its {len(lines)} lines are new")
    else:
        new, numbers = lines[count:], places[count:]
    following: dict[str, Any] = {"count": len(lines), "digest": _digest(lines), "stamp": None if waits else before}
    return Look(new, numbers, len(lines), following, header, notes)


def count(path: str, kind: str) -> int:
    """How many samples the file holds, read line by line."""
    try:
        with open(path, "rb") as file:
            total = sum(1 for line in file if line.strip())
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from None
    return max(0, total - 1) if kind.lower() == "csv" else total


def _digest(lines: Sequence[bytes]) -> str:
    return hashlib.sha256(b"\n".join(lines)).hexdigest()


def train_share(count: int, prob: float, carry: float) -> tuple[int, float]:
    """How many of `count` new lines are for training, and what is carried on.

    As Sedna: the whole part of prob * count. Only where that would be nothing (a trickle of single lines, of which
    Sedna never trains any) the remainders add up.
    """
    share = int(prob * count)
    if share > 0:
        return min(share, count), carry
    total = prob * count + carry
    share = min(int(total + 1e-9), count)
    return share, total - share


def write_lines(path: str, lines: Iterable[bytes], header: bytes = b"") -> None:
    """A file of lines, written whole."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as file:
            for line in [header, *lines] if header else lines:
                file.write(line + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)
    sync_folder(os.path.dirname(path))


def sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
