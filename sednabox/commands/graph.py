"""sednabox graph: show a graph as a picture or as text."""
from __future__ import annotations

import argparse
import os
import sys

from .. import pack

NAME = "graph"
HELP = "show a graph as a picture (SVG) or as text"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    show = actions.add_parser("show", help="draw a graph file")
    show.add_argument("file", metavar="GRAPH", type=pack.graph, help="a graph file, or a name of the pack's graphs")
    show.add_argument("-o", "--output", metavar="OUT.svg", help="where the picture goes; without it, standard output")
    show.add_argument("--text", action="store_true", help="lines of text instead of a picture")
    show.add_argument("--debug", action="store_true", help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    from pocketbox import graphfile, picture
    from pocketbox.catalog import Catalog

    graph = graphfile.load(args.file)
    own = pack.folder("flowunits")
    catalog = Catalog.scan([*graph.driver_dirs, *([own] if own else [])])
    drawn = picture.text(graph, catalog) if args.text else picture.svg(graph, catalog)
    if args.output:
        folder = os.path.dirname(os.path.abspath(args.output))
        os.makedirs(folder, exist_ok=True)
        with open(args.output, "w", encoding="utf-8") as file:
            file.write(drawn)
        print("%s: %d nodes, %d edges" % (args.output, len(graph.nodes), len(graph.edges)))
    else:
        sys.stdout.write(drawn)
    return 0
