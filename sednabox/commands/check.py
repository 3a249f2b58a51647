"""sednabox check: find what is wrong with graphs and flowunits without running them."""
from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING

from .. import pack

if TYPE_CHECKING:
    from pocketbox.problem import Problem

NAME = "check"
HELP = "find build errors and the engine's traps in graphs and flowunits, without running them"
CLEAN, FOUND, USAGE = 0, 1, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="GRAPH|DIR", type=pack.graph,
                        help="graph files or names of the pack's graphs, or folders of graphs and flowunits")
    parser.add_argument("--strict", action="store_true", help="warnings count as errors for the exit code")
    parser.add_argument("--json", action="store_true", help="print the problems as JSON")
    parser.add_argument("--explain", metavar="CODE", help="explain a code, such as SB101, and do nothing else")
    parser.add_argument("--config", metavar="FILE", help="check a configuration of the service, and its graph as well")
    parser.epilog = "exit code: 0 nothing or warnings only, 1 errors (with --strict also warnings), 2 wrong use"


def run(args: argparse.Namespace) -> int:
    from pocketbox.check import check, codes, failed, folders
    if args.explain:
        code = args.explain.upper()
        known = codes.table()
        if code not in known:
            sys.stderr.write("there is no code %s; they run from %s to %s\n" % (
                args.explain, min(known), max(known)))
            return USAGE
        print(codes.explain(code))
        return CLEAN
    if not args.paths and not args.config:
        sys.stderr.write("sednabox check: name a graph file or a folder\n")
        return USAGE
    problems: list[Problem] = []
    if args.config:
        from ..config import read
        configuration, problems = read(args.config, os.environ)
        if configuration is not None:
            problems += check(configuration.graph)
    for path in args.paths:
        if not os.path.exists(path):
            sys.stderr.write("sednabox check: there is no file or folder '%s'\n" % path)
            return USAGE
        if os.path.isdir(path) and not folders.graph_files(path) and not folders.unit_folders(path):
            sys.stderr.write("sednabox check: '%s' holds neither graphs nor flowunits\n" % path)
            return USAGE
        problems += [problem for problem in check(path) if str(problem) not in {str(known) for known in problems}]
    errors = sum(problem.severity == "error" for problem in problems)
    if args.json:
        print(json.dumps({"problems": [problem.as_dict() for problem in problems], "errors": errors,
                          "warnings": len(problems) - errors}, indent=1, ensure_ascii=False))
    else:
        for problem in problems:
            print(_coloured(str(problem), problem.severity))
        print("%s, %s" % (_count(errors, "error"), _count(len(problems) - errors, "warning")) if problems
              else "no problems found")
    return FOUND if failed(problems, args.strict) else CLEAN


def _count(number: int, what: str) -> str:
    return "%d %s%s" % (number, what, "" if number == 1 else "s")


def _coloured(line: str, severity: str) -> str:
    """Severity in colour on a terminal, unless NO_COLOR asks for none."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return line
    return line.replace(" %s " % severity, " \x1b[%sm%s\x1b[0m " % ("31" if severity == "error" else "33", severity), 1)
