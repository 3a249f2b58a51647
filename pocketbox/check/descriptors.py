"""Rules about descriptors: what the real engine reads otherwise than people think."""

from __future__ import annotations

import os
import re
from typing import Callable, Iterator, Sequence

from ..attribute import boolean, whole
from ..descriptor import Descriptor
from ..nearest import nearest
from ..problem import ERROR, WARNING, Problem

FLAGS = ("stream", "condition", "collapse", "collapse_all", "expand", "stream_same_count", "exception_visible")
KNOWN = (
    *FLAGS,
    "name",
    "device",
    "version",
    "description",
    "entry",
    "type",
    "group_type",
    "max_batch_size",
    "default_batch_size",
    "virtual_type",
    "is_input_contiguous",
    "plugin",
    "model",
    "backward_compatible",
)
VIRTUAL_TYPES = ("tensorflow", "tensorrt", "torch", "acl", "mindspore", "dlengine", "rknpu2")
_GROUP = re.compile(r"[A-Z]\w*(/\w*)?\Z")


def _wrong(unit: Descriptor, code: str, key: str, message: str, cure: str = "", severity: str = WARNING) -> Problem:
    return Problem(
        code, severity, "flowunit '%s': %s" % (unit.name, message), unit.places.get(key, unit.place), "", "", cure
    )


def stream_flag(unit: Descriptor) -> Iterator[Problem]:
    if unit.type == "python" and "base.stream" not in unit.settings:
        yield _wrong(
            unit,
            "SB101",
            "base",
            "the descriptor has no key stream, so it is a stream unit",
            "Write stream = false, or stream = true if it is meant so",
        )


def unknown_keys(unit: Descriptor) -> Iterator[Problem]:
    for key in unit.settings:
        table, _, name = key.partition(".")
        if table != "base" or name in KNOWN:
            continue
        if name == "normal":
            yield _wrong(unit, "SB102", key, "the engine does not read the key normal", "Write stream = false instead")
            continue
        meant = nearest(name, KNOWN)
        yield _wrong(
            unit,
            "SB102",
            key,
            "the engine does not read the key %s" % name,
            "Did you mean '%s'?" % meant if meant else "Move it to [config] or remove it",
        )


def group_type(unit: Descriptor) -> Iterator[Problem]:
    if unit.group_type and not _GROUP.match(unit.group_type):
        yield _wrong(
            unit,
            "SB103",
            "base.group_type",
            "group_type '%s' is shown as Generic" % unit.group_type,
            "Start it with a capital letter, with at most one '/': Video or Input/Http",
        )


def flag_values(unit: Descriptor) -> Iterator[Problem]:
    for flag in FLAGS:
        value = unit.settings.get("base." + flag)
        if value is None or boolean(value, True) == boolean(value, False):
            continue
        yield _wrong(
            unit,
            "SB104",
            "base." + flag,
            "%s is '%s', which is neither true nor false: the default is taken" % (flag, value),
            "Write %s = true or %s = false" % (flag, flag),
        )


def batch_sizes(unit: Descriptor) -> Iterator[Problem]:
    for key in ("max_batch_size", "default_batch_size"):
        value = unit.settings.get("base." + key)
        number = whole(value) if value is not None else 1
        if number is None or number < 1:
            yield _wrong(unit, "SB105", "base." + key, "%s is '%s', expected a whole number above 0" % (key, value))


def kinds(unit: Descriptor) -> Iterator[Problem]:
    """condition, expand and collapse exclude each other."""
    given = [kind for kind in ("condition", "expand", "collapse") if getattr(unit, kind)]
    if len(given) > 1:
        yield _wrong(
            unit, "SB114", "base." + given[0], "it is %s at once" % " and ".join(given), "Keep one of them", ERROR
        )


def racy_collapse(unit: Descriptor) -> Iterator[Problem]:
    if unit.collapse and unit.stream:
        yield _wrong(
            unit,
            "SB110",
            "base.collapse",
            "a collapse unit with stream = true right behind an expand unit "
            "sometimes ends the graph on the real engine",
            "Write stream = false",
        )


def double_ports(unit: Descriptor) -> Iterator[Problem]:
    for side in ("input", "output"):
        seen: set[str] = set()
        for key in sorted(k for k in unit.settings if re.match(side + r"\.%s\d+\.name\Z" % side, k)):
            name = str(unit.settings[key])
            if name in seen:
                yield _wrong(
                    unit,
                    "SB111",
                    key,
                    "two %s ports are named '%s'; the second is dropped" % (side, name),
                    "Give each port a name of its own",
                    ERROR,
                )
            seen.add(name)


