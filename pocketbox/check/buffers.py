"""Rules about buffers: how many are put out, and what the arrays and the meta in them may be."""

from __future__ import annotations

import ast
from typing import Callable, Iterator

from ..problem import ERROR, WARNING, Problem
from .counting import conditional_push
from .unitcode import (
    Function,
    UnitCode,
    called,
    calls,
    dotted,
    port_call,
    port_names,
    text_argument,
    walk,
)

DRAWING = ("rectangle", "circle", "line", "putText", "polylines", "fillPoly", "ellipse", "drawContours", "arrowedLine")
ARRAY_MODULES = ("np", "numpy")
BAD_TYPES = {
    "float16": "is read as float32, past the end of the buffer",
    "half": "is read as float32, past the end of the buffer",
    "uint64": "raises RuntimeError",
    "complex64": "raises",
    "complex128": "raises",
}


def sampling(code: UnitCode) -> Iterator[Problem]:
    """A normal unit must put out exactly as many buffers as it got."""
    if code.kind != "normal" or not code.unit.inputs or not code.unit.outputs:
        return
    node = conditional_push(code)
    if node is not None:
        yield code.problem(
            "SB214",
            ERROR,
            "a normal unit puts out a buffer for some inputs only: the whole graph stops",
            node,
            "Put out one buffer for each input, or write stream = true and add data_pre and data_post",
        )


def one_for_many(code: UnitCode) -> Iterator[Problem]:
    """A normal unit gets up to batch_size buffers in a call, 8 unless the graph says otherwise."""
    process = code.own("process")
    if process is None or code.kind != "normal" or not code.unit.inputs or not code.unit.outputs:
        return
    pushes = list(calls(process, "push_back"))
    loops = (ast.For, ast.While, ast.ListComp, ast.GeneratorExp)
    repeated = {push for loop in walk(process) if isinstance(loop, loops) for push in calls(loop, "push_back")}
    single = [push for push in pushes if push not in repeated]
    if single and not repeated and code.unit.max_batch_size != 1 and code.unit.default_batch_size != 1:
        yield code.problem("SB242", WARNING, "process puts out a buffer outside any loop, but gets up to batch_size "
                           "(8) buffers in a call: when the counts differ, the whole graph stops", single[0],
                           "Loop over the input, or write batch_size=1 at the node")


def _input_buffers(function: Function, context: str) -> set[str]:
    """Local names of buffers of an input: for b in ctx.input("in"), for n, b in enumerate(inputs), b = inputs[0]."""
    inputs = set(port_names(function, context, "input"))

    def is_input(node: ast.AST) -> bool:
        source = port_call(node, context)
        return (source is not None and source[0] == "input") or (isinstance(node, ast.Name) and node.id in inputs)

    found: set[str] = set()
    for node in walk(function):
        if isinstance(node, ast.For) and any(is_input(part) for part in ast.walk(node.iter)):
            found |= {part.id for part in ast.walk(node.target) if isinstance(part, ast.Name)}
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript) and is_input(node.value.value):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def _shares(call: ast.Call, buffers: set[str]) -> bool:
    if not call.args or not isinstance(call.args[0], ast.Name) or call.args[0].id not in buffers:
        return False
    name = dotted(call.func)
    if name in ("np.asarray", "numpy.asarray"):
        return True
    return name in ("np.array", "numpy.array") and any(
        word.arg == "copy" and isinstance(word.value, ast.Constant) and not word.value.value for word in call.keywords
    )


def writes_input(code: UnitCode) -> Iterator[Problem]:
    """Branches of a graph share the memory of their inputs."""
    for function, context in code.context_methods():
        buffers = _input_buffers(function, context)
        views: set[str] = set()         # names of arrays that share an input's memory, as of the line that is looked at
        for node in walk(function):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                shares = isinstance(node.value, ast.Call) and _shares(node.value, buffers)
                (views.add if shares else views.discard)(node.targets[0].id)
            name = _written(node)
            if name in views:
                yield code.problem("SB221", WARNING, "it writes into '%s', the memory of an input buffer, which other "
                                   "branches of the graph see" % name, node, "Copy first: np.array(buffer)")
                return


