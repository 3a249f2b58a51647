"""Graphs of the units that see, built from a line or two, run in this process; films and pictures for them."""
import json
import os
from pathlib import Path

import cv2
import numpy as np

from edgevision.encode import Writer
from pocketbox.runner import run_file

UNITS = Path(__file__).parents[2] / "flowunits"
TEXT = """[driver]
dir = ["%s"]
skip-default = false
[flow]
name = "test"
[log]
level = "INFO"
[graph]
format = "graphviz"
graphconf = '''digraph test {
%s
}'''
"""


def run(folder, dot, **options):
    """Run nodes and edges given as `name = unit key="value"` and `a:port -> b:port` lines; gives the exit code."""
    lines = []
    for line in dot.strip().splitlines():
        name, equals, rest = line.strip().partition(" = ")
        if equals and "->" not in name:
            unit, _, attributes = rest.partition(" ")
            line = "%s [type=flowunit, flowunit=%s, device=cpu, %s]" % (name, unit, attributes)
        lines.append(line)
    path = Path(folder) / "graph.toml"
    path.write_text(TEXT % (UNITS, "\n".join(lines)), "utf-8")
    return run_file(str(path), **options)


def lines_of(path):
    return [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]


def film(path, frames=12, size=(128, 96), rate=25, first=40, step=10):
    with Writer(path, rate) as writer:
        for k in range(frames):
            writer.write(np.full((size[1], size[0], 3), min(255, first + step * k), np.uint8))
    return str(path)


def picture(path, width, height, value=90):
    path = Path(path)
    path.parent.mkdir(exist_ok=True)
    good, data = cv2.imencode(".png", np.full((height, width, 3), value, np.uint8))
    assert good
    path.write_bytes(data.tobytes())
    return str(path)


def open_files():
    return len(os.listdir("/proc/self/fd"))
