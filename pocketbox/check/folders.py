"""Finds graphs and flowunits in a folder."""

from __future__ import annotations

import os
from typing import Iterator

from .. import jsontext, tomltext
from ..errors import FormatError
from ..source import read_text

DEEPEST = 8
PASSED_OVER = ("node_modules", "__pycache__", "build", "dist", "venv", "site-packages")


def _files(top: str) -> Iterator[str]:
    for folder, subfolders, files in os.walk(top):
        depth = os.path.relpath(folder, top).count(os.sep)
        subfolders[:] = sorted(
            name for name in subfolders if depth < DEEPEST and not name.startswith(".") and name not in PASSED_OVER
        )
        for name in sorted(files):
            if name.endswith((".toml", ".json")):
                yield os.path.join(folder, name)


def _tables(path: str) -> dict[str, object]:
    """The top level of a file, {} when it cannot be read."""
    try:
        text = read_text(path, "the file")
        reader = jsontext.loads if path.endswith(".json") else tomltext.loads
        return reader(text, path).values
    except FormatError:
        return {}


def graph_files(top: str) -> list[str]:
    """Files that hold a graph, and files that cannot be read but look like one by their text."""
    found = []
    for path in _files(top):
        table = _tables(path).get("graph")
        if (isinstance(table, dict) and ("graphconf" in table or "graphconffilepath" in table)) or (
            not table and _looks_broken(path)
        ):
            found.append(path)
    return found


def _looks_broken(path: str) -> bool:
    try:
        text = read_text(path, "the file")
    except FormatError:
        return False
    return "graphconf" in text and "digraph" in text


def unit_folders(top: str) -> list[str]:
    """Folders that hold descriptors of flowunits; a file with [base] is one."""
    found: dict[str, None] = {}
    for path in _files(top):
        if path.endswith(".toml") and isinstance(_tables(path).get("base"), dict):
            found[os.path.dirname(path)] = None
    return list(found)
