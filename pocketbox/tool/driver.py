"""modelbox-tool driver: which flowunits there are."""
from __future__ import annotations

import json
import sys
from typing import Sequence

from .. import tomltext, unitinfo
from ..catalog import Catalog
from ..descriptor import Descriptor
from ..source import read_text
from .options import UsageError, read

DESCRIPTION = "List all driver information"
HELP = """ driver options:
   -info    List all driver information
     -type               Filter driver type, support value: flowunit
     -path               Scan additional path, format: dir1,dir2
     -details            Show detail information
        -name [name]     Filter name for details
     -conf [toml file]   Read toml config, and list drivers
     -format-json        export json format driver information
"""
INFO_OPTIONS = {"path": True, "conf": True, "details": False, "name": True, "format-json": False, "type": True}


def run(args: Sequence[str], debug: bool = False) -> int:
    if not args:
        sys.stderr.write(HELP)
        return 1
    for name, value, rest in read(args, {"info": False}):
        if name == "info":
            return _info(rest)
        raise UsageError("driver takes no argument '%s'" % value)
    return 0


def _info(args: Sequence[str]) -> int:
    dirs: list[str] = []
    form, name_wanted, flowunits_only = "list", "", False
    for name, value, _rest in read(args, INFO_OPTIONS):
        if name == "path":
            dirs += [part for part in value.split(",") if part]
        elif name == "conf":
            dirs += _dirs_of(value)
        elif name == "details":
            form = "details"
        elif name == "name":
            form, name_wanted = "details", value
        elif name == "format-json":
            form = "json"
        elif name == "type":
            if value not in ("flowunit", "all"):
                raise UsageError("driver type '%s' is not known, expected flowunit" % value)
            flowunits_only = value == "flowunit"
        else:
            raise UsageError("driver -info takes no argument '%s'" % value)
    catalog = Catalog.scan(dirs)
    for problem in catalog.problems:
        sys.stderr.write("%s\n" % problem)
    units = unitinfo.sorted_units(catalog)
    if form == "json":
        print(json.dumps(unitinfo.flow_info(catalog), indent=4, ensure_ascii=False))
    elif form == "details":
        chosen = [unit for unit in units if name_wanted in ("", unit.name, unit.device)]
        _details(chosen, flowunits_only, name_wanted)
    elif flowunits_only:
        _unit_table(units)
    else:
        _driver_table(units)
    return 0


def _dirs_of(path: str) -> list[str]:
    """driver.dir of a settings file."""
    value = tomltext.loads(read_text(path, "the settings file"), path, "the settings file").flat().get("driver.dir", [])
    return [value] if isinstance(value, str) else list(value)


def _driver_table(units: Sequence[Descriptor]) -> None:
    row = "%-25s%-30s%-10s%-10s%s"
    print("Drivers Information:")
    print(row % ("Class", "Name", "Type", "Version", "Path"))
    print(row % ("DRIVER-DEVICE", "device-cpu", "cpu", "1.0.0", "pocketbox"))
    print(row % ("DRIVER-GRAPHCONF", "graphconf-graphviz", "graph", "1.0.0", "pocketbox"))
    for unit in units:
        print(row % ("DRIVER-FLOWUNIT", unit.name, unit.device, unit.version or "1.0.0", unit.file or "pocketbox"))


def _unit_table(units: Sequence[Descriptor]) -> None:
    row = "%-30s%-15s%-15s%-30s%-15s%-30s%-30s"
    print("Flowunit Information:")
    print(row % ("FlowunitName", "DeviceType", "GroupType", "DriverName", "Version", "InputPort", "OutputPort"))
    for unit in units:
        print((row % (unit.name, unit.device, unitinfo.group(unit), unit.name, unit.version or "1.0.0",
                      ",".join(unit.input_names()), ",".join(unit.output_names()))).rstrip())


def _details(units: Sequence[Descriptor], flowunits_only: bool, name: str) -> None:
    if not flowunits_only and not name:
        print("Device Information\t\t:\n--------------------------------\t\t:")
        print("name:\t\t%(name)s\ntype:\t\t%(type)s\nversion:\t\t%(version)s\ndescription: %(description)s\n"
              % unitinfo.DEVICE)
    if units:
        print("FlowUnit Information\t\t:")
    for unit in units:
        _unit_details(unit)


def _unit_details(unit: Descriptor) -> None:
    print("--------------------------------------")
    print("flowunit name\t: %s" % unit.name)
    print("type\t\t: %s" % unit.device)
    print("driver name\t: %s" % unit.name)
    print("version\t\t: %s" % (unit.version or "1.0.0"))
    print("description\t: %s" % unit.description)
    print("group\t\t: %s" % unitinfo.group(unit))
    for number, port in enumerate(unit.inputs, 1):
        if number == 1:
            print("inputs\t\t:")
        print("  input index\t: %d\n    name\t: %s\n    type\t: %s\n    device\t: %s" % (
            number, port.name, port.type, port.device))
    for number, port in enumerate(unit.outputs, 1):
        if number == 1:
            print("outputs\t\t:")
        print("  output index\t: %d\n    name\t: %s\n    device\t: %s" % (number, port.name, port.device))
    for number, option in enumerate(unitinfo.options(unit), 1):
        if number == 1:
            print("options\t\t:")
        shown = (("name", option["name"]), ("default", option.get("default", "")), ("desc", option.get("desc", "")),
                 ("required", "true" if option.get("required") else "false"), ("type", option.get("type", "string")))
        print("  option\t: %d" % number)
        for pair in shown:
            print("    %s\t: %s" % pair)
        for key, value in (option.get("values") or {}).items():
            print("        %s\t: %s" % (key, value))
    print("")
