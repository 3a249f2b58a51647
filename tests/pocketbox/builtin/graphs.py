"""Runs small graphs of built-in units for tests."""
from __future__ import annotations

import json
import os
import threading
from typing import Any

from pocketbox import flow, graphfile, sdkpath
from pocketbox.runner import run_file

HERE = os.path.dirname(os.path.abspath(__file__))
MEDIA = os.path.join(HERE, "media")
VIDEO = ["vin:out_video_url -> dem:in_video_url", "dem:out_video_packet -> dec:in_video_packet"]


def node(name: str, unit: str, **options: Any) -> str:
    """One line that declares a node."""
    return "%s[type=flowunit, flowunit=%s, device=cpu%s]" % (
        name, unit, "".join(', %s="%s"' % pair for pair in options.items()))


def write(folder: Any, lines: list[str]) -> str:
    """The graph as a file; gives its path."""
    path = os.path.join(str(folder), "graph.toml")
    text = ('[driver]\ndir = ["%s"]\nskip-default = false\n[graph]\nformat = "graphviz"\n'
            'graphconf = """digraph case {\n%s\n}"""\n[flow]\nname = "case"\n') % (
                os.path.join(HERE, "units"), "\n".join(lines))
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)
    return path


def run(folder: Any, lines: list[str]) -> int:
    """Runs the graph to its end; gives the exit code."""
    return run_file(write(folder, lines))


def seen(folder: Any) -> Any:
    """What a bi_sink with file=FOLDER/result.json saw."""
    with open(os.path.join(str(folder), "result.json"), encoding="utf-8") as stream:
        return json.load(stream)


class Running:
    """A graph that runs while a test does something with it."""

    def __init__(self, folder: Any, lines: list[str]) -> None:
        self.path = write(folder, lines)

    def __enter__(self) -> Any:
        sdkpath.enter()
        self.engine = flow.build(graphfile.load(self.path))
        self.engine.start()
        return self.engine

    def __exit__(self, *_: Any) -> None:
        self.engine.stop(5)
        sdkpath.leave()


def in_thread(call: Any, *args: Any) -> threading.Thread:
    thread = threading.Thread(target=call, args=args, daemon=True)
    thread.start()
    return thread
