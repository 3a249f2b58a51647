"""modelbox-tool flow: run a graph file, turn one into the other format."""
from __future__ import annotations

import sys
from typing import Sequence

from . import convert
from .options import UsageError, read

DESCRIPTION = "Run flow, convert config file format"
HELP = """ option:
   -run [toml file]          run flow from file
   -conf-convert             convert graph file format to json or toml
     -path [conf file]       graph file path
     -out-format [json|toml] output format, default is toml
"""


def run(args: Sequence[str], debug: bool = False) -> int:
    if not args:
        sys.stderr.write(HELP)
        return 1
    for name, value, rest in read(args, {"run": True, "conf-convert": False}):
        if name == "run":
            from ..runner import run_file
            return run_file(value, debug=debug)
        if name == "conf-convert":
            return _convert(rest)
        raise UsageError("flow takes no argument '%s'" % value)
    return 1


def _convert(args: Sequence[str]) -> int:
    path, form = "", "toml"
    for name, value, _rest in read(args, {"path": True, "out-format": True}):
        if name == "path":
            path = value
        elif name == "out-format":
            form = value
        else:
            raise UsageError("conf-convert takes no argument '%s'" % value)
    if not path or not form:
        sys.stderr.write("please input conf file path and format.\n")
        return 1
    if form not in ("json", "toml"):
        sys.stderr.write("output format is not supported: '%s', expected json or toml\n" % form)
        return 1
    print(convert.convert(path, form))
    return 0
