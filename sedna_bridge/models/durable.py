"""Files that matter are written whole: a reader sees the old text or the new one, also after a power cut."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any, Union

AnyPath = Union[str, "os.PathLike[str]"]


def sync_folder(folder: AnyPath) -> None:
    """Make the names in a folder survive a power cut."""
    fd = os.open(os.fspath(folder), os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_file(path: AnyPath) -> None:
    """Make the bytes of a file survive a power cut."""
    fd = os.open(os.fspath(path), os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_whole(path: AnyPath, data: str | bytes, mode: int = 0o644) -> None:
    """Replace a file in one step: temporary file, fsync, rename, fsync of the folder."""
    target = Path(path)
    raw = data.encode("utf-8") if isinstance(data, str) else data
    fd, name = tempfile.mkstemp(prefix="." + target.name[:40] + ".", suffix=".tmp", dir=str(target.parent))
    try:
        with os.fdopen(fd, "wb") as out:
            out.write(raw)
            out.flush()
            os.fchmod(out.fileno(), mode)
            os.fsync(out.fileno())
        os.replace(name, str(target))
    except BaseException:
        try:
            os.unlink(name)
        except OSError:
            pass
        raise
    sync_folder(target.parent)


def write_json(path: AnyPath, value: Any) -> None:
    """Replace a JSON file in one step."""
    write_whole(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def read_json(path: AnyPath) -> Any | None:
    """The value of a JSON file, or None where there is no such file, or not one that can be read as JSON."""
    try:
        with open(os.fspath(path), encoding="utf-8") as file:
            return json.load(file)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def remove_whole(path: AnyPath) -> bool:
    """Remove a file for good; says whether it was there."""
    try:
        os.unlink(os.fspath(path))
    except FileNotFoundError:
        return False
    sync_folder(Path(path).parent)
    return True
