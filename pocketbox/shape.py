"""The shape of a whole graph: loops, separate parts, and sources that meet."""
from __future__ import annotations

from typing import TYPE_CHECKING

from .problem import ERROR, Problem

if TYPE_CHECKING:
    from .resolve import Resolved


def shape_problems(resolved: Resolved, whole: bool) -> list[Problem]:
    """Problems of the graph as a whole. When it is not `whole` (edges are missing), only loops can be told."""
    problems = _unused_ends(resolved)
    loops = _loops(resolved)
    problems += loops
    if whole and resolved.nodes:
        parts = _parts(resolved)
        problems += parts
        if not loops and not parts:
            problems += _meeting_sources(resolved)
    return problems


def _successors(resolved: Resolved) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {name: [] for name in resolved.nodes}
    for edge in resolved.edges:
        if edge.target not in out[edge.source]:
            out[edge.source].append(edge.target)
    return out


def _unused_ends(resolved: Resolved) -> list[Problem]:
    """Input and output nodes without an edge; those of flowunits were told with their nodes."""
    edges = resolved.graph.edges
    used = {edge.source for edge in edges} | {edge.target for edge in edges}
    return [Problem("SB034", ERROR, f"{node.kind} node '{name}' is not connected", node.place, name, name,
                    "Connect it, or remove it", after_open=True)
            for name, node in resolved.nodes.items() if node.descriptor is None and name not in used]


def _loops(resolved: Resolved) -> list[Problem]:
    problems: list[Problem] = []
    after = _successors(resolved)
    for edge in resolved.edges:
        if edge.source == edge.target:
            problems.append(Problem("SB029", ERROR, f"node '{edge.source}' feeds itself: {edge!r}", edge.place,
                                    edge.source, edge.target_port, "Remove the edge; a graph may not loop",
                                    after_open=True))
    waiting = dict.fromkeys(after, 0)
    for name, targets in after.items():
        for target in targets:
            if target != name:
                waiting[target] += 1
    ready = [name for name, count in waiting.items() if count == 0]
    while ready:
        for target in after[ready.pop()]:
            if waiting.get(target):
                waiting[target] -= 1
                if waiting[target] == 0:
                    ready.append(target)
    left = {name for name, count in waiting.items() if count}
    while left:
        ring = _ring(after, left)
        if not ring:
            break
        shown = " -> ".join([*ring, ring[0]])
        problems.append(Problem("SB030", ERROR, f"the graph has a loop: {shown}",
                                resolved.nodes[ring[0]].place, ring[0], "", "Remove one of its edges", after_open=True))
        left -= set(ring)
    return problems


def _ring(after: dict[str, list[str]], left: set[str]) -> list[str]:
    """One loop among the nodes `left`; [] when none is there any more."""
    done: set[str] = set()
    for start in (name for name in after if name in left):
        path: list[str] = []
        on_path: dict[str, int] = {}
        name = start
        stack = [iter([start])]
        while stack:
            step = next(stack[-1], None)
            if step is None:
                stack.pop()
                if path:
                    name = path.pop()
                    del on_path[name]
                    done.add(name)
                continue
            if step in on_path:
                return path[on_path[step]:]
            if step in done or step not in left:
                continue
            on_path[step] = len(path)
            path.append(step)
            stack.append(iter([target for target in after[step] if target != step]))
    return []




def _parts(resolved: Resolved) -> list[Problem]:
    """A graph must hang together; all input nodes count as one, and so do all output nodes."""
    parent = {name: name for name in resolved.nodes}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for edge in resolved.edges:
        parent[root(edge.source)] = root(edge.target)
    for kind in ("input", "output"):
        ends = [name for name, node in resolved.nodes.items() if node.kind == kind]
        for name in ends[1:]:
            parent[root(name)] = root(ends[0])
    first = next(iter(resolved.nodes))
    others = [name for name in resolved.nodes if root(name) != root(first)]
    if not others:
        return []
    return [Problem("SB031", ERROR, f"the graph falls into separate parts: '{others[0]}' is not connected "
                    f"with '{first}'", resolved.nodes[others[0]].place, others[0], "",
        "Put each part into a graph of its own", after_open=True)]


def _meeting_sources(resolved: Resolved) -> list[Problem]:
    """Streams of two sources have nothing in common, so no unit can match them."""
    sources: dict[str, set[str]] = {name: set() for name in resolved.nodes}
    after = _successors(resolved)
    waiting = dict.fromkeys(resolved.nodes, 0)
    for targets in after.values():
        for target in targets:
            waiting[target] += 1
    ready = [name for name, count in waiting.items() if count == 0]
    for name in ready:
        sources[name] = {"the input nodes" if resolved.nodes[name].kind == "input" else f"'{name}'"}
    problems: list[Problem] = []
    while ready:
        name = ready.pop(0)
        found = sources[name]
        if len(found) > 1:
            problems.append(Problem(
                "SB032", ERROR, f"node '{name}' joins the streams of several sources: " + ", ".join(sorted(found)),
                resolved.nodes[name].place, name, "", "Only streams of one source can be joined", after_open=True))
            found = set(sorted(found)[:1])
        for target in after[name]:
            sources[target] |= found
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(target)
    return problems
