"""A power cut for a process that was killed: what it never synced is taken back, or half of it.

SIGKILL alone leaves everything in the kernel's memory, so that a missing fsync would never show. The recorder notes
each step of `storage.durable` in a file; the cut then does what a disk may do to whatever was not synced: contents are
cut short, names are lost, removed files are back. The index is left to SQLite, which syncs each commit itself.
"""

from __future__ import annotations

import os
import random
import threading
from pathlib import Path

from sedna_bridge.storage import durable

LOG = "steps"


class Recorder:
    """Watches `durable` from inside a child. One line for each step, written before or after it so that nothing that
    was not synced can look synced."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._log = os.open(str(folder / LOG), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._kept = 0
        self._lock = threading.Lock()
        durable.watch = self

    def __call__(self, what: str, *paths: str) -> None:
        kept = ""
        if what == "removing":
            with self._lock:
                self._kept += 1
                kept = str(self._folder / str(self._kept))
            try:
                os.link(paths[0], kept)
            except OSError:
                return
        line = "\t".join((what, str(threading.get_ident()), *paths, kept))
        os.write(self._log, (line + "\n").encode("utf-8"))


def cut(folder: Path, chance: random.Random) -> int:
    """Takes back steps that were not synced, each with an even chance; returns how many."""
    log = folder / LOG
    undone = 0
    if log.exists():
        lines = [line.split("\t") for line in log.read_text(encoding="utf-8").splitlines()]
        writing, steps = _unsynced(lines)
        for what, old, new in reversed(steps):
            if chance.random() < 0.5:
                undone += _undo(what, Path(old), Path(new))
        for path in writing:
            if os.path.exists(path) and chance.random() < 0.5:
                os.truncate(path, chance.randint(0, os.path.getsize(path)))
                undone += 1
    clean(folder)
    return undone


def clean(folder: Path) -> None:
    """Forgets what was recorded."""
    for path in folder.iterdir() if folder.exists() else ():
        path.unlink()


def _unsynced(lines: list[list[str]]) -> tuple[set[str], list[tuple[str, str, str]]]:
    """Files whose content, and renames and removals whose directory, were not synced when the process ended."""
    writing: set[str] = set()
    steps: list[tuple[int, str, str, str]] = []
    syncing: dict[tuple[str, str], int] = {}
    for number, (what, thread, path, *more) in enumerate(lines):
        if what == "writing":
            writing.add(path)
        elif what == "written":
            writing.discard(path)
        elif what == "renamed" or what == "removing":
            steps.append((number, what, path, more[0]))
        elif what == "syncing":
            syncing[thread, path] = number
        elif what == "synced":
            began = syncing.get((thread, path), 0)
            steps = [step for step in steps if step[0] > began or _directory(step) != path]
    return writing, [step[1:] for step in steps]


def _directory(step: tuple[int, str, str, str]) -> str:
    return os.path.dirname(step[3] if step[1] == "renamed" else step[2])


def _undo(what: str, old: Path, new: Path) -> int:
    try:
        if what == "renamed":
            os.replace(str(new), str(old))
        elif not old.exists():
            os.link(str(new), str(old))
    except OSError:
        return 0
    return 1
