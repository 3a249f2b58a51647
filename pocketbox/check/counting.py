"""How many buffers a unit puts out for those that it gets, as far as its code tells."""
from __future__ import annotations

import ast
from typing import Iterator

from .unitcode import UnitCode, called, calls, context_name, port_call, port_names, walk

UNKNOWN = -1000     # a count that reading cannot tell


def input_loops(code: UnitCode) -> Iterator[ast.For]:
    """The loops of process over the buffers of an input."""
    process = code.own("process")
    context = context_name(process) if process is not None else ""
    if process is None or not context:
        return
    names = set(port_names(process, context, "input"))
    for loop in walk(process):
        parts = list(ast.walk(loop.iter)) if isinstance(loop, ast.For) else []
        named = any(isinstance(part, ast.Name) and part.id in names for part in parts)
        called_here = any((port_call(part, context) or ("", ""))[0] == "input" for part in parts)
        if isinstance(loop, ast.For) and (named or called_here):
            yield loop


def conditional_push(code: UnitCode) -> ast.AST | None:
    """The push_back in process that is reached for some inputs only, or None."""
    process = code.own("process")
    for node in walk(process) if process is not None else ():
        picky = isinstance(node, (ast.ListComp, ast.GeneratorExp)) and any(part.ifs for part in node.generators)
        if picky and any(True for _ in calls(node, "push_back")):
            return node
    for loop in input_loops(code):
        receivers = {ast.dump(call.func.value): call for call in calls(loop, "push_back")
                     if isinstance(call.func, ast.Attribute)}
        for receiver, call in receivers.items():
            found = counts(loop, receiver)
            if len(found) > 1 and min(found) >= 0:
                return call
            if any(way in ("break", "success") for _count, way in _counts(loop.body, receiver)):
                return call
    return None


def counts(loop: ast.For, receiver: str = "") -> set[int]:
    """How many buffers one turn of a loop may put out: to one receiver, or to any when it is empty."""
    return {count for count, way in _counts(loop.body, receiver) if way in ("next", "continue")}


def _counts(body: list[ast.stmt], receiver: str) -> set[tuple[int, str]]:
    """The count on each way through these statements, and how the way ends."""
    ways = {(0, "next")}
    for statement in body:
        done = {way for way in ways if way[1] != "next"}
        ways = done | {(max(count + more, UNKNOWN), end) for count, way in ways if way == "next"
                       for more, end in _statement(statement, receiver)}
    return ways


def _statement(node: ast.stmt, receiver: str) -> set[tuple[int, str]]:
    if isinstance(node, ast.If):
        return _counts(node.body, receiver) | _counts(node.orelse, receiver)
    if isinstance(node, (ast.With, ast.AsyncWith)):
        return _counts(node.body, receiver)
    if isinstance(node, ast.Try):
        ways = _counts(node.body + node.orelse, receiver)
        for handler in node.handlers:
            ways = ways | _counts(handler.body, receiver)
        return ways
    if isinstance(node, ast.Continue):
        return {(0, "continue")}
    if isinstance(node, ast.Break):
        return {(0, "break")}
    if isinstance(node, ast.Return) and _is_success(node):
        return {(0, "success")}
    if isinstance(node, (ast.Return, ast.Raise)):
        return {(0, "leave")}
    pushes = [call for call in [*calls(node, "push_back")] if isinstance(call.func, ast.Attribute)
              and receiver in ("", ast.dump(call.func.value))]
    certain = not any(isinstance(part, (ast.For, ast.AsyncFor, ast.While, ast.IfExp, ast.BoolOp, ast.ListComp))
                      for part in [node, *walk(node)])
    return {(len(pushes) if certain or not pushes else UNKNOWN, "next")}


def _is_success(node: ast.Return) -> bool:
    """return ...STATUS_SUCCESS or return Status()."""
    value = node.value
    if isinstance(value, ast.Call):
        return called(value) == "Status" and not value.args
    return isinstance(value, ast.Attribute) and value.attr == "STATUS_SUCCESS"
