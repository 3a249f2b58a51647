"""Copies the pack into the shape of a ModelBox project: CMakeLists.txt, src/flowunit, src/graph, and src/models.

A copy, because people edit it: an upgrade must not take their changes, and theirs must not change the installation.
src/ is the pack's home for the copied units, so that "models/little" and "graph/media/..." are found in it.
"""
from __future__ import annotations

import os
import re
import shutil
import tempfile
from typing import Any, Sequence

import tomlkit

from pocketbox import tomltext
from pocketbox.errors import PocketboxError
from pocketbox.nearest import did_you_mean
from pocketbox.source import read_text

from .pack import folder as pack_folder

APPLICATIONS = "/opt/modelbox/application"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*\Z")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "CMakeLists.txt")
CMAKE = """cmake_minimum_required(VERSION 3.10)
#[[ ModelBox's tools read the project's name from the next line; a real call of this form would ask for a compiler.
project({name})
]]
PROJECT({name} LANGUAGES NONE)

# Units and graphs are installed where ModelBox looks for applications.
if(CMAKE_SOURCE_DIR STREQUAL CMAKE_BINARY_DIR)
  message(FATAL_ERROR "Build in a folder of its own: cmake -B build")
endif()
install(DIRECTORY src/flowunit src/graph src/models DESTINATION {applications}/{name}
        PATTERN "__pycache__" EXCLUDE)
"""


class ProjectError(Exception):
    """Raised when a project cannot be made; nothing is left behind."""


def make(target: str, graphs: Sequence[str] = (), units: str = "") -> tuple[int, int]:
    """Make the project; the numbers of units and graphs in it."""
    target = os.path.abspath(target)
    name = os.path.basename(target)
    if not _NAME.match(name):
        raise ProjectError("the folder's name '%s' becomes the project's name; expected letters, digits, '_' and '-', "
                           "with a letter first" % name)
    if os.path.lexists(target) and not (os.path.isdir(target) and not os.listdir(target)):
        raise ProjectError("%s is there already; name a new folder, or remove it" % target)
    units = units or pack_folder("flowunits")
    own = pack_folder("graphs")
    if not units or not os.path.isdir(units) or not own:
        raise ProjectError("the pack's flowunits and graphs are not installed here; name units with --units DIR")
    parent = os.path.dirname(target)
    try:
        os.makedirs(parent, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".%s-" % name, dir=parent) as scratch:
            made = os.path.join(scratch, name)
            counts = _fill(made, target, name, units, own, graphs)
            if os.path.isdir(target):
                os.rmdir(target)
            os.rename(made, target)
    except (OSError, shutil.Error) as error:
        raise ProjectError("%s cannot be written: %s" % (target, error)) from None
    return counts


def _fill(made: str, target: str, name: str, units: str, own: str, wanted: Sequence[str]) -> tuple[int, int]:
    source = os.path.join(made, "src")
    for unit in sorted(os.listdir(units)):
        if os.path.isdir(os.path.join(units, unit)) and unit != "__pycache__":
            shutil.copytree(os.path.join(units, unit), os.path.join(source, "flowunit", unit), ignore=_LEFT_OUT)
    os.makedirs(os.path.join(source, "graph"))
    known = {file[:-5]: file for file in sorted(os.listdir(own)) if file.endswith(".toml")}
    for graph in wanted or known:
        file = known.get(graph[:-5] if graph.endswith(".toml") else graph)
        if file is None:
            raise ProjectError("there is no graph '%s'. %s" % (graph, did_you_mean(graph, known)))
        text = project_graph(os.path.join(own, file), target, name)
        with open(os.path.join(source, "graph", file), "w", encoding="utf-8") as stream:
            stream.write(text)
    if os.path.isdir(os.path.join(own, "media")):
        shutil.copytree(os.path.join(own, "media"), os.path.join(source, "graph", "media"))
    models = pack_folder("models")
    if models:
        shutil.copytree(models, os.path.join(source, "models"))
    else:
        os.makedirs(os.path.join(source, "models"))
    with open(os.path.join(made, "CMakeLists.txt"), "w", encoding="utf-8") as stream:
        stream.write(CMAKE.format(name=name, applications=APPLICATIONS))
    return len(os.listdir(os.path.join(source, "flowunit"))), len(wanted or known)


def project_graph(path: str, target: str, name: str) -> str:
    """A graph as the WebUI can open it: driver.dir a list of full paths, the DOT text one string."""
    try:
        values = tomltext.loads(read_text(path, "the graph file"), path).values
    except PocketboxError as error:
        raise ProjectError(str(error)) from None
    values.setdefault("driver", {})["dir"] = [os.path.join(target, "src", "flowunit"),
                                              "%s/%s/flowunit" % (APPLICATIONS, name)]
    graph = values.get("graph", {})
    text = graph.get("graphconf", "")
    text = "\n".join(text) if isinstance(text, list) else str(text)
    graph["graphconf"] = tomlkit.string(text.replace("graphs/media/", "graph/media/"), multiline=True)
    return tomlkit.dumps(_document(values))


def _document(values: dict[str, Any]) -> tomlkit.TOMLDocument:
    document = tomlkit.document()
    for key, value in values.items():
        document.add(key, value if isinstance(value, dict) else tomlkit.item(value))
    return document
