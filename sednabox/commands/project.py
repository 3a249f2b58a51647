"""sednabox project: the pack as a project that ModelBox's WebUI opens, edits and saves."""
from __future__ import annotations

import argparse
import os
import sys

NAME = "project"
HELP = "make a folder that ModelBox's WebUI opens as a project: our units and graphs, yours to edit"
EPILOG = """The folder holds CMakeLists.txt, src/flowunit, src/graph and src/models. It is a copy: an upgrade does not
touch it, and what the WebUI saves into it changes nothing of the installation. docs/webui.md tells more."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="a folder that is not there yet, or is empty")
    parser.add_argument("--graph", action="append", default=[], metavar="NAME",
                        help="only this graph; may be given several times (default: all)")
    parser.add_argument("--units", default="", metavar="DIR", help="units to copy (default: those of the pack)")
    parser.epilog = EPILOG


def run(args: argparse.Namespace) -> int:
    from ..project import ProjectError, make
    try:
        units, graphs = make(args.folder, args.graph, args.units)
    except ProjectError as error:
        sys.stderr.write("sednabox project: %s\n" % error)
        return 1
    print("%s: %d units, %d graphs" % (os.path.abspath(args.folder), units, graphs))
    return 0
