"""Rules about the attributes of nodes: options, lists, sizes and names of files."""
from __future__ import annotations

import ast
import os
import re
from typing import Callable, Iterator

from ..attribute import split, whole
from ..nearest import nearest
from ..problem import ERROR, WARNING, Problem
from ..resolve import BoundNode
from .unitcode import called, text_argument
from .view import GraphView, node_problem

ENGINE_KEYS = {
    "type",
    "flowunit",
    "device",
    "deviceid",
    "batch_size",
    "queue_size",
    "queue_size_external",
    "need_check_output",
    "label",
    "output_type",
}
DRAWING_KEYS = {
    "shape",
    "color",
    "style",
    "fillcolor",
    "fontcolor",
    "fontname",
    "fontsize",
    "width",
    "height",
    "pos",
    "tooltip",
    "xlabel",
    "margin",
    "penwidth",
    "URL",
    "id",
    "class",
    "group",
    "rank",
    "labelloc",
    "fixedsize",
}


def comma_value(view: GraphView) -> Iterator[Problem]:
    """A comma makes a list; get_string then gives the parts joined by a control character."""
    for node in view.resolved.nodes.values():
        code = view.code.get(node.descriptor.name) if node.descriptor is not None else None
        if code is None or code.tree is None:
            continue
        texts = {
            text_argument(call)
            for call in ast.walk(code.tree)
            if isinstance(call, ast.Call) and called(call) == "get_string"
        }
        for key, value in node.attributes.items():
            if key in texts and len(split(value)) > 1:
                yield node_problem(
                    node,
                    "SB307",
                    WARNING,
                    "%s='%s' is a list because of its comma, but the unit reads it with get_string" % (key, value),
                    key,
                    "Protect the comma: %s=\"'%s'\"" % (key, value),
                )


def placeholder(view: GraphView) -> Iterator[Problem]:
    names = {
        key.split(".")[1] for key in view.resolved.graph.settings if key.startswith("args.") and key.count(".") > 1
    }
    for node in view.resolved.nodes.values():
        for key, value in node.attributes.items():
            if not re.match(r"\$\w+\Z", value):
                continue
            if value[1:] in names:
                yield node_problem(
                    node,
                    "SB308",
                    WARNING,
                    "%s='%s' is replaced only when the flow is started by name "
                    "(init_by_name); flow -run leaves it as it is" % (key, value),
                    key,
                )
            else:
                meant = nearest(value[1:], names)
                yield node_problem(
                    node,
                    "SB308",
                    WARNING,
                    "%s='%s' names no table [args.%s]" % (key, value, value[1:]),
                    key,
                    "Did you mean '$%s'?" % meant if meant else "Add [args.%s] default = \"...\"" % value[1:],
                )


def batch_ignored(view: GraphView) -> Iterator[Problem]:
    for node in view.resolved.nodes.values():
        asked = whole(node.attributes.get("batch_size", ""))
        if node.descriptor is None or asked is None or asked <= node.batch_size:
            continue
        if "batch_size" not in node.attribute_places:
            continue
        unit = node.descriptor
        if unit.condition:
            why, cure = "a condition unit always gets 1", "Remove it"
        elif unit.max_batch_size:
            why, cure = "its max_batch_size is %d" % unit.max_batch_size, "Raise max_batch_size in the descriptor"
        else:
            why, cure = "a stream unit gets 1 unless its descriptor says more", "Add max_batch_size to [base]"
        yield node_problem(
            node, "SB310", WARNING, "batch_size=%d has no effect: %s" % (asked, why), "batch_size", cure
        )


def queue_of_no_port(view: GraphView) -> Iterator[Problem]:
    for node in view.resolved.nodes.values():
        for key in node.attributes:
            port = key[len("queue_size_") :] if key.startswith("queue_size_") and key != "queue_size_external" else ""
            if port and port not in node.inputs:
                meant = nearest(port, node.inputs)
                yield node_problem(
                    node,
                    "SB311",
                    WARNING,
                    "%s names no input port" % key,
                    key,
                    "Did you mean 'queue_size_%s'?" % meant if meant else "",
                )


