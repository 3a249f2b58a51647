"""Rules about the interpreter inside the real engine: ASCII files, many threads, one space for all."""
from __future__ import annotations

import ast
from typing import Callable, Iterator

from ..problem import ERROR, WARNING, Problem
from .unitcode import UnitCode, called, calls, dotted, text_argument, walk


def text_encoding(code: UnitCode) -> Iterator[Problem]:
    """The real engine's interpreter reads and writes ASCII unless told otherwise."""
    if code.tree is None:
        return
    for call in (node for node in ast.walk(code.tree) if isinstance(node, ast.Call)):
        if any(word.arg == "encoding" or word.arg is None for word in call.keywords):
            continue
        name = dotted(call.func)
        if name in ("open", "io.open"):
            mode = next(
                (word.value for word in call.keywords if word.arg == "mode"),
                call.args[1] if len(call.args) > 1 else None,
            )
            if len(call.args) > 3 or (isinstance(mode, ast.Constant) and "b" in str(mode.value)):
                continue
            if mode is not None and not isinstance(mode, ast.Constant):
                continue
        elif not (called(call) in ("read_text", "write_text") and isinstance(call.func, ast.Attribute)) or len(
            call.args
        ) > (0 if called(call) == "read_text" else 1):
            continue
        yield code.problem(
            "SB226",
            WARNING,
            "a text file is opened without an encoding: the real engine reads it as ASCII",
            call,
            'Add encoding="utf-8"',
        )


def signals(code: UnitCode) -> Iterator[Problem]:
    if code.tree is None:
        return
    for call in (node for node in ast.walk(code.tree) if isinstance(node, ast.Call)):
        name = dotted(call.func)
        if name in ("signal.signal", "signal.setitimer", "signal.alarm"):
            yield code.problem(
                "SB228",
                WARNING,
                "%s fails: a flowunit never runs in the main thread" % name,
                call,
                "Leave signals to the engine",
            )
        elif name == "threading.main_thread":
            yield code.problem(
                "SB228",
                WARNING,
                "threading.main_thread() names another thread inside the real engine",
                call,
                "Do without it",
            )


def module_body(code: UnitCode) -> Iterator[Problem]:
    """The engine runs a module's body twice, and once more for each further node that uses it."""
    if code.tree is None:
        return
    for statement in code.tree.body:
        if not isinstance(statement, (ast.Expr, ast.Assign)) or not isinstance(statement.value, ast.Call):
            continue
        call = statement.value
        starts = called(call) == "start" and isinstance(call.func, ast.Attribute)
        if starts or dotted(call.func) in ("subprocess.Popen", "subprocess.run", "os.system", "os.fork"):
            yield code.problem(
                "SB229",
                WARNING,
                "the module starts something when it is imported; the real engine runs a module's body twice or more",
                call,
                "Start it in open()",
            )


def private_leak(code: UnitCode) -> Iterator[Problem]:
    """set_private of an object leaks one reference a call on the real engine."""
    process = code.own("process")
    if process is None:
        return
    for call in calls(process, "set_private"):
        yield code.problem(
            "SB230",
            WARNING,
            "set_private in process leaks one object a call on the real engine",
            call,
            "Set one container in data_pre and change what is in it",
        )


def private_missing(code: UnitCode) -> Iterator[Problem]:
    """get_private of a key that nobody set kills the real engine."""
    if not code.complete or code.tree is None:
        return
    stored: set[str | None] = set()
    for call in (node for node in ast.walk(code.tree) if isinstance(node, ast.Call)):
        if called(call) == "set_private":
            stored.add(text_argument(call))
    if None in stored:
        return
    for function, context in code.context_methods():
        for call in calls(function, "get_private"):
            key = text_argument(call)
            direct = (
                isinstance(call.func, ast.Attribute)
                and isinstance(call.func.value, ast.Name)
                and (call.func.value.id == context)
            )
            if direct and key is not None and key not in stored:
                yield code.problem(
                    "SB232",
                    ERROR,
                    "get_private('%s'), but no set_private stores it: the real engine crashes" % key,
                    call,
                    "Store it in data_pre",
                )


def external_flood(code: UnitCode) -> Iterator[Problem]:
    """ExternalData.send() blocks with the interpreter locked once its queue is full."""
    if not any(True for function in code.methods.values() for _ in calls(function, "create_external_data")):
        return
    for function in code.methods.values():
        for loop in walk(function):
            if isinstance(loop, (ast.For, ast.While)):
                for call in calls(loop, "send"):
                    if call.args:
                        yield code.problem(
                            "SB233",
                            WARNING,
                            "ExternalData.send in a loop: the real engine freezes when "
                            "queue_size_external (1024) buffers wait",
                            call,
                            "Make the data in process() with send_event and STATUS_CONTINUE",
                        )
                        return


def shared_state(code: UnitCode) -> Iterator[Problem]:
    """One object serves all streams, and a normal unit's process runs on several threads at once."""
    if not code.unit.stream or code.unit.condition:
        process = code.own("process")
        if process is None:
            return
        locked = _locked_nodes(process)
        for node in walk(process):
            if isinstance(node, ast.AugAssign) and _is_self(node.target) and node not in locked:
                yield code.problem(
                    "SB234",
                    WARNING,
                    "process changes %s; the engine runs it on several threads at once" % dotted(node.target),
                    node,
                    "Guard it with a threading.Lock made in open()",
                )
                return
        return
    data_pre = code.own("data_pre")
    for node in walk(data_pre) if data_pre is not None else ():
        targets = node.targets if isinstance(node, ast.Assign) else []
        for target in targets:
            if _is_self(target):
                yield code.problem(
                    "SB234",
                    WARNING,
                    "data_pre stores the state of a stream in %s, which all streams share" % dotted(target),
                    node,
                    "Store it with data_context.set_private",
                )
                return


def _is_self(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"


def _locked_nodes(function: ast.AST) -> set[ast.AST]:
    found: set[ast.AST] = set()
    for node in walk(function):
        if isinstance(node, ast.With):
            found.update(walk(node))
    return found


RULES: tuple[Callable[[UnitCode], Iterator[Problem]], ...] = (
    text_encoding, signals, module_body, private_leak, private_missing, external_flood, shared_state)
