"""The Python that a child process is started with."""

from __future__ import annotations

import os
import shutil
import sys


def python() -> str:
    """Path of an interpreter of this version.

    Inside an engine that embeds Python, sys.executable is the engine's own program or nothing at all: then the
    interpreter beside the standard library is taken, else the first one on PATH.
    """
    names = ("python%d.%d" % sys.version_info[:2], "python%d" % sys.version_info[0], "python")
    if sys.executable and os.path.basename(sys.executable).startswith("python"):
        return sys.executable
    for prefix in (sys.prefix, sys.base_prefix, sys.exec_prefix):
        for name in names:
            path = os.path.join(prefix, "bin", name)
            if os.access(path, os.X_OK):
                return path
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    return sys.executable or names[0]
