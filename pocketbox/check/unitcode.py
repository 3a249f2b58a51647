"""The Python code of a flowunit, read but never run."""

from __future__ import annotations

import ast
import os
from typing import Iterator, Union

from ..descriptor import Descriptor
from ..place import Place
from ..problem import Problem

Function = Union[ast.FunctionDef, ast.AsyncFunctionDef]
CONTEXT_METHODS = ("process", "data_pre", "data_post")


class UnitCode:
    """A unit's module and the class that its entry names.

    `methods` holds the class's own functions and those of its base classes in the same file. `complete` tells whether
    every base class is known, up to FlowUnit; when it is not, a missing method may be inherited.
    """

    def __init__(self, unit: Descriptor) -> None:
        self.unit = unit
        self.module, _, self.class_name = unit.entry.partition("@")
        self.path = os.path.join(unit.folder, *self.module.split(".")) + ".py" if self.module else ""
        self.text = ""
        self.tree: ast.Module | None = None
        self.syntax_error: SyntaxError | None = None
        self.unreadable = ""
        self.cls: ast.ClassDef | None = None
        self.methods: dict[str, Function] = {}
        self.complete = False
        self.is_flowunit = False
        self.sdk_names: dict[str, str] = {}  # local name -> what it is in the SDK ("" is the module itself)
        self._read()

    def _read(self) -> None:
        try:
            with open(self.path, "rb") as file:
                data = file.read()
            self.text = data.decode("utf-8-sig")
        except OSError as error:
            self.unreadable = error.strerror or str(error)
            return
        except UnicodeDecodeError as error:
            self.unreadable = "it is not UTF-8 text (byte %d)" % error.start
            return
        try:
            self.tree = ast.parse(self.text, self.path)
        except SyntaxError as error:
            self.syntax_error = error
            return
        except (ValueError, RecursionError, MemoryError) as error:
            self.unreadable = str(error)
            return
        self._imports()
        classes = {node.name: node for node in self.tree.body if isinstance(node, ast.ClassDef)}
        self.cls = classes.get(self.class_name)
        if self.cls is not None:
            self.complete = self._inherit(self.cls, classes, set())

    def _imports(self) -> None:
        assert self.tree is not None
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name in ("_flowunit", "modelbox"):
                        self.sdk_names[alias.asname or alias.name] = ""
            elif isinstance(node, ast.ImportFrom) and node.module in ("_flowunit", "modelbox"):
                for alias in node.names:
                    self.sdk_names[alias.asname or alias.name] = alias.name

    def _inherit(self, cls: ast.ClassDef, classes: dict[str, ast.ClassDef], seen: set[str]) -> bool:
        """Collect methods of a class and its bases; True when all bases are known."""
        seen.add(cls.name)
        for node in cls.body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self.methods.setdefault(node.name, node)
        known = True
        for base in cls.bases:
            if self.sdk_name(base) == "FlowUnit":
                self.is_flowunit = True
            elif isinstance(base, ast.Name) and base.id in classes and base.id not in seen:
                known = self._inherit(classes[base.id], classes, seen) and known
            elif not (isinstance(base, ast.Name) and base.id == "object"):
                known = False
        return known

    def sdk_name(self, node: ast.AST) -> str:
        """The name in the SDK of `modelbox.FlowUnit` or an imported FlowUnit, "" for anything else."""
        if isinstance(node, ast.Name):
            return self.sdk_names.get(node.id, "")
        if isinstance(node, ast.Attribute):
            path = dotted(node)
            first, _, rest = path.partition(".")
            if first in self.sdk_names and rest:
                own = self.sdk_names[first]
                return "%s.%s" % (own, rest) if own else rest
        return ""

    def place(self, node: ast.AST | None = None) -> Place:
        return Place(
            self.path,
            getattr(node, "lineno", 0) or 0,
            (getattr(node, "col_offset", -1) or 0) + 1 if node is not None else 0,
        )

    def problem(
        self, code: str, severity: str, message: str, node: ast.AST | None = None, cure: str = "", status: str = "FAULT"
    ) -> Problem:
        return Problem(
            code, severity, "flowunit '%s': %s" % (self.unit.name, message), self.place(node), "", "", cure, status
        )

    def own(self, name: str) -> Function | None:
        return self.methods.get(name)

    def context_methods(self) -> Iterator[tuple[Function, str]]:
        """process, data_pre and data_post, each with the name of its context argument."""
        for name in CONTEXT_METHODS:
            function = self.methods.get(name)
            if function is not None:
                context = context_name(function)
                if context:
                    yield function, context

    @property
    def kind(self) -> str:
        """condition, expand, collapse, stream or normal: what decides how many buffers a call may put out."""
        unit = self.unit
        for kind in ("condition", "expand", "collapse"):
            if getattr(unit, kind):
                return kind
        return "stream" if unit.stream else "normal"


def context_name(function: Function) -> str:
    """The name of a method's second argument."""
    arguments = function.args.args
    return arguments[1].arg if len(arguments) > 1 else ""


def dotted(node: ast.AST) -> str:
    """ "a.b.c" for a chain of names, "" for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(parts)])


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes below, without going into functions and classes defined inside."""
    waiting = [*ast.iter_child_nodes(node)][::-1]
    while waiting:
        child = waiting.pop()
        yield child
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            waiting += [*ast.iter_child_nodes(child)][::-1]


def calls(node: ast.AST, name: str = "") -> Iterator[ast.Call]:
    """Calls below a node; with a name, those of a method or function of that name."""
    for child in walk(node):
        if isinstance(child, ast.Call) and (not name or called(child) == name):
            yield child


def called(call: ast.Call) -> str:
    """The last name of what is called: push_back in a.b.push_back(x)."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def text_argument(call: ast.Call, index: int = 0) -> str | None:
    """A constant text given as an argument."""
    if len(call.args) > index:
        value = call.args[index]
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return value.value
    return None


def port_call(node: ast.AST, context: str) -> tuple[str, str] | None:
    """("input", "in") for ctx.input("in")."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    side, owner, port = node.func.attr, node.func.value, text_argument(node)
    if side not in ("input", "output") or not isinstance(owner, ast.Name) or owner.id != context or port is None:
        return None
    return side, port


def port_names(function: Function, context: str, side: str) -> dict[str, str]:
    """Local names that hold ctx.input("x") or ctx.output("x"): {"outs": "x"}."""
    found: dict[str, str] = {}
    for node in walk(function):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            port = port_call(node.value, context)
            if port is not None and port[0] == side:
                found[node.targets[0].id] = port[1]
    return found
