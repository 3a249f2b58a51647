"""Rules about graphs that would build, but not do what their author thinks."""
from __future__ import annotations

import ast
import os
from typing import Callable, Iterator

from ..graph import Edge
from ..problem import ERROR, WARNING, Problem
from ..resolve import BoundNode, Resolved
from .counting import conditional_push
from .view import GraphView, node_problem

INSTALLED = "/opt/modelbox/application/"


def relative_dirs(view: GraphView) -> Iterator[Problem]:
    """The real engine takes a relative folder from the working directory only."""
    graph = view.resolved.graph
    written = graph.settings.get("driver.dir", [])
    folders = [written] if isinstance(written, str) else list(written)  # type: ignore[call-overload]
    named = {os.path.realpath(folder) for folder in folders if os.path.isabs(folder)}
    for folder in folders:
        beside = os.path.join(os.path.dirname(graph.file), folder)
        if folder.startswith(INSTALLED) and not os.path.isdir(folder):
            continue        # where a pack lies on boxes; graphs name it beside the folder of the checkout
        if not os.path.isdir(folder) and not os.path.isdir(beside):
            yield Problem("SB302", WARNING, "driver.dir '%s' does not exist; it is passed over" % folder,
                          view.place("driver.dir"), cure="Correct or remove it")
        elif not os.path.isabs(folder) and os.path.realpath(beside) not in named:
            yield Problem("SB301", WARNING, "driver.dir '%s' is relative: the real engine takes it from the working "
                          "directory, not from the graph's folder" % folder, view.place("driver.dir"),
                          cure="Write a full path, or run from the right folder")


def skip_default(view: GraphView) -> Iterator[Problem]:
    if view.resolved.graph.flag("driver.skip-default", False):
        yield Problem(
            "SB303",
            ERROR,
            "skip-default = true hides the reader of graphs and Python units too: the real engine loads no graph",
            view.place("driver.skip-default"),
            cure="Write skip-default = false",
        )


def never_ends(view: GraphView) -> Iterator[Problem]:
    """A finite graph on the real engine ends only when a unit returns STOP."""
    finite = [
        node
        for node in view.resolved.nodes.values()
        if node.descriptor is not None and not node.inputs and _is_file(node.attributes.get("source_url", ""))
    ]
    if not finite:
        return
    for unit in {node.descriptor.name for node in view.resolved.nodes.values() if node.descriptor is not None}:
        code = view.code.get(unit)
        if code is None:
            continue
        if not code.complete or any("STATUS_STOP" in ast.dump(method) for method in code.methods.values()):
            return
    yield node_problem(
        finite[0],
        "SB304",
        WARNING,
        "it reads a file, and no unit returns STATUS_STOP: on the real engine flow -run never ends",
        "source_url",
        "Return STATUS_STOP from data_post of the last unit",
    )


def _is_file(url: str) -> bool:
    return bool(url) and "://" not in url and not url.startswith("$") and not url.startswith("/dev/")


def missing_file(view: GraphView) -> Iterator[Problem]:
    for node in view.resolved.nodes.values():
        url = node.attributes.get("source_url", "")
        if node.descriptor is None or not _is_file(url) or "," in url or os.path.exists(url):
            continue
        beside = os.path.join(os.path.dirname(view.resolved.graph.file), url)
        cure = "A relative file is taken from the working directory" if os.path.exists(beside) else "Correct the name"
        yield node_problem(
            node,
            "SB305",
            WARNING,
            "the file '%s' is not there; the real engine crashes on it" % url,
            "source_url",
            cure,
        )


def strict_dot(view: GraphView) -> Iterator[Problem]:
    graph = view.resolved.graph
    if graph.strict_dot:
        yield Problem(
            "SB309",
            WARNING,
            "'strict digraph' merges all edges between the same two nodes into one",
            graph.place,
            cure="Write digraph",
        )


def text_behind(view: GraphView) -> Iterator[Problem]:
    """A bracket too early ends the graph, and nobody reads on."""
    rest = view.resolved.graph.rest
    if rest is not None:
        yield Problem("SB319", WARNING, "what stands here, behind the graph's last bracket, is never read", rest,
                      cure="Look for a '}' too many before it, or remove it")


def skipped_nodes(view: GraphView) -> Iterator[Problem]:
    graph = view.resolved.graph
    for name in view.resolved.skipped:
        yield Problem(
            "SB316",
            WARNING,
            "node '%s' is left out because strict = false" % name,
            graph.nodes[name].place,
            name,
            cure="Connect it or remove it",
        )


def odd_arrays(view: GraphView) -> Iterator[Problem]:
    graph = view.resolved.graph
    for key in graph.odd_arrays:
        yield Problem(
            "SB013",
            ERROR,
            "array '%s' holds more than strings: the real engine aborts when it reads this file" % key,
            view.place(key),
            cure='Write an array of strings: ["1", "2"]',
        )


def webui_dir(view: GraphView) -> Iterator[Problem]:
    if isinstance(view.resolved.graph.settings.get("driver.dir"), str):
        yield Problem(
            "SB317",
            WARNING,
            "driver.dir is one text; the WebUI hangs when it opens such a graph",
            view.place("driver.dir"),
            cure="Write a list: dir = [\"...\"]",
        )


def filtered_join(view: GraphView) -> Iterator[Problem]:
    """A stream that lost buffers on its way no longer matches the one that did not."""
    resolved = view.resolved
    into: dict[str, list[Edge]] = {name: [] for name in resolved.nodes}
    for edge in resolved.edges:
        into[edge.target].append(edge)
    filters = {name for name, node in resolved.nodes.items() if _filters(node, view)}
    for name, node in resolved.nodes.items():
        if len(node.inputs) < 2:
            continue
        seen = {port: _filters_on_way(resolved, into, name, port, filters) for port in node.inputs}
        everywhere = set.intersection(*seen.values())
        for port, found in seen.items():
            for culprit in sorted(found - everywhere):
                yield node_problem(
                    node,
                    "SB318",
                    ERROR,
                    "port '%s' gets a stream from which node '%s' takes buffers out, "
                    "another port gets the whole stream: they do not match" % (port, culprit),
                    "",
                    "Join before the filter, or let %s put out an empty result instead" % culprit,
                )


def _filters(node: BoundNode, view: GraphView) -> bool:
    unit = node.descriptor
    if unit is None or not node.inputs or not unit.stream or unit.condition or unit.expand or unit.collapse:
        return False
    code = view.code.get(unit.name)
    return code is not None and conditional_push(code) is not None


def _filters_on_way(
    resolved: Resolved, into: dict[str, list[Edge]], name: str, port: str, filters: set[str]
) -> set[str]:
    waiting = [edge.source for edge in into[name] if edge.target_port == port]
    seen: set[str] = set()
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting += [edge.source for edge in into[node]]
    return seen & filters


RULES: tuple[Callable[[GraphView], Iterator[Problem]], ...] = (
    relative_dirs, skip_default, never_ends, missing_file, strict_dot, text_behind, skipped_nodes, odd_arrays,
    webui_dir, filtered_join)
