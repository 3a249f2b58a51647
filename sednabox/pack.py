"""Where the flowunits, graphs, jobs and models that come with the product lie."""
from __future__ import annotations

import os
import sys


def folder(name: str) -> str:
    """The folder `name` (flowunits, graphs, jobs or models) of the checkout or the installation, "" for none."""
    checkout = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    for base in (checkout, os.path.join(sys.prefix, "share", "sednabox"), "/usr/share/sednabox"):
        path = os.path.join(base, name)
        if os.path.isdir(path) and (base != checkout or os.path.exists(os.path.join(checkout, "pyproject.toml"))):
            return path
    return ""
