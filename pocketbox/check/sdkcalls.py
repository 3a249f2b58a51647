"""Rules about single calls of the SDK that the real engine answers otherwise than one would think."""
from __future__ import annotations

import ast
from typing import Callable, Iterator

from ..problem import ERROR, WARNING, Problem
from .counting import conditional_push, counts, input_loops
from .unitcode import UnitCode, called, calls, context_name, dotted, text_argument, walk

UNUSABLE = {
    "set_log_level": "its levels do not exist inside a flowunit",
    "get_device_desc": "it raises TypeError",
}


def expand_to_nothing(code: UnitCode) -> Iterator[Problem]:
    """A sub-stream without buffers starves the collapse unit behind it for ever."""
    if code.kind != "expand":
        return
    node = conditional_push(code)
    if node is not None:
        yield code.problem(
            "SB235", WARNING, "an expand unit that puts out nothing for a buffer starves everything behind it", node,
            "Put out at least one buffer for each, for example an empty result",
        )


def condition_count(code: UnitCode) -> Iterator[Problem]:
    """A condition unit puts out exactly one buffer over all its ports for each input."""
    if code.kind != "condition":
        return
    for loop in input_loops(code):
        found = counts(loop) if any(True for _ in calls(loop, "push_back")) else set()
        if found and found != {1} and min(found) >= 0:
            yield code.problem(
                "SB236", ERROR, "a condition unit puts out %s buffers for one input: the whole graph stops"
                % " or ".join(str(count) for count in sorted(found)), loop,
                "Put out exactly one buffer for each input, over all ports",
            )
            return


def mixed_list(code: UnitCode) -> Iterator[Problem]:
    """Meta holds lists of one type."""
    for function, _context in code.context_methods():
        for call in calls(function, "set"):
            value = call.args[1] if len(call.args) == 2 and text_argument(call) is not None else None
            if not isinstance(value, ast.List):
                continue
            kinds = {type(item.value).__name__ for item in value.elts if isinstance(item, ast.Constant)}
            if len(kinds) > 1:
                yield code.problem(
                    "SB237", ERROR, "meta '%s' is a list of %s: setting it raises" % (
                        text_argument(call), " and ".join(sorted(kinds))), call, "Make all items of one type",
                )


def strided_meta(code: UnitCode) -> Iterator[Problem]:
    """An array in the meta is copied as one block of bytes from its start."""
    for function, _context in code.context_methods():
        for call in calls(function, "set"):
            value = call.args[1] if len(call.args) == 2 and text_argument(call) is not None else None
            turned = isinstance(value, ast.Attribute) and value.attr == "T"
            sliced = isinstance(value, ast.Subscript) and any(isinstance(part, ast.Slice) for part in ast.walk(value))
            if turned or sliced:
                yield code.problem(
                    "SB238", WARNING, "meta '%s' may be a part of an array: the real engine copies the bytes from the "
                    "array's start" % text_argument(call), call, "Store a list (.tolist()) or a contiguous copy",
                )


def list_without_device(code: UnitCode) -> Iterator[Problem]:
    """An array pushed into a BufferList that has no device kills the process."""
    for function in code.methods.values():
        made = {node.targets[0].id for node in walk(function) if isinstance(node, ast.Assign)
                and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Call)
                and code.sdk_name(node.value.func) == "BufferList" and not node.value.args}
        for call in calls(function, "push_back"):
            owner = call.func.value if isinstance(call.func, ast.Attribute) else None
            if isinstance(owner, ast.Name) and owner.id in made:
                yield code.problem(
                    "SB239", WARNING, "'%s' is a BufferList without a device; an array pushed into it crashes the real "
                    "engine" % owner.id, call, "Make it with BufferList(self.get_bind_device())",
                )
                return


def unusable_calls(code: UnitCode) -> Iterator[Problem]:
    if code.tree is None:
        return
    for call in (node for node in ast.walk(code.tree) if isinstance(node, ast.Call)):
        name = called(call)
        if name not in UNUSABLE:
            continue
        if name == "get_device_desc" or dotted(call.func).split(".")[0] in code.sdk_names:
            yield code.problem("SB240", ERROR, "%s cannot be used: %s" % (name, UNUSABLE[name]), call, "Do without it")


def context_kept(code: UnitCode) -> Iterator[Problem]:
    """A context belongs to one call and one stream."""
    for name in ("process", "data_pre"):
        function = code.own(name)
        context = context_name(function) if function is not None else ""
        for node in walk(function) if function is not None else ():
            if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Name) or node.value.id != context:
                continue
            for target in node.targets:
                if context and dotted(target).startswith("self."):
                    yield code.problem(
                        "SB241", WARNING, "%s keeps its context in %s; another stream overwrites it" % (
                            name, dotted(target)), node, "Use the context that each call gets",
                    )


RULES: tuple[Callable[[UnitCode], Iterator[Problem]], ...] = (
    expand_to_nothing, condition_count, mixed_list, strided_meta, list_without_device, unusable_calls, context_kept)
