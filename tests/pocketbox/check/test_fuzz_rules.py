"""Whatever stands in a unit's Python or in a graph: the checker lists problems and never breaks."""
from __future__ import annotations

import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pocketbox import descriptorfile
from pocketbox.check import check_graph, check_units

CODE = '''import _flowunit as modelbox
import numpy as np


class Unit(modelbox.FlowUnit):
    def __init__(self):
        super().__init__()

    def open(self, config):
        self.names = config.get_string("names", "")
        return modelbox.Status()

    def process(self, ctx):
        outputs = ctx.output("out")
        for number, buffer in enumerate(ctx.input("in")):
            if number % 2:
                continue
            array = np.asarray(buffer)
            array[0] = 1
            outputs.push_back(buffer)
        return modelbox.Status.StatusCode.STATUS_SUCCESS

    def data_pre(self, ctx):
        ctx.set_private("state", {})
        return modelbox.Status()

    data_post = data_pre
'''
DESCRIPTOR = '''[base]
name = "unit"
device = "cpu"
version = "1.0.0"
description = "d"
entry = "unit_module@Unit"
type = "python"
[input.input1]
name = "in"
[output.output1]
name = "out"
'''
GRAPH = '''[driver]
dir = ["%s"]
[graph]
format = "graphviz"
graphconf = """digraph g {
  a [type=input]
  b [flowunit=unit, names="x,y", batch_size=4]
  c [type=output]
  a -> b:in
  b:out -> c
}"""
'''
PIECES = [
    "return", "None", "(", ")", ":", "\n", "\n    ", "yield", "async ", "if x:", "else:", "for a in b:",
    "while True:", "try:", "except E:", "finally:", "break", "continue", "with a as b:", "lambda: 0", "*",
    "self", "ctx", "@", "=", "[", "]", "push_back", "class B:", "def f(self):", "match a:", "case _:", "raise",
    "del x", "global x", "0", "'", "\"\"\"",
]


@st.composite
def damaged(draw, text):
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        end = draw(st.integers(at, min(len(text), at + 10)))
        text = text[:at] + draw(st.sampled_from(["", *PIECES])) + text[end:]
    return text


def shuffled(draw_lines):
    return "\n".join(draw_lines)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(damaged(CODE), st.permutations(CODE.splitlines()).map(shuffled)))
def test_code(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("unit")
    (folder / "unit.toml").write_text(DESCRIPTOR, encoding="utf-8")
    (folder / "unit_module.py").write_text(text, encoding="utf-8")
    for problem in check_units([descriptorfile.load(str(folder / "unit.toml"))]):
        assert str(problem) and problem.code.startswith("SB")


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(damaged(GRAPH), st.one_of(st.just(DESCRIPTOR), damaged(DESCRIPTOR)))
def test_graphs(tmp_path_factory, graph, descriptor):
    folder = tmp_path_factory.mktemp("graph")
    (folder / "unit.toml").write_text(descriptor, encoding="utf-8")
    (folder / "unit_module.py").write_text(CODE, encoding="utf-8")
    path = os.path.join(str(folder), "graph.toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(graph.replace("%s", str(folder)))
    for problem in check_graph(path):
        assert str(problem) and problem.code.startswith("SB")
