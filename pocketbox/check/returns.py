"""Rules about what the methods of a flowunit return: a Status on every path."""

from __future__ import annotations

import ast
from typing import Callable, Iterator

from ..nearest import did_you_mean
from ..problem import ERROR, WARNING, Problem
from .unitcode import Function, UnitCode, called, calls, dotted, walk

STATUS_NAMES = (
    "STATUS_SUCCESS", "STATUS_FAULT", "STATUS_NOTFOUND", "STATUS_INVALID", "STATUS_AGAIN", "STATUS_BADCONF",
    "STATUS_NOMEM", "STATUS_RANGE", "STATUS_EXIST", "STATUS_INTERNAL", "STATUS_BUSY", "STATUS_PERMIT",
    "STATUS_NOTSUPPORT", "STATUS_NODATA", "STATUS_NOSPACE", "STATUS_NOBUFS", "STATUS_OVERFLOW", "STATUS_INPROGRESS",
    "STATUS_ALREADY", "STATUS_TIMEDOUT", "STATUS_NOSTREAM", "STATUS_RESET", "STATUS_CONTINUE", "STATUS_EDQUOT",
    "STATUS_STOP", "STATUS_SHUTDOWN", "STATUS_EOF",
)
_OUTCOME = {
    "open": "the build fails",
    "process": "the whole graph stops",
    "data_pre": "the stream becomes an error",
    "data_post": "the call fails",
}


def falls_through(body: list[ast.stmt]) -> bool:
    """Whether control can reach the end of these statements."""
    return not body or not any(_leaves(statement) for statement in body)


def _leaves(node: ast.stmt) -> bool:
    """Whether a statement always leaves the function (or never ends)."""
    if isinstance(node, (ast.Return, ast.Raise)):
        return True
    if isinstance(node, ast.If):
        return bool(node.orelse) and not falls_through(node.body) and not falls_through(node.orelse)
    if isinstance(node, (ast.With, ast.AsyncWith)):
        return not falls_through(node.body)
    if isinstance(node, ast.While):
        forever = isinstance(node.test, ast.Constant) and bool(node.test.value)
        return forever and not any(_breaks(child) for child in node.body)
    if isinstance(node, (ast.For, ast.AsyncFor)):
        return bool(node.orelse) and not falls_through(node.orelse) and not any(_breaks(child) for child in node.body)
    if isinstance(node, ast.Try) or type(node).__name__ == "TryStar":
        last = getattr(node, "finalbody", [])
        if last and not falls_through(last):
            return True
        body, handlers, orelse = node.body, node.handlers, node.orelse  # type: ignore[attr-defined]
        main = not falls_through(body) or (bool(orelse) and not falls_through(orelse))
        return main and all(not falls_through(handler.body) for handler in handlers)
    if type(node).__name__ == "Match":
        cases = node.cases  # type: ignore[attr-defined]
        last_case = cases[-1]
        default = (
            last_case.guard is None
            and type(last_case.pattern).__name__ == "MatchAs"
            and (last_case.pattern.pattern is None)
        )
        return default and all(not falls_through(case.body) for case in cases)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        return dotted(node.value.func) in ("sys.exit", "os._exit", "exit", "quit")
    return False


def _breaks(node: ast.AST) -> bool:
    """Whether a `break` in here would leave the loop around it."""
    if isinstance(node, ast.Break):
        return True
    if isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
        return any(_breaks(child) for child in node.orelse)
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
        return False
    return any(_breaks(child) for child in ast.iter_child_nodes(node))


def returns_of(function: Function) -> list[ast.Return]:
    return [node for node in walk(function) if isinstance(node, ast.Return)]


def _is_generator(function: Function) -> bool:
    return any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in walk(function))


def none_returned(code: UnitCode) -> Iterator[Problem]:
    for name, outcome in _OUTCOME.items():
        function = code.own(name)
        if function is None or function.name != name:
            continue
        severity = WARNING if name == "data_post" else ERROR
        if _is_generator(function):
            yield code.problem(
                "SB211",
                severity,
                "%s is a generator, expected a Status: %s" % (name, outcome),
                function,
                "Return modelbox.Status() instead of yielding",
            )
            continue
        for node in returns_of(function):
            if node.value is None or (isinstance(node.value, ast.Constant) and node.value.value is None):
                yield code.problem(
                    "SB211",
                    severity,
                    "%s returns None here, expected a Status: %s" % (name, outcome),
                    node,
                    "Return modelbox.Status()",
                )
        if falls_through(function.body):
            last = function.body[-1]
            yield code.problem(
                "SB211",
                severity,
                "%s can end without return, so it returns None: %s" % (name, outcome),
                last,
                "End it with: return modelbox.Status()",
            )