def _written(node: ast.AST) -> str:
    """The name of the array that a statement or a drawing call changes in place, "" for none."""
    if isinstance(node, ast.AugAssign):
        return _base_name(node.target)
    if isinstance(node, ast.Assign):
        return next((_base_name(target) for target in node.targets if isinstance(target, ast.Subscript)), "")
    if isinstance(node, ast.Call) and called(node) in DRAWING and node.args and isinstance(node.args[0], ast.Name):
        return node.args[0].id
    return ""


def _base_name(node: ast.AST) -> str:
    while isinstance(node, (ast.Subscript, ast.Attribute)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def array_types(code: UnitCode) -> Iterator[Problem]:
    """Array types that a Buffer cannot hold."""
    if code.tree is None:
        return
    for call in (node for node in ast.walk(code.tree) if isinstance(node, ast.Call)):
        given = [word.value for word in call.keywords if word.arg == "dtype"]
        if called(call) == "astype":
            given += call.args[:1]
        elif dotted(call.func).split(".")[0] in ARRAY_MODULES and called(call) in (
            "array",
            "zeros",
            "ones",
            "empty",
            "full",
        ):
            given += call.args[2:3] if called(call) == "full" else call.args[1:2]
        elif dotted(call.func).split(".")[0] in ARRAY_MODULES and called(call) in BAD_TYPES:
            given.append(call.func)
        for value in given:
            name = (
                value.attr
                if isinstance(value, ast.Attribute)
                else (value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else "")
            )
            if name in BAD_TYPES:
                yield code.problem(
                    "SB222",
                    WARNING,
                    "a %s array in a Buffer %s" % (name, BAD_TYPES[name]),
                    call,
                    "Use float32 (or int64) for what goes into a Buffer",
                )


def shape_meta(code: UnitCode) -> Iterator[Problem]:
    """The engine keeps an array's shape under these keys, in a type that Python cannot write."""
    for function, _context in code.context_methods():
        for call in calls(function, "set"):
            if text_argument(call) in ("shape", "type") and len(call.args) == 2:
                yield code.problem(
                    "SB223",
                    WARNING,
                    "it sets the meta '%s', by which the engine knows the array: it is "
                    "read wrongly afterwards" % text_argument(call),
                    call,
                    "Use another key",
                )


def stale_size(code: UnitCode) -> Iterator[Problem]:
    """copy_meta carries the width and height of the picture before it was resized."""
    process = code.own("process")
    if process is None or code.tree is None:
        return
    functions = [node for node in ast.walk(code.tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    everything = [call for function in functions for call in calls(function)]
    resizes = [
        call
        for call in everything
        if dotted(call.func) in ("cv2.resize", "cv2.rotate", "cv2.copyMakeBorder", "cv2.warpAffine", "cv2.transpose")
    ]
    copies = [call for call in everything if called(call) == "copy_meta"]
    sets = {text_argument(call) for call in everything if called(call) == "set"}
    if resizes and copies and not {"width", "height"} <= sets:
        yield code.problem(
            "SB224",
            WARNING,
            "the picture's size changes, but copy_meta keeps the old width and height",
            copies[0],
            "Set width, height, width_stride and height_stride after copy_meta",
        )


def negative_index(code: UnitCode) -> Iterator[Problem]:
    """A BufferList knows neither negative indexes nor slices."""
    for function, context in code.context_methods():
        lists = set(port_names(function, context, "input")) | set(port_names(function, context, "output"))
        for node in walk(function):
            if not isinstance(node, ast.Subscript):
                continue
            is_list = port_call(node.value, context) is not None or (
                isinstance(node.value, ast.Name) and node.value.id in lists
            )
            index = node.slice
            index = getattr(index, "value", index) if type(index).__name__ == "Index" else index
            negative = isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.USub)
            if is_list and (negative or isinstance(index, ast.Slice)):
                yield code.problem(
                    "SB225", ERROR, "a BufferList has no negative indexes and no slices", node, "Use list(buffers)[...]"
                )


RULES: tuple[Callable[[UnitCode], Iterator[Problem]], ...] = (
    sampling,
    one_for_many,
    writes_input,
    array_types,
    shape_meta,
    stale_size,
    negative_index,
)
