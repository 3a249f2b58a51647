"""The folder with the embedded `_flowunit` and `modelbox`: importable only while the embedded engine is in use.

It is never on sys.path by itself, so that these modules cannot shadow the real ones.
"""
from __future__ import annotations

import os
import sys

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "modules")


def enter() -> None:
    """Make `import _flowunit` and `import modelbox` find the embedded ones, in this process."""
    if FOLDER not in sys.path:
        sys.path.insert(0, FOLDER)


def leave() -> None:
    """Take the folder off the path again; modules that were imported stay imported."""
    while FOLDER in sys.path:
        sys.path.remove(FOLDER)
