"""Where a relative file name in a graph leads.

It is looked up in the working directory first, then in the pack's home: the folder above `flowunits/` (or `flowunit/`),
which also holds `models/` and `graphs/`. So a graph runs from any directory, in a checkout and installed.
"""
from __future__ import annotations

import glob
import os

from edgevision.url import kind_of, local_path


def pack_home(unit_file: str) -> str:
    """The pack's home, from the `__file__` of a flowunit's module (home/flowunits/UNIT/UNIT.py)."""
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(unit_file))))


def find(name: str, unit_file: str) -> str:
    """The file, folder or glob that a name means; a name found nowhere comes back as it is, for the message."""
    if not name or kind_of(name) in ("stream", "webcam"):
        return name
    path = os.path.expanduser(local_path(name))
    if os.path.isabs(path) or _there(path):
        return path
    home = os.path.join(pack_home(unit_file), path)
    return home if _there(home) else path


def places(name: str, unit_file: str) -> str:
    """Where `find` looked, for a message about what is not there."""
    path = os.path.expanduser(local_path(name))
    if os.path.isabs(path):
        return path
    return "%s and %s" % (os.path.abspath(path), os.path.join(pack_home(unit_file), path))


def _there(path: str) -> bool:
    return os.path.exists(path) or (glob.has_magic(path) and bool(glob.glob(path, recursive=True)))
