"""A graph file with some attributes changed, for an engine that reads files only."""
from __future__ import annotations

import json
import os
from typing import Any, Mapping

import tomlkit

from pocketbox import dot, graphfile, jsontext, tomltext
from pocketbox.errors import FormatError
from pocketbox.source import read_text


def changed_copy(path: str, settings: Mapping[tuple[str, str], str], profile: str = "") -> str:
    """The TOML text of the graph file with attributes of nodes set, and profiling into a folder switched on.

    A relative driver.dir becomes the folder beside the graph where the working directory has none: the real engine
    knows the working directory only.
    """
    graph = graphfile.load(path)
    for node, key in settings:
        if node not in graph.nodes:
            raise FormatError("there is no node '%s' to set %s on" % (node, key), None,
                              "Nodes: %s" % ", ".join(graph.nodes))
    text = read_text(path, "the graph file")
    reader = jsontext.loads if text.lstrip()[:1] == "{" else tomltext.loads
    values = reader(text, path).values
    table = values["graph"]
    folders = values.get("driver", {}).get("dir")
    if folders:
        values["driver"]["dir"] = graph.driver_dirs if isinstance(folders, list) else graph.driver_dirs[0]
    if settings:
        table["graphconf"] = _with_attributes(_graph_text(table), settings)
        table.pop("graphconffilepath", None)
    if profile:
        values["profile"] = dict(values.get("profile", {}), profile=True, trace=True, dir=os.path.abspath(profile))
    return tomlkit.dumps(values)


def _graph_text(table: Mapping[str, Any]) -> str:
    conf = table.get("graphconf", "")
    if isinstance(conf, list):
        return "\n".join(conf)
    return str(conf) or read_text(str(table.get("graphconffilepath", "")), "the graph text")


def _with_attributes(text: str, settings: Mapping[tuple[str, str], str]) -> str:
    """The DOT text with a statement for each setting before its last bracket: attributes of repeated nodes merge."""
    end = dot.parse(text).end
    lines = text.splitlines(keepends=True)
    at = sum(len(line) for line in lines[:end.line - 1]) + end.column - 1
    added = "".join("%s [%s=%s]\n" % (_quoted(node), _quoted(key), _quoted(value))
                    for (node, key), value in settings.items())
    return "%s\n%s%s" % (text[:at], added, text[at:])


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if "\\" not in text else '"%s"' % text.replace('"', '\\"')
