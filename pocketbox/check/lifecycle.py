"""Rules about the class of a flowunit: can it be imported, made and opened, and has it the methods that it needs."""

from __future__ import annotations

import ast
import os
import sys
from typing import Callable, Iterator

from ..nearest import did_you_mean
from ..place import Place
from ..problem import ERROR, WARNING, Problem
from .unitcode import UnitCode, calls, port_call, walk

KNOWN_METHODS = ("open", "process", "data_pre", "data_post", "close")


def entry_form(code: UnitCode) -> Iterator[Problem]:
    unit = code.unit
    if "@" not in unit.entry or not code.module or not code.class_name:
        yield Problem(
            "SB106",
            ERROR,
            "flowunit '%s': entry is '%s', expected module@Class" % (unit.name, unit.entry),
            unit.places.get("base.entry", unit.place),
            cure='Write entry = "%s@CLASS"' % (code.module or unit.name),
            status="INVALID",
        )


def module_there(code: UnitCode) -> Iterator[Problem]:
    if code.unreadable and code.class_name:
        there = [name[:-3] for name in _python_files(code.unit.folder)]
        yield Problem(
            "SB107",
            ERROR,
            "flowunit '%s': the module %s cannot be read: %s" % (code.unit.name, code.path, code.unreadable),
            code.unit.places.get("base.entry", code.unit.place),
            cure=did_you_mean(code.module, there),
            status="INVALID",
        )


def syntax(code: UnitCode) -> Iterator[Problem]:
    error = code.syntax_error
    if error is not None:
        yield Problem(
            "SB201",
            ERROR,
            "flowunit '%s': the module has a syntax error: %s" % (code.unit.name, error.msg),
            Place(code.path, error.lineno or 0, error.offset or 0),
            cure="Correct it",
            status="INVALID",
        )


