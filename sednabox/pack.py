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


def find_graph(name: str, beside: str) -> tuple[str, list[str]]:
    """A graph's path, "" when there is none, and where it was looked for: a name of the pack, or a path."""
    places = [os.path.join(beside, name)] if name.endswith(".toml") or os.sep in name else [
        os.path.join(place, name + ".toml") for place in (beside, folder("graphs")) if place]
    for path in places:
        if os.path.isfile(path):
            return path, places
    return "", places


def graph(text: str) -> str:
    """What a command line calls a graph, as a path: a file or folder as it is, else one of the pack's by its name."""
    return text if os.path.exists(text) else find_graph(text, "")[0] or text