def options(view: GraphView) -> Iterator[Problem]:
    """Options of units that come with the engine: their names and values are known."""
    for node in view.resolved.nodes.values():
        unit = node.descriptor
        if unit is None or unit.type != "builtin" or not unit.options:
            continue
        known = {str(option["name"]): option for option in unit.options}
        for key, value in node.attributes.items():
            if key in known:
                yield from _option_value(node, key, value, known[key])
            elif key not in ENGINE_KEYS and key not in DRAWING_KEYS and not key.startswith("queue_size_"):
                meant = nearest(key, known)
                if meant:
                    yield node_problem(
                        node,
                        "SB312",
                        WARNING,
                        "flowunit '%s' has no option '%s'" % (unit.name, key),
                        key,
                        "Did you mean '%s'?" % meant,
                    )
        for key, option in known.items():
            if (
                option.get("required")
                and key not in node.attributes
                and key not in unit.config
                and not option.get("default")
            ):
                yield node_problem(
                    node,
                    "SB313",
                    WARNING,
                    "flowunit '%s' wants the option '%s'" % (unit.name, key),
                    "",
                    "Add %s=..." % key,
                )


def _option_value(node: BoundNode, key: str, value: str, option: dict[str, object]) -> Iterator[Problem]:
    kind = str(option.get("type", ""))
    values = option.get("values") or {}
    if value.startswith("$"):
        return
    if kind in ("int", "integer") and whole(value) is None:
        yield node_problem(node, "SB314", WARNING, "%s='%s' is no whole number" % (key, value), key, "Write a number")
    elif kind == "bool" and value not in ("true", "false", "1", "0"):
        yield node_problem(node, "SB314", WARNING, "%s='%s' is neither true nor false" % (key, value), key)
    elif isinstance(values, dict) and values and value not in values:
        meant = nearest(value, values)
        yield node_problem(
            node,
            "SB314",
            WARNING,
            "%s='%s' is not one of: %s" % (key, value, ", ".join(values)),
            key,
            "Did you mean '%s'?" % meant if meant else "",
        )


def picture_size(view: GraphView) -> Iterator[Problem]:
    """resize and padding refuse to open without a size."""
    for node in view.resolved.nodes.values():
        unit = node.descriptor
        if unit is None or unit.type != "builtin" or unit.name not in ("resize", "padding"):
            continue
        for side in ("width", "height"):
            keys = ["image_" + side] + ([side] if unit.name == "resize" else [])
            if not any((whole(node.attributes.get(key, "")) or 0) > 0 for key in keys):
                yield node_problem(
                    node,
                    "SB315",
                    ERROR,
                    "%s needs image_%s above 0" % (unit.name, side),
                    "image_" + side,
                    "Add image_%s=480" % side,
                )


def relative_files(view: GraphView) -> Iterator[Problem]:
    """A file name in an attribute that is right only when the graph is run from its own folder."""
    folder = os.path.dirname(os.path.abspath(view.resolved.graph.file)) if view.resolved.graph.file else ""
    for node in view.resolved.nodes.values():
        for key, value in node.attributes.items():
            if key in ENGINE_KEYS or key == "source_url" or "/" not in value or os.path.isabs(value) or "://" in value:
                continue
            if folder and not os.path.exists(value) and os.path.exists(os.path.join(folder, value)):
                yield node_problem(
                    node,
                    "SB306",
                    WARNING,
                    "%s='%s' is taken from the working directory, not from the graph's folder" % (key, value),
                    key,
                    "Write a full path",
                )


RULES: tuple[Callable[[GraphView], Iterator[Problem]], ...] = (
    relative_files, comma_value, placeholder, batch_ignored, queue_of_no_port, options, picture_size)
