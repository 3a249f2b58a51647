"""sednabox run: run a graph on the real engine or on the embedded one, and show how it is going."""
from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time

from .. import pack

NAME = "run"
HELP = "run a graph, and show throughput, queues and failures of each node"
ENGINES = ("auto", "modelbox", "pocketbox")
USAGE = 2
EPILOG = """exit code: 0 the data is finished or a unit asked to stop, 1 the graph cannot be built, 2 it failed while
running (or wrong use). The real engine's own exit code is passed on; it is 0 even when a node failed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("graph", metavar="GRAPH", type=pack.graph,
                        help="a graph file, or the name of a graph of the pack, such as helmet_detect")
    parser.add_argument("--engine", choices=ENGINES, default="auto",
                        help="auto: the real ModelBox where it is installed, else the embedded engine")
    parser.add_argument("--set", action="append", default=[], metavar="NODE.KEY=VALUE", dest="settings",
                        help="set an attribute of a node; may be given several times")
    parser.add_argument("--profile", default="", metavar="DIR", help="write a Chrome trace of the run into this folder")
    parser.add_argument("--interval", type=float, default=5.0, metavar="SECONDS",
                        help="time between lines where there is no terminal (default 5)")
    parser.add_argument("--quiet", action="store_true", help="show nothing while it runs")
    parser.epilog = EPILOG


def run(args: argparse.Namespace) -> int:
    from pocketbox.tool.__main__ import real_tool
    settings = {}
    for text in args.settings:
        target, equals, value = text.partition("=")
        node, dot, key = target.partition(".")
        if not (equals and dot and node and key):
            sys.stderr.write("sednabox run: --set %s: expected NODE.KEY=VALUE\n" % text)
            return USAGE
        settings[(node, key)] = value
    real = real_tool() if args.engine != "pocketbox" else ""
    if args.engine == "modelbox" and not real:
        sys.stderr.write("sednabox run: there is no modelbox-tool of the real ModelBox on PATH. "
                         "Install ModelBox, or run with --engine pocketbox\n")
        return 1
    return _on_modelbox(real, args, settings) if real else _on_pocketbox(args, settings)


def _on_pocketbox(args: argparse.Namespace, settings: dict[tuple[str, str], str]) -> int:
    from pocketbox.runner import run_file

    from ..runview import view
    with view(args.quiet, args.interval) as watch:
        return run_file(args.graph, None if args.quiet else watch, profile=args.profile, debug=args.debug,
                        settings=settings)


def _on_modelbox(tool: str, args: argparse.Namespace, settings: dict[tuple[str, str], str]) -> int:
    """Run the real tool, on a changed copy of the graph file where options or the place of its units ask for it."""
    from pocketbox import graphfile

    from ..rewrite import changed_copy
    command = [tool, "-verbose", "-log-level", "ERROR" if args.quiet else "INFO", "flow", "-run"]
    with tempfile.TemporaryDirectory(prefix="sednabox-run-") as folder:
        path = args.graph
        graph = graphfile.load(path)
        written = graph.settings.get("driver.dir", [])
        if settings or args.profile or graph.driver_dirs != ([written] if isinstance(written, str) else written):
            path = os.path.join(folder, "graph.toml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(changed_copy(args.graph, settings, args.profile))
        started = time.monotonic()
        process = subprocess.Popen([*command, path])
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.kill()      # the real tool may hang in its own handler
            process.wait()
            code = 130
        sys.stderr.write("modelbox-tool ended after %.1f s with code %d\n" % (time.monotonic() - started, code))
    return code if code >= 0 else 2