def other_type(code: UnitCode) -> Iterator[Problem]:
    for name, outcome in _OUTCOME.items():
        function = code.own(name)
        if function is None or _is_generator(function):
            continue
        for node in returns_of(function):
            value = node.value
            wrong = isinstance(value, (ast.List, ast.Tuple, ast.Dict, ast.JoinedStr, ast.BinOp, ast.Compare)) or (
                isinstance(value, ast.Constant) and value.value is not None
            )
            if wrong:
                yield code.problem(
                    "SB212",
                    ERROR,
                    "%s returns something that is no Status: %s" % (name, outcome),
                    node,
                    "Return modelbox.Status() or modelbox.Status.StatusCode.STATUS_...",
                )


def status_name(code: UnitCode) -> Iterator[Problem]:
    """There is no STATUS_OK in Python."""
    if code.tree is None:
        return
    for node in ast.walk(code.tree):
        if isinstance(node, ast.Attribute) and node.attr.startswith("STATUS_") and node.attr not in STATUS_NAMES:
            path = dotted(node)
            if "StatusCode" in path or path.split(".")[0] in code.sdk_names or node.attr == "STATUS_OK":
                cure = "Write STATUS_SUCCESS" if node.attr == "STATUS_OK" else did_you_mean(node.attr, STATUS_NAMES)
                yield code.problem("SB213", ERROR, "there is no %s in Python" % node.attr, node, cure)


def _status_returns(function: Function, name: str) -> Iterator[ast.Return]:
    for node in returns_of(function):
        if node.value is not None and any(
            isinstance(child, ast.Attribute) and child.attr == name for child in [node.value, *ast.walk(node.value)]
        ):
            yield node


def continue_returned(code: UnitCode) -> Iterator[Problem]:
    """CONTINUE says: I sent an event, call me again. Without the event nobody ever does."""
    process = code.own("process")
    if process is None or code.cls is None:
        return
    returned = list(_status_returns(process, "STATUS_CONTINUE"))
    if not returned:
        return
    if code.kind == "normal":
        yield code.problem(
            "SB217",
            ERROR,
            "a normal unit returns STATUS_CONTINUE: the real engine hangs",
            returned[0],
            "Return STATUS_SUCCESS, or make it a stream unit that sends events",
        )
        return
    sends = any(
        True
        for function in code.methods.values()
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and called(call) == "send_event"
    )
    if not sends and not code.unit.inputs and code.complete:
        yield code.problem(
            "SB218",
            WARNING,
            "process returns STATUS_CONTINUE but no event is sent: it is never called again",
            returned[0],
            "Call data_context.send_event(modelbox.FlowUnitEvent()) before",
        )


def stop_in_source(code: UnitCode) -> Iterator[Problem]:
    """STOP ends the whole graph at once; what is still on its way is lost."""
    if code.unit.inputs or code.cls is None:
        return
    for name in ("process", "data_post"):
        function = code.own(name)
        for node in _status_returns(function, "STATUS_STOP") if function is not None else ():
            yield code.problem(
                "SB219",
                WARNING,
                "a source returns STATUS_STOP: what it put out last never arrives",
                node,
                "Return STATUS_SUCCESS here, and STATUS_STOP from data_post of the last unit",
            )


def open_fails(code: UnitCode) -> Iterator[Problem]:
    """An open that can only raise or return a failure: the graph can never be built."""
    function = code.own("open")
    if function is None or falls_through(function.body) or _is_generator(function):
        return
    for node in returns_of(function):
        names = [child.attr for child in ast.walk(node) if isinstance(child, ast.Attribute)]
        statuses = [name for name in names if name.startswith("STATUS_")]
        if not statuses or "STATUS_SUCCESS" in statuses:
            return
    yield code.problem("SB215", ERROR, "open never succeeds, so no graph with it can be built", function.body[-1],
                       "Return modelbox.Status() when all is well")


def several_events(code: UnitCode) -> Iterator[Problem]:
    """Of several events sent in one call only the last is delivered."""
    process = code.own("process")
    if process is None:
        return
    for loop in walk(process):
        if isinstance(loop, (ast.For, ast.While)):
            for call in calls(loop, "send_event"):
                yield code.problem(
                    "SB220",
                    WARNING,
                    "send_event in a loop: only the last event of a call is delivered",
                    call,
                    "Send one event for each call of process",
                )
                return


RULES: tuple[Callable[[UnitCode], Iterator[Problem]], ...] = (
    none_returned,
    other_type,
    status_name,
    continue_returned,
    stop_in_source,
    open_fails,
    several_events,
)
