"""From a descriptor to an open unit: import the module, make the object, open it."""
from __future__ import annotations

import importlib
import sys
from typing import Any

from ..errors import BuildError
from ..place import Place
from ..sdk.buffer import Device
from ..sdk.configuration import Configuration
from ..sdk.flowunit import FlowUnit
from ..sdk.status import Status, StatusCode
from .call import Caller, defining_place


def load_class(descriptor: Any) -> Any:
    """The class that `entry` names. As on the real engine the module's body runs twice, and again for each node."""
    entry = descriptor.entry
    place = descriptor.places.get("base.entry", descriptor.place)
    module_name, at, class_name = entry.partition("@")
    if not at or not module_name or not class_name:
        raise BuildError("the entry of unit %s is '%s'" % (descriptor.name, entry), place,
                         "Write entry = \"module@Class\"", "INVALID")
    if descriptor.folder not in sys.path:
        sys.path.append(descriptor.folder)
    importlib.invalidate_caches()
    try:
        module = importlib.reload(importlib.import_module(module_name))
    except BaseException as error:
        raise BuildError("module %s of unit %s cannot be imported: %s" % (
            module_name, descriptor.name, _describe(error)), _error_place(error, place),
            _cure(error), "INVALID") from error
    try:
        return getattr(module, class_name)
    except AttributeError:
        names = [n for n, v in vars(module).items() if isinstance(v, type) and issubclass(v, FlowUnit)]
        raise BuildError("module %s (%s) has no class %s" % (module_name, module.__file__, class_name), place,
                         "It has: %s" % (", ".join(names) or "no flowunit class"), "INVALID") from None


def _cure(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return "Install %s for %s, or mend the import" % (error.name.partition(".")[0], sys.executable or "this Python")
    return "Mend the module; see the log for the traceback"


def _describe(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return "%s: %s" % (type(error).__name__, error.msg)
    return "%s: %s" % (type(error).__name__, error)


def _error_place(error: BaseException, fallback: Place) -> Place:
    if isinstance(error, SyntaxError) and error.filename:
        return Place(error.filename, error.lineno or 0, error.offset or 0)
    trace, found = error.__traceback__, None
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if not name.startswith("<") and "importlib" not in name and not name.startswith(__file__):
            found = Place(name, trace.tb_lineno)
        trace = trace.tb_next
    return found or fallback


def open_unit(node: Any, bound: Any) -> None:
    """Make the node's unit and open it; BuildError says what failed."""
    descriptor = bound.descriptor
    if descriptor.factory is not None:
        unit = descriptor.factory()
    else:
        unit = make(load_class(descriptor), descriptor)
    device_id = bound.attributes.get("deviceid") or "0"
    unit._bind(node, Device(descriptor.device or "cpu", device_id), hasattr(node, "create"))
    node.caller = Caller(node.name, node.unit_name, unit)
    node.unit = unit
    config = Configuration.of(bound.config)
    place = node.caller.place("open")
    try:
        result = unit.open(config)
    except BaseException as error:
        node.unit = None
        node.caller.failed("open", error)
        raise BuildError("open of unit %s (node %s) raised %s: %s" % (
            node.unit_name, node.name, type(error).__name__, error), _error_place(error, bound.place), "",
            "FAULT") from error
    if isinstance(result, StatusCode):
        result = Status(result)
    if not isinstance(result, Status):
        node.unit = None
        raise BuildError("open of unit %s (node %s) returned %s" % (
            node.unit_name, node.name, "None" if result is None else repr(result)), place or bound.place,
            "Return modelbox.Status() at the end of open", "FAULT")
    if not result:
        node.unit = None
        raise BuildError("open of unit %s (node %s) returned %s" % (node.unit_name, node.name, result), bound.place, "",
                         result.code().name[len("STATUS_"):])


def make(cls: Any, descriptor: Any) -> Any:
    """The unit's object; refused where the real engine's binding refuses."""
    try:
        unit = cls()
    except BaseException as error:
        raise BuildError("class %s of unit %s cannot be made: %s" % (
            cls.__name__, descriptor.name, _describe(error)), _error_place(error, descriptor.place), "",
            "INVALID") from error
    if not isinstance(unit, FlowUnit):
        raise BuildError("class %s of unit %s does not derive from modelbox.FlowUnit" % (cls.__name__, descriptor.name),
                         defining_place(unit) or descriptor.place, "Write class %s(modelbox.FlowUnit)" % cls.__name__,
                         "INVALID")
    if not unit.__dict__.get("_pocketbox_made"):
        raise BuildError("__init__ of class %s does not call super().__init__()" % cls.__name__,
                         defining_place(unit) or descriptor.place, "Call super().__init__() first", "INVALID")
    return unit
