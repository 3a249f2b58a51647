"""Finds, without running anything, what is wrong with graphs and flowunits: build errors and the engine's traps.

A rule is one small function that yields problems; the modules here hold them by what they look at. `codes` explains
each code.
"""

from __future__ import annotations

import os
from typing import Any, Callable, Iterable, Iterator, Sequence

from .. import graphfile
from ..catalog import Catalog
from ..descriptor import Descriptor
from ..errors import FormatError
from ..problem import ERROR, Problem
from ..resolve import resolve
from . import attributes, buffers, descriptors, graphs, interpreter, lifecycle, python38, returns, sdkcalls
from .folders import graph_files, unit_folders
from .unitcode import UnitCode
from .view import GraphView

UNIT_RULES = (*lifecycle.RULES, *returns.RULES, *buffers.RULES, *sdkcalls.RULES, *python38.RULES, *interpreter.RULES)
GRAPH_RULES = (*graphs.RULES, *attributes.RULES)


def check(path: str) -> list[Problem]:
    """All problems of a graph file, or of all graphs and flowunits in a folder, in the order of their places."""
    if os.path.isdir(path):
        return check_folder(path)
    return _sorted(check_graph(path))


def check_graph(path: str) -> list[Problem]:
    """Problems of one graph file and of the units that it uses."""
    try:
        graph = graphfile.load(path)
    except FormatError as error:
        return [Problem.of("SB002" if error.stage == "build" else "SB001", error)]
    catalog = Catalog.scan(graph.driver_dirs)
    resolved, problems = resolve(graph, catalog)
    used = _unique(node.descriptor for node in resolved.nodes.values() if node.descriptor is not None)
    code = {unit.name: UnitCode(unit) for unit in used if unit.type == "python" and unit.factory is None}
    single = {unit.name for unit in used if all(
        node.batch_size == 1 for node in resolved.nodes.values() if node.descriptor is unit)}
    problems += [problem for problem in check_units(used, code)
                 if problem.code != "SB242" or not any("'%s'" % name in problem.message for name in single)]
    view = GraphView(resolved, code)
    for rule in GRAPH_RULES:
        problems += _apply(rule, view)
    named = {os.path.basename(unit.folder) for unit in used}
    problems += [problem for problem in catalog.problems if _concerns(problem, named, used, graph.nodes.values())]
    return problems


def check_units(units: Sequence[Descriptor], code: dict[str, UnitCode] | None = None) -> list[Problem]:
    """Problems of descriptors and of the Python behind them."""
    problems: list[Problem] = []
    for unit in units:
        if unit.type == "builtin" or (unit.factory is not None and unit.type != "inference"):
            continue
        for rule in descriptors.RULES:
            problems += _apply(rule, unit)
        if unit.type == "python":
            read = (code or {}).get(unit.name) or UnitCode(unit)
            for unit_rule in UNIT_RULES:
                problems += _apply(unit_rule, read)
    for pack_rule in descriptors.PACK_RULES:
        problems += pack_rule(units)
    return problems


def check_folder(path: str) -> list[Problem]:
    """Problems of everything in a folder: each graph, and each flowunit whether a graph uses it or not."""
    problems: list[Problem] = []
    for file in graph_files(path):
        problems += check_graph(file)
    catalog = Catalog.scan(unit_folders(path), builtin=False)
    problems += catalog.problems
    problems += check_units(catalog.units())
    return _sorted(problems)


def _apply(rule: Callable[[Any], Iterator[Problem]], subject: Any) -> list[Problem]:
    """What a rule finds; code nested so deeply that it cannot be followed is left alone."""
    try:
        return list(rule(subject))
    except RecursionError:
        return []


def failed(problems: Iterable[Problem], strict: bool = False) -> bool:
    """Whether these problems are reason enough to refuse: errors, or with `strict` warnings too."""
    return any(strict or problem.severity == ERROR for problem in problems)


def _unique(units: Iterable[Descriptor]) -> list[Descriptor]:
    found: dict[tuple[str, str], Descriptor] = {}
    for unit in units:
        found.setdefault((unit.name, unit.device), unit)
    return list(found.values())


def _concerns(problem: Problem, folders: set[str], used: Sequence[Descriptor], nodes: Iterable[object]) -> bool:
    """A graph answers for every file in its folders that makes the engine abort, else only for the units it uses."""
    if problem.code == "SB013":
        return True
    files = {unit.file for unit in used}
    names = {getattr(node, "unit", "") for node in nodes}
    stem = os.path.splitext(os.path.basename(problem.place.file))[0]
    return (
        problem.place.file in files or stem in names or any("'%s'" % name in problem.message for name in names if name)
    )


def _sorted(problems: Iterable[Problem]) -> list[Problem]:
    """Each problem once, by place; what a graph and a folder both tell is told once."""
    found: dict[tuple[object, ...], Problem] = {}
    for problem in problems:
        found.setdefault((problem.place, problem.code, problem.message), problem)
    return sorted(found.values(), key=lambda p: (p.place, p.severity, p.code))
