"""Levels: in which expands and conditions each port lies, and who closes them again.

Every port has a stack of levels, outermost first. A source opens the stack, expand and condition push, collapse pops
its expand, and a port fed by several branches of one condition pops that condition. Ports of one node must lie on the
same level, or the buffers could never be matched.
"""
from __future__ import annotations

from typing import Any, NamedTuple, Tuple

from ..place import Place
from ..problem import Problem


class Level(NamedTuple):
    """One entry of a stack: `kind` is source, expand or if; `port` is the branch of an if."""

    kind: str
    node: str
    port: str = ""


Stack = Tuple[Level, ...]


class Topology:
    """What the scheduler needs to know of the graph's shape."""

    def __init__(self) -> None:
        self.outputs: dict[tuple[str, str], Stack] = {}
        self.levels: dict[str, Stack] = {}
        self.merges: dict[tuple[str, str], tuple[str, set[str]]] = {}   # (node, port) -> condition, its ports
        self.expands: dict[str, str] = {}                               # collapse -> its expand
        self.downstream: dict[str, set[str]] = {}


def kind_of(descriptor: Any) -> str:
    """How a node treats streams; the flags that win when several are set are those of the real engine."""
    if descriptor.expand:
        return "expand"
    if descriptor.collapse:
        return "collapse"
    if descriptor.condition:
        return "condition"
    return "stream" if descriptor.stream else "normal"


def _problem(code: str, node: str, message: str, cure: str, place: Place | None, port: str = "") -> Problem:
    return Problem(code, "error", message, place, node, port, cure, after_open=True)


def _show(stack: Stack) -> str:
    inner = ["%s %s" % ({"expand": "inside expand", "if": "in a branch of condition"}.get(v.kind, "from"), v.node)
             + (":" + v.port if v.port else "") for v in stack if v.kind != "source"]
    return ", ".join(inner) if inner else "in the stream of %s" % (stack[0].node if stack else "nobody")


def order(names: list[str], edges: list[Any]) -> list[str]:
    """Names sorted so that sources come first; nodes on a cycle are left out."""
    waiting = dict.fromkeys(names, 0)
    after: dict[str, list[str]] = {n: [] for n in names}
    for edge in edges:
        if edge.source in waiting and edge.target in waiting:
            waiting[edge.target] += 1
            after[edge.source].append(edge.target)
    done = [n for n in names if not waiting[n]]
    for name in done:
        for target in after[name]:
            waiting[target] -= 1
            if not waiting[target]:
                done.append(target)
    return done


def analyse(resolved: Any) -> tuple[Topology, list[Problem]]:
    """The levels of all ports, and every place where they do not fit."""
    top, problems = Topology(), []
    nodes = resolved.nodes
    feeds: dict[tuple[str, str], list[Any]] = {}
    for edge in resolved.edges:
        feeds.setdefault((edge.target, edge.target_port), []).append(edge)
    for name in order(list(nodes), resolved.edges):
        node = nodes[name]
        stacks: list[tuple[str, Stack]] = []
        broken = False
        for port in node.inputs:
            edges = feeds.get((name, port), [])
            ways = [top.outputs.get((e.source, e.source_port)) for e in edges]
            if not ways or any(w is None for w in ways):
                broken = True
                continue
            stack, problem = _join_edges(top, name, port, edges, ways)  # type: ignore[arg-type]
            if problem:
                problems.append(problem)
                broken = True
            else:
                stacks.append((port, stack))
        if broken:
            continue
        level = _node_level(name, node, stacks, problems)
        if level is None:
            continue
        top.levels[name] = level
        _open_outputs(top, name, node, level, problems)
    _reach(top, resolved)
    return top, problems


def _join_edges(top: Topology, name: str, port: str, edges: list[Any],
                ways: list[Stack]) -> tuple[Stack, Problem | None]:
    if len(ways) == 1:
        return ways[0], None
    tails = [w[-1] for w in ways]
    conditions = {v.node for v in tails}
    branches = [v.port for v in tails]
    if (len({w[:-1] for w in ways}) == 1 and len(conditions) == 1 and all(v.kind == "if" for v in tails)
            and len(set(branches)) == len(branches)):
        top.merges[(name, port)] = (tails[0].node, set(branches))
        return ways[0][:-1], None
    sources = " and ".join("%s:%s" % (e.source, e.source_port) for e in edges)
    return (), _problem(
        "SB050", name, "port %s:%s is fed by %s, which are not different branches of one condition" % (
            name, port, sources),
        "Edges may meet in one port only to merge the branches of a condition; give the unit one port for each.",
        edges[1].place, port)


def _node_level(name: str, node: Any, stacks: list[tuple[str, Stack]], problems: list[Problem]) -> Stack | None:
    if not stacks:
        return (Level("source", "the graph's inputs" if node.kind == "input" else name),)
    first_port, first = stacks[0]
    for port, stack in stacks[1:]:
        if stack == first:
            continue
        if len(stack) == len(first) and stack[:-1] == first[:-1] and stack[-1].node == first[-1].node:
            why = "are two branches of condition %s; a frame takes only one of them" % stack[-1].node
            cure = "Merge the branches into one port."
        elif stack[0] != first[0]:
            why = "come from different sources (%s and %s)" % (first[0].node, stack[0].node)
            cure = "Buffers of two sources cannot be matched; make one source feed both ports."
        else:
            why = "lie on different levels (%s; %s)" % (_show(first), _show(stack))
            cure = "Collapse the expanded side, or merge the branches, before joining."
        problems.append(_problem("SB051", name, "the inputs %s and %s of node %s %s" % (
            first_port, port, name, why), cure, node.place, port))
        return None
    return first


def _open_outputs(top: Topology, name: str, node: Any, level: Stack, problems: list[Problem]) -> None:
    kind = kind_of(node.descriptor) if node.descriptor else "normal"
    for port in node.outputs:
        stack = level
        if kind == "expand":
            stack = (*level, Level("expand", name))
        elif kind == "condition":
            stack = (*level, Level("if", name, port))
        elif kind == "collapse":
            if level[-1].kind != "expand":
                inside = level[-1].kind == "if"
                problems.append(_problem(
                    "SB052", name, "collapse node %s has no expand before it" % name if not inside else
                    "collapse node %s lies in a branch of condition %s" % (name, level[-1].node),
                    "Merge the branches before collapsing." if inside else "Put an expand unit upstream.", node.place))
                return
            top.expands[name] = level[-1].node
            stack = level[:-1]
        top.outputs[(name, port)] = stack


def _reach(top: Topology, resolved: Any) -> None:
    direct: dict[str, set[str]] = {n: set() for n in resolved.nodes}
    for edge in resolved.edges:
        if edge.source in direct:
            direct[edge.source].add(edge.target)
    for name in reversed(order(list(resolved.nodes), resolved.edges)):
        found = set(direct[name])
        for target in direct[name]:
            found |= top.downstream.get(target, set())
        top.downstream[name] = found


def check(resolved: Any) -> list[Problem]:
    """The problems alone, for `sednabox check`."""
    return analyse(resolved)[1]
