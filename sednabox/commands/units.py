"""sednabox units: list flowunits, or explain one."""
from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from .. import pack

if TYPE_CHECKING:
    from pocketbox.catalog import Catalog
    from pocketbox.descriptor import Descriptor

NAME = "units"
HELP = "list the flowunits that there are, or explain one"
MEANING = {
    "normal": "puts out one buffer for each that it gets",
    "stream": "gets the buffers of a stream one after the other, and may put out more or fewer",
    "condition": "sends each buffer to one of its outputs",
    "expand": "makes a sub-stream of each buffer",
    "collapse": "makes one buffer of each sub-stream",
    "inference": "runs a model",
    "source": "puts out buffers of its own",
    "sink": "takes buffers in and puts none out",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="the flowunit to explain")
    parser.add_argument("--path", action="append", default=[], metavar="DIR",
                        help="a further folder of flowunits; may be given several times")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    from pocketbox import unitinfo
    from pocketbox.catalog import Catalog
    from pocketbox.errors import BuildError
    own = pack.folder("flowunits")
    catalog = Catalog.scan([*([own] if own else []), *args.path])
    for problem in catalog.problems:
        sys.stderr.write("%s\n" % problem)
    if not args.name:
        if args.json:
            print(json.dumps(unitinfo.flow_info(catalog), indent=1, ensure_ascii=False))
        else:
            _table(catalog)
        return 0
    found = [unit for unit in catalog.units() if unit.name == args.name]
    if not found:
        try:
            catalog.find(args.name)
        except BuildError as error:
            sys.stderr.write("%s\n" % error)
        return 1
    for unit in found:
        print(json.dumps(unitinfo.unit_info(unit), indent=1, ensure_ascii=False) if args.json else _explained(unit))
    return 0


def _kind(unit: Descriptor) -> str:
    from pocketbox import unitinfo
    if not unit.inputs:
        return "source"
    return unitinfo.kind(unit) if unit.outputs else "sink"


def _table(catalog: Catalog) -> None:
    from pocketbox import unitinfo
    rows = [("name", "device", "kind", "inputs", "outputs", "group")]
    for unit in sorted(catalog.units(), key=lambda unit: (unit.type != "builtin", unit.name)):
        rows.append((unit.name, unit.device, _kind(unit), ",".join(unit.input_names()) or "-",
                     ",".join(unit.output_names()) or "-", unitinfo.group(unit)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join("%-*s" % pair for pair in zip(widths, row)).rstrip())


def _explained(unit: Descriptor) -> str:
    from pocketbox import unitinfo
    kind = _kind(unit)
    lines = ["%s (%s, device %s): %s" % (unit.name, kind, unit.device, MEANING[kind])]
    if unit.description:
        lines += ["", unit.description.strip()]
    for title, ports in (("inputs", unit.inputs), ("outputs", unit.outputs)):
        lines += ["", "%s: %s" % (title, ", ".join(port.name for port in ports) or "none")]
    options = unitinfo.options(unit)
    if options:
        lines += ["", "options:"]
    for option in options:
        notes = [str(option.get("type", "string"))]
        notes += ["required"] if option.get("required") else []
        notes += ["default %s" % option["default"]] if option.get("default") not in (None, "") else []
        lines.append("  %s (%s)%s" % (option["name"], ", ".join(notes),
                                      "  " + str(option["desc"]) if option.get("desc") else ""))
        if option.get("values"):
            lines.append("      one of: %s" % ", ".join(option["values"]))
    names = ["%s:%s" % (unit.name, port.name) for port in (unit.outputs or unit.inputs)]
    lines += ["", "in a graph:", "  %s[type=flowunit, flowunit=%s, device=%s]" % (unit.name, unit.name, unit.device)]
    lines += ["  %s -> ..." % names[0] if unit.outputs else "  ... -> %s" % names[0]]
    lines += ["", "comes from: %s" % (unit.file or "the embedded engine, like ModelBox's own")]
    return "\n".join(lines)