def class_there(code: UnitCode) -> Iterator[Problem]:
    if code.tree is None or not code.class_name or code.cls is not None:
        return
    names = [node.name for node in code.tree.body if isinstance(node, ast.ClassDef)]
    others = {
        target.id
        for node in code.tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in code.tree.body:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            others |= {alias.asname or alias.name for alias in node.names}
    if (
        code.class_name in others
        or "*" in others
        or any(isinstance(node, (ast.If, ast.Try)) for node in code.tree.body)
    ):
        return
    yield code.problem(
        "SB204",
        ERROR,
        "there is no class '%s' in %s" % (code.class_name, os.path.basename(code.path)),
        None,
        did_you_mean(code.class_name, names),
        "INVALID",
    )


def module_raises(code: UnitCode) -> Iterator[Problem]:
    for node in code.tree.body if code.tree is not None else ():
        if isinstance(node, ast.Raise):
            yield code.problem("SB216", ERROR, "the module raises when it is imported", node, "Remove it", "INVALID")


def derives(code: UnitCode) -> Iterator[Problem]:
    if code.cls is None or not code.complete or code.is_flowunit:
        return
    yield code.problem(
        "SB205",
        ERROR,
        "class %s does not derive from FlowUnit" % code.class_name,
        code.cls,
        "Write class %s(modelbox.FlowUnit): with import _flowunit as modelbox" % code.class_name,
        "INVALID",
    )


def sdk_module(code: UnitCode) -> Iterator[Problem]:
    """FlowUnit lives in _flowunit only."""
    if code.tree is None:
        return
    for node in ast.walk(code.tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if "modelbox" in names or (isinstance(node, ast.ImportFrom) and node.module == "modelbox"):
            yield code.problem(
                "SB231",
                ERROR,
                "it imports modelbox, which has no FlowUnit",
                node,
                "Write: import _flowunit as modelbox",
                "INVALID",
            )


def super_init(code: UnitCode) -> Iterator[Problem]:
    init = code.own("__init__")
    if init is None or code.cls is None or not code.complete or not code.is_flowunit:
        return
    for call in calls(init):
        function = call.func
        if isinstance(function, ast.Attribute) and function.attr == "__init__":
            return
    yield code.problem(
        "SB206", ERROR, "__init__ does not call super().__init__()", init, "Call super().__init__() first", "INVALID"
    )


def has_open(code: UnitCode) -> Iterator[Problem]:
    if code.cls is not None and code.complete and code.is_flowunit and code.own("open") is None:
        yield code.problem(
            "SB207",
            ERROR,
            "class %s has no method open" % code.class_name,
            code.cls,
            "Add: def open(self, config): return modelbox.Status()",
        )


def has_process(code: UnitCode) -> Iterator[Problem]:
    if code.cls is not None and code.complete and code.is_flowunit and code.own("process") is None:
        yield code.problem(
            "SB208",
            WARNING,
            "class %s has no method process: every call will fail" % code.class_name,
            code.cls,
            "Add: def process(self, data_context): ...",
        )


def stream_methods(code: UnitCode) -> Iterator[Problem]:
    """The base's data_pre and data_post only raise: a stream unit without its own loses every stream."""
    if code.cls is None or not code.complete or not code.is_flowunit or not code.unit.stream or code.unit.condition:
        return
    lacking = [name for name in ("data_pre", "data_post") if code.own(name) is None]
    if lacking:
        cure = "Add them; each returns modelbox.Status()"
        if "base.stream" not in code.unit.settings:
            cure = "Write stream = false in the descriptor if it needs no stream, else add them"
        yield code.problem(
            "SB209",
            ERROR,
            "it is a stream unit without %s: each of its streams becomes one error" % (" and ".join(lacking)),
            code.cls,
            cure,
        )


def port_in_code(code: UnitCode) -> Iterator[Problem]:
    """ctx.input("x") for a port that the descriptor lacks gives None."""
    for function, context in code.context_methods():
        for node in walk(function):
            found = port_call(node, context)
            if found is None:
                continue
            side, port = found
            known = code.unit.input_names() if side == "input" else code.unit.output_names()
            if port not in known:
                yield code.problem(
                    "SB227",
                    ERROR,
                    "%s asks for %s port '%s', which the descriptor does not have" % (function.name, side, port),
                    node,
                    did_you_mean(port, known),
                )


def arguments(code: UnitCode) -> Iterator[Problem]:
    """The engine calls open(config), process(ctx), data_pre(ctx), data_post(ctx) and close()."""
    if code.cls is None:
        return
    for name in KNOWN_METHODS:
        function = code.own(name)
        if function is None or function.decorator_list or function.args.vararg:
            continue
        expected = 1 if name == "close" else 2
        count = len(function.args.args)
        if not count - len(function.args.defaults) <= expected <= count:
            yield code.problem(
                "SB210",
                ERROR,
                "%s takes %d arguments, the engine gives %d" % (name, count, expected),
                function,
                "Write def %s(self%s)"
                % (name, "" if expected == 1 else ", " + ("config" if name == "open" else "data_context")),
            )
        if isinstance(function, ast.AsyncFunctionDef):
            yield code.problem(
                "SB210",
                ERROR,
                "%s is async; the engine calls plain functions" % name,
                function,
                "Write def instead of async def",
            )


def shadowed_module(code: UnitCode) -> Iterator[Problem]:
    """The unit's folder comes last on sys.path, so an installed module of the same name wins."""
    top = code.module.split(".")[0]
    if top and top in _standard_modules():
        yield Problem(
            "SB115",
            ERROR,
            "flowunit '%s': module '%s' has the name of a module of Python, which is imported "
            "instead" % (code.unit.name, top),
            code.unit.places.get("base.entry", code.unit.place),
            cure="Give the module another name",
        )


def _standard_modules() -> set[str]:
    names = getattr(sys, "stdlib_module_names", None)
    if names is not None:
        return set(names)
    folder = os.path.dirname(os.__file__)
    found = {
        name.split(".")[0]
        for name in os.listdir(folder)
        if name.endswith(".py") or os.path.isfile(os.path.join(folder, name, "__init__.py"))
    }
    return found | set(sys.builtin_module_names)


def _python_files(folder: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if name.endswith(".py"))
    except OSError:
        return []


RULES: tuple[Callable[[UnitCode], Iterator[Problem]], ...] = (
    entry_form,
    module_there,
    syntax,
    class_there,
    module_raises,
    derives,
    sdk_module,
    super_init,
    has_open,
    has_process,
    stream_methods,
    port_in_code,
    arguments,
    shadowed_module,
)
