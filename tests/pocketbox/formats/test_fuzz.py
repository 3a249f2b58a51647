"""Whatever stands in a file: the readers give a value or a FormatError, nothing else."""

from __future__ import annotations

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pocketbox import descriptorfile, dot, graphfile, jsontext, tomltext
from pocketbox.catalog import Catalog
from pocketbox.errors import FormatError
from pocketbox.resolve import resolve

GRAPH = '''[driver]
dir = ["a", "b"]
[graph]
format = "graphviz"
graphconf = """digraph g {
  node [x=1]
  a [type=flowunit, flowunit=src, b="c d"] // comment
  subgraph cluster_x { c; d -> e [label=<b>] }
  a:out -> c:in:w -> d
}"""
[flow]
name = 'x'
numbers = [1, 2.5, true, 1979-05-27, {q = 1}]
'''
UNIT = '''[base]
name = "unit"
device = "cpu"
version = "1.0.0"
description = "d"
entry = "m@C"
type = "python"
[config]
a.b = "1"
[input.input1]
name = "in"
[output.output1]
name = "out"
'''
PIECES = [
    '"',
    '"""',
    "'",
    "'''",
    "\\",
    "\\u12",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    "->",
    "--",
    "<",
    ">",
    ":",
    ";",
    ",",
    "#",
    "\n",
    "\r",
    "\t",
    "\x00",
    "\u2028",
    "é",
    "\ud800",
    "//",
    "/*",
    "*/",
    "+",
    "digraph",
    "subgraph",
    "node",
    "$x",
    "[graph]",
    "[base]",
    "input",
    "1e999",
    "-",
    ".",
    "@",
    "0x",
    "true",
    "nan",
]
ANY = st.one_of(st.text(max_size=80), st.lists(st.sampled_from(PIECES), max_size=40).map("".join))


@st.composite
def damaged(draw, text):
    """The text with pieces taken out, put in and cut off."""
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        end = draw(st.integers(at, min(len(text), at + 12)))
        text = text[:at] + draw(st.one_of(st.just(""), st.sampled_from(PIECES), st.text(max_size=3))) + text[end:]
    return text[: draw(st.integers(0, len(text)))] if draw(st.booleans()) else text


def attempt(function, *args):
    try:
        return function(*args)
    except FormatError as error:
        assert str(error) and error.status
        return None


@settings(max_examples=400, deadline=None)
@given(st.one_of(ANY, damaged(GRAPH.split('"""')[1])))
@example("digraph{" * 500)
@example("digraph{a" + "->a" * 3000 + "}")
def test_dot(text):
    graph = attempt(dot.parse, text)
    if graph is not None:
        for node in graph.nodes.values():
            assert node.place.line >= 1


@settings(max_examples=400, deadline=None)
@given(st.one_of(ANY, damaged(GRAPH), damaged(UNIT)))
@example("a = " + "[" * 2000)
@example("a." * 2000 + "b = 1")
def test_toml(text):
    found = attempt(tomltext.loads, text)
    if found is not None:
        for key, value in found.flat().items():
            assert isinstance(value, (str, list))
            found.place(key)


@settings(max_examples=300, deadline=None)
@given(damaged(UNIT))
def test_descriptor(text):
    unit = attempt(descriptorfile.loads, text)
    if unit is not None:
        assert unit.name and unit.device and (unit.inputs or unit.outputs)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        ANY, damaged(GRAPH), damaged(json.dumps({"graph": {"format": "graphviz", "graphconf": "digraph { a -> b }"}}))
    )
)
@example("{" + '"a":{' * 3000)
def test_graph_files(text):
    for format in ("toml", "json"):
        graph = attempt(graphfile.loads, text, "file", {}, format)
        if graph is not None:
            resolved, problems = resolve(graph, Catalog())
            assert all(problem.message for problem in problems) and resolved.graph is graph


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_files_of_any_bytes(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("fuzz") / "file.toml"
    path.write_bytes(data)
    attempt(graphfile.load, str(path))
    attempt(descriptorfile.load, str(path))


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
        max_leaves=8,
    )
)
def test_json(value):
    found = attempt(jsontext.loads, json.dumps(value, indent=1))
    if isinstance(value, dict):
        assert found.values == value


@settings(max_examples=200, deadline=None)
@given(
    st.text(
        alphabet=st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00", max_codepoint=0xFFFF),
        max_size=60,
    )
)
def test_places_of_any_text_in_toml(text):
    """Each character of a value is found where it stands in the file."""
    for quoted in (
        json.dumps(text).replace("\x7f", "\\u007f"),
        '"""\n%s"""' % json.dumps(text)[1:-1].replace("\x7f", "\\u007f"),
    ):
        file = "key = %s\n" % quoted
        source = tomltext.loads(file)
        assert source.values["key"] == text
        offsets = source.strings["key"].offsets()
        assert len(offsets) == len(text)
        for index, char in enumerate(text):
            if ord(char) < 0x7F and ord(char) >= 0x20 and char not in '"\\':
                assert file[offsets[index]] == char
