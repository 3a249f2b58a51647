"""Rules about the age of the interpreter: upstream's images carry Python 3.8."""
from __future__ import annotations

import ast
import io
import tokenize
from typing import Callable, Iterator

from ..problem import ERROR, Problem
from .unitcode import UnitCode, dotted

NEWER_MODULES = {"zoneinfo": "3.9", "graphlib": "3.9", "tomllib": "3.11"}
NEWER_NAMES = {
    "functools.cache": "3.9",
    "math.lcm": "3.9",
    "math.nextafter": "3.9",
    "itertools.pairwise": "3.10",
    "contextlib.aclosing": "3.10",
    "datetime.UTC": "3.11",
    "asyncio.to_thread": "3.9",
    "asyncio.TaskGroup": "3.11",
    "typing.Self": "3.11",
    "typing.TypeAlias": "3.10",
}
NEWER_METHODS = {"removeprefix": "3.9", "removesuffix": "3.9", "bit_count": "3.10"}
BUILTIN_TYPES = ("list", "dict", "tuple", "set", "frozenset", "type")


def old_syntax(code: UnitCode) -> Iterator[Problem]:
    """Upstream's images carry Python 3.8."""
    if code.tree is None:
        return
    try:
        ast.parse(code.text, code.path, feature_version=(3, 8))
    except SyntaxError as error:
        at = ast.Pass(lineno=error.lineno or 1, col_offset=max((error.offset or 1) - 1, 0))
        yield code.problem(
            "SB202",
            ERROR,
            "this syntax is newer than Python 3.8, which the real engine carries: %s" % error.msg,
            at,
            "Write it for Python 3.8",
        )
        return
    except (ValueError, RecursionError):
        return
    yield from _with_in_brackets(code)
    for node in ast.walk(code.tree):
        if type(node).__name__ in ("Match", "TryStar", "TypeAlias") or getattr(node, "type_params", None):
            yield code.problem(
                "SB202",
                ERROR,
                "this syntax is newer than Python 3.8, which the real engine carries",
                node,
                "Write it for Python 3.8",
            )


def _with_in_brackets(code: UnitCode) -> Iterator[Problem]:
    """with (open(a) as f, open(b) as g): came with Python 3.9; the parser accepts it for any version."""
    try:
        tokens = [token for token in tokenize.generate_tokens(io.StringIO(code.text).readline)
                  if token.type not in (tokenize.NL, tokenize.COMMENT)]
    except (tokenize.TokenError, IndentationError, SyntaxError):
        return
    for at, token in enumerate(tokens[:-1]):
        if token.string != "with" or token.type != tokenize.NAME or tokens[at + 1].string != "(":
            continue
        depth, has_as = 0, False
        for end in range(at + 1, len(tokens)):
            text = tokens[end].string
            depth += (text in ("(", "[", "{")) - (text in (")", "]", "}"))
            has_as = has_as or (text == "as" and depth == 1)
            if depth == 0:
                break
        if has_as:
            place = ast.Pass(lineno=token.start[0], col_offset=token.start[1])
            yield code.problem("SB202", ERROR, "brackets around the parts of a with came with Python 3.9; the real "
                               "engine carries 3.8", place, "Write one with inside the other")


def old_library(code: UnitCode) -> Iterator[Problem]:
    if code.tree is None:
        return
    cure = "Write it for Python 3.8"
    for node in ast.walk(code.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in NEWER_MODULES:
                    yield code.problem(
                        "SB203",
                        ERROR,
                        "module %s came with Python %s; the real engine carries 3.8"
                        % (alias.name, NEWER_MODULES[alias.name]),
                        node,
                        cure,
                    )
        elif isinstance(node, ast.ImportFrom):
            if node.module in NEWER_MODULES:
                yield code.problem(
                    "SB203",
                    ERROR,
                    "module %s came with Python %s; the real engine carries 3.8"
                    % (node.module, NEWER_MODULES[node.module or ""]),
                    node,
                    cure,
                )
            for alias in node.names:
                full = "%s.%s" % (node.module, alias.name)
                if full in NEWER_NAMES:
                    yield code.problem(
                        "SB203",
                        ERROR,
                        "%s came with Python %s; the real engine carries 3.8" % (full, NEWER_NAMES[full]),
                        node,
                        cure,
                    )
        elif isinstance(node, ast.Attribute):
            path = dotted(node)
            if path in NEWER_NAMES:
                yield code.problem(
                    "SB203",
                    ERROR,
                    "%s came with Python %s; the real engine carries 3.8" % (path, NEWER_NAMES[path]),
                    node,
                    cure,
                )
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in NEWER_METHODS:
            yield code.problem(
                "SB203",
                ERROR,
                "%s() came with Python %s; the real engine carries 3.8"
                % (node.func.attr, NEWER_METHODS[node.func.attr]),
                node,
                cure,
            )
    yield from _annotations(code)


def _annotations(code: UnitCode) -> Iterator[Problem]:
    """list[int] and X | Y in annotations are worked out when the module is imported, unless it says otherwise."""
    assert code.tree is not None
    futures = [node for node in code.tree.body if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    if any(alias.name == "annotations" for future in futures for alias in future.names):
        return
    for node in ast.walk(code.tree):
        given: list[ast.expr | None] = []
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            arguments = node.args
            given = [argument.annotation for argument in arguments.args + arguments.kwonlyargs]
            given.append(node.returns)
        elif isinstance(node, ast.AnnAssign):
            given = [node.annotation]
        for annotation in given:
            for part in ast.walk(annotation) if annotation is not None else ():
                new_list = (
                    isinstance(part, ast.Subscript)
                    and isinstance(part.value, ast.Name)
                    and (part.value.id in BUILTIN_TYPES)
                )
                new_union = isinstance(part, ast.BinOp) and isinstance(part.op, ast.BitOr)
                if new_list or new_union:
                    yield code.problem(
                        "SB203",
                        ERROR,
                        "this annotation needs a newer Python than 3.8, which the real engine carries",
                        part,
                        "Add: from __future__ import annotations",
                    )
                    return


RULES: tuple[Callable[[UnitCode], Iterator[Problem]], ...] = (old_syntax, old_library)
