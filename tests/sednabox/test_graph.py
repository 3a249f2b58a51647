"""sednabox graph show: pictures and text."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketbox import graphfile, picture
from pocketbox.layout import GAP, Box, Line, place
from sednabox.__main__ import main

GRAPH = '''[graph]
format = "graphviz"
graphconf = """digraph "a <b> & c" {
  s[flowunit=src] a[flowunit=one] b[flowunit=two] j[flowunit=join] k[type=output]
  s:out -> a:in
  s:out -> b:in
  a:out -> j:a
  b:out -> j:b
  s:out -> j:whole
  j:out -> k
}"""
'''
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def file(tmp_path):
    (tmp_path / "g.toml").write_text(GRAPH)
    return tmp_path / "g.toml"


def test_a_picture_has_every_node_port_and_edge(file, tmp_path, capsys):
    assert main(["graph", "show", str(file), "-o", str(tmp_path / "out" / "g.svg")]) == 0
    assert "5 nodes, 6 edges" in capsys.readouterr().out
    root = ET.parse(str(tmp_path / "out" / "g.svg")).getroot()
    texts = [node.text for node in root.iter(SVG + "text")]
    assert {"s", "a", "b", "j", "k", "whole", "src (unknown)", "output"} <= set(texts)
    lines = [path.get("aria-label") for path in root.iter(SVG + "path") if path.get("class") == "edge"]
    assert sorted(lines) == sorted(
        ["s:out -> a:in", "s:out -> b:in", "a:out -> j:a", "b:out -> j:b", "s:out -> j:whole", "j:out -> k:in"]
    )
    assert root.find(SVG + "title").text == "a <b> & c"


def test_boxes_do_not_touch_and_lie_in_the_picture(file):
    root = ET.fromstring(picture.svg(graphfile.load(str(file))))
    boxes = [
        [float(rect.get(key)) for key in ("x", "y", "width", "height")]
        for rect in root.iter(SVG + "rect")
        if rect.get("x")
    ]
    assert len(boxes) == 5
    for one, other in itertools.combinations(boxes, 2):
        assert apart(one, other)
    for x, y, width, height in boxes:
        assert x >= 0 and y >= 0 and x + width <= float(root.get("width")) and y + height <= float(root.get("height"))


def apart(one, other):
    return (
        one[0] + one[2] <= other[0]
        or other[0] + other[2] <= one[0]
        or one[1] + one[3] <= other[1]
        or other[1] + other[3] <= one[1]
    )


def test_standard_output_and_text(file, capsys):
    assert main(["graph", "show", str(file)]) == 0
    assert capsys.readouterr().out.startswith("<svg ")
    assert main(["graph", "show", "--text", str(file)]) == 0
    out = capsys.readouterr().out
    assert "s  src (unknown)" in out and "     out -> a:in, b:in, j:whole" in out


def test_a_file_that_cannot_be_read(tmp_path, capsys):
    assert main(["graph", "show", str(tmp_path / "nothing.toml")]) == 1
    assert "No such file" in capsys.readouterr().err


def test_wrong_use():
    with pytest.raises(SystemExit):
        main(["graph"])


def test_loops_and_empty_graphs_can_be_drawn():
    head = '[graph]\nformat = "graphviz"\ngraphconf = "digraph { %s }"'
    for dot in ("", "a", "a:o -> a:i", "a:o -> b:i b:o -> a:i", "a -> b -> c -> a c -> d"):
        graph = graphfile.loads(head % dot)
        ET.fromstring(picture.svg(graph))
        assert picture.text(graph)


def test_a_chain_runs_straight_and_to_the_right():
    boxes = [Box(str(n), 100, 60) for n in range(5)]
    lines = [Line(a, "", b, "") for a, b in zip(boxes, boxes[1:])]
    place(boxes, lines)
    assert [box.layer for box in boxes] == [0, 1, 2, 3, 4]
    assert len({round(box.y, 3) for box in boxes}) == 1


def test_branches_do_not_cross():
    names = "sabcdxyzt"
    boxes = {name: Box(name, 80, 50) for name in names}
    pairs = ["sa", "sb", "sc", "sd", "az", "by", "cx", "zt", "yt", "xt", "dt"]
    place(list(boxes.values()), [Line(boxes[a], "", boxes[b], "") for a, b in pairs])
    left = sorted("abc", key=lambda name: boxes[name].y)
    right = sorted("xyz", key=lambda name: boxes[name].y)
    assert [{"a": "z", "b": "y", "c": "x"}[name] for name in left] == right


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 9), st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=20))
def test_any_graph_is_laid_out_without_overlaps(count, pairs):
    boxes = [Box(str(n), 60 + 10 * n, 40 + 7 * (n % 4)) for n in range(count)]
    lines = [Line(boxes[a], "", boxes[b], "") for a, b in pairs if a < count and b < count]
    width, height = place(boxes, lines)
    for one, other in itertools.combinations(boxes, 2):
        if one.layer == other.layer:
            assert abs(one.y - other.y) >= (one.height + other.height) / 2 + GAP - 1e-6
        else:
            assert one.x + one.width <= other.x or other.x + other.width <= one.x
    for box in boxes:
        assert 0 <= box.x <= width and 0 <= box.y <= height
    for line in lines:
        if not line.turned and line.source is not line.target:
            assert line.source.layer < line.target.layer
