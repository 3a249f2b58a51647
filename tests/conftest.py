"""A throw-away project: units written in the test, a graph, and the real command that runs it."""
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))     # helpers that several folders use
PACK = Path(__file__).resolve().parents[1] / "flowunits"

HEAD = """
import json, os, threading, time
import numpy as np
import _flowunit as mb

S = mb.Status.StatusCode
OUT = {out!r}


def record(key, value):
    with open(OUT, "a", encoding="utf-8") as f:
        f.write(json.dumps([key, value]) + "\\n")


def value(b):
    return int(np.array(b, copy=False).ravel()[0])


class Base(mb.FlowUnit):
    def open(self, config):
        self.config = config
        return mb.Status()

    def close(self):
        record("close", self.config.get_string("name"))
        return mb.Status()

    def data_pre(self, ctx):
        return mb.Status()

    def data_post(self, ctx):
        return mb.Status()

    def new(self, v):
        return mb.Buffer(self.get_bind_device(), np.array([v], np.int64))

    def feed(self, count=1):
        ext = self.create_external_data()
        for k in range(count):
            bl = ext.create_buffer_list()
            bl.push_back(np.array([k], np.int64))
            ext.send(bl)
        ext.close()
"""

SOURCE = """
class Source(Base):
    def open(self, config):
        self.config = config
        self.count = config.get_int("count", 10)
        self.each = config.get_int("each", 1)
        self.feed()
        return mb.Status()

    def data_pre(self, ctx):
        ctx.set_private_int("i", 0)
        return mb.Status()

    def process(self, ctx):
        i = ctx.get_private_int("i")
        for k in range(i, min(i + self.each, self.count)):
            ctx.output("out").push_back(self.new(k))
        ctx.set_private_int("i", i + self.each)
        if i + self.each >= self.count:
            return mb.Status()
        ctx.send_event(mb.FlowUnitEvent())
        return S.STATUS_CONTINUE
"""

SINK = """
class Sink(Base):
    def process(self, ctx):
        for b in ctx.input("in"):
            record(self.config.get_string("name", "sink"), "error" if b.has_error() else value(b))
        return mb.Status()

    def data_post(self, ctx):
        record("post", self.config.get_string("name", "sink"))
        return mb.Status()
"""


class Project:
    def __init__(self, folder):
        self.folder = folder
        self.out = folder / "out.jsonl"
        self.count = 0
        self.unit("Source", SOURCE, outputs=["out"], stream=True)
        self.unit("Sink", SINK, inputs=["in"], stream=True, exception_visible=True)

    def unit(self, name, body, inputs=(), outputs=(), **flags):
        """A unit with the class `name`; its flowunit name is the lower-case one."""
        self.count += 1
        module = "u%d_%s" % (self.count, name.lower())
        folder = self.folder / "units" / module
        folder.mkdir(parents=True)
        text = HEAD.format(out=str(self.out)) + textwrap.dedent(body)
        (folder / (module + ".py")).write_text(text, encoding="utf-8")
        flags.setdefault("stream", False)
        lines = ["[base]", 'name = "%s"' % name.lower(), 'device = "cpu"', 'version = "1.0.0"',
                 'description = "of a test"', 'type = "python"',
                 'entry = "%s@%s"' % (module, name)]
        lines += ["%s = %s" % (k, str(v).lower()) for k, v in flags.items()]
        for kind, ports in (("input", inputs), ("output", outputs)):
            for i, port in enumerate(ports, 1):
                lines += ["[%s.%s%d]" % (kind, kind, i), 'name = "%s"' % port]
        (folder / (module + ".toml")).write_text("\n".join(lines) + "\n", encoding="utf-8")
        return folder / (module + ".py")

    def graph(self, text, extra=""):
        path = self.folder / "graph.toml"
        dirs = ", ".join('"%s"' % folder for folder in (self.folder / "units", PACK))
        head = '[driver]\ndir = [%s]\n[graph]\nformat = "graphviz"\ngraphconf = """digraph g {\n%s\n}"""\n%s'
        path.write_text(head % (dirs, textwrap.dedent(text), extra), encoding="utf-8")
        return path

    def start(self, text, *flags, extra="", env=None):
        command = [sys.executable, "-m", "pocketbox.tool", *flags, "flow", "-run", str(self.graph(text, extra))]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                env=dict(os.environ, **(env or {})), cwd=str(self.folder))

    def run(self, text, *flags, extra="", seconds=60, env=None):
        """Exit code and output of `modelbox-tool flow -run` on the graph."""
        process = self.start(text, *flags, extra=extra, env=env)
        output, _ = process.communicate(timeout=seconds)
        return process.returncode, output

    def records(self, key=None):
        if not self.out.exists():
            return []
        rows = [json.loads(line) for line in self.out.read_text(encoding="utf-8").splitlines()]
        return [v for k, v in rows if k == key] if key else rows


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)