def condition_outputs(unit: Descriptor) -> Iterator[Problem]:
    if unit.condition and len(unit.outputs) < 2:
        yield _wrong(
            unit,
            "SB116",
            "base.condition",
            "a condition unit has %d output port; there is nothing to choose" % len(unit.outputs),
            "Give it two or more output ports",
        )


def expand_ports(unit: Descriptor) -> Iterator[Problem]:
    if (unit.expand or unit.collapse) and not unit.inputs:
        yield _wrong(
            unit,
            "SB116",
            "base.expand" if unit.expand else "base.collapse",
            "an %s unit needs an input port" % ("expand" if unit.expand else "collapse"),
            "Add [input.input1]",
            ERROR,
        )


def virtual_type(unit: Descriptor) -> Iterator[Problem]:
    if unit.type != "inference":
        return
    if unit.virtual_type == "onnx":
        yield _wrong(
            unit,
            "SB112",
            "base.virtual_type",
            "only the embedded engine knows virtual_type onnx",
            "On the real engine, run the model with onnxruntime inside a Python unit",
        )
    elif unit.virtual_type not in VIRTUAL_TYPES:
        meant = nearest(unit.virtual_type, [*VIRTUAL_TYPES, "onnx"])
        yield _wrong(
            unit,
            "SB112",
            "base.virtual_type",
            "virtual_type '%s' does not exist" % unit.virtual_type,
            "Did you mean '%s'?" % meant if meant else "There is: " + ", ".join((*VIRTUAL_TYPES, "onnx")),
            ERROR,
        )
    elif not os.path.exists(os.path.join(unit.folder, unit.entry)):
        yield _wrong(
            unit,
            "SB113",
            "base.entry",
            "the model file '%s' is not there" % unit.entry,
            "Put it beside the descriptor",
            ERROR,
        )


def config_lists(unit: Descriptor) -> Iterator[Problem]:
    """A comma makes a list in a node's attribute only."""
    for key, value in unit.config.items():
        if isinstance(value, str) and re.match(r"\s*-?[\d.]+\s*(,\s*-?[\d.]+\s*)+\Z", value):
            yield _wrong(
                unit,
                "SB117",
                "config." + key,
                "[config] %s = \"%s\" is one text; a comma makes no list here" % (key, value),
                "Write an array of strings: %s = [%s]"
                % (key, ", ".join('"%s"' % part.strip() for part in value.split(","))),
            )


def module_clash(units: Sequence[Descriptor]) -> Iterator[Problem]:
    """The real engine has one space for modules: the first folder's module serves both units."""
    first: dict[str, Descriptor] = {}
    for unit in units:
        if unit.type != "python" or "@" not in unit.entry:
            continue
        module = unit.entry.split("@")[0].split(".")[0]
        other = first.setdefault(module, unit)
        if os.path.realpath(other.folder) != os.path.realpath(unit.folder):
            yield _wrong(
                unit,
                "SB108",
                "base.entry",
                "module '%s' is also the module of flowunit '%s' in %s; the real "
                "engine loads one of them for both" % (module, other.name, other.folder),
                "Give each unit a module name of its own",
                ERROR,
            )


def helper_clash(units: Sequence[Descriptor]) -> Iterator[Problem]:
    """A helper beside the unit is a module like any other."""
    modules = {unit.entry.split("@")[0] for unit in units}
    owner: dict[str, Descriptor] = {}
    told: set[tuple[str, str]] = set()
    for unit in units:
        if unit.type != "python":
            continue
        try:
            names = sorted(os.listdir(unit.folder))
        except OSError:
            continue
        for name in names:
            module = name[:-3]
            if not name.endswith(".py") or module in modules or module == "__init__":
                continue
            other = owner.setdefault(module, unit)
            key = (module, unit.folder)
            if os.path.realpath(other.folder) != os.path.realpath(unit.folder) and key not in told:
                told.add(key)
                yield _wrong(
                    unit,
                    "SB109",
                    "base.entry",
                    "the helper %s beside it has the name of one in %s; the real "
                    "engine loads the first for both" % (name, other.folder),
                    "Put shared code into an installed package",
                )


RULES: tuple[Callable[[Descriptor], Iterator[Problem]], ...] = (
    stream_flag,
    unknown_keys,
    group_type,
    flag_values,
    batch_sizes,
    kinds,
    racy_collapse,
    double_ports,
    condition_outputs,
    expand_ports,
    virtual_type,
    config_lists,
)
PACK_RULES: tuple[Callable[[Sequence[Descriptor]], Iterator[Problem]], ...] = (module_clash, helper_clash)
