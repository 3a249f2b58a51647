"""Graph files: TOML and JSON, the settings in them, and the places of mistakes through all the quoting."""

from __future__ import annotations

import json

import pytest

from pocketbox import graphfile
from pocketbox.errors import FormatError
from pocketbox.place import Place

DOT = "digraph g {\n  a[type=flowunit, flowunit=src]\n  b[flowunit=sink, mul=\"$factor\"]\n  a:out -> b:in\n}"
TOML = (
    '[driver]\ndir = ["x", "y"]\nskip-default = false\n[graph]\nformat = "graphviz"\n'
    'graphconf = """%s"""\n[flow]\nname = "f"\n'
    % DOT
)


def test_nodes_edges_and_settings():
    graph = graphfile.loads(TOML, "g.toml")
    assert graph.name == "g" and list(graph.nodes) == ["a", "b"]
    assert graph.nodes["a"].kind == "flowunit" and graph.nodes["a"].unit == "src"
    assert repr(graph.edges) == "[a:out -> b:in]"
    assert graph.settings["driver.dir"] == ["x", "y"] and graph.settings["driver.skip-default"] == "false"
    assert graph.driver_dirs == ["x", "y"] and graph.flag("graph.strict", True)
    assert graph.places["flow.name"] == Place("g.toml", 12, 1)


def test_json_of_the_same_shape():
    graph = graphfile.loads(json.dumps({"driver": {"dir": "x"}, "graph": {"format": "graphviz", "graphconf": DOT}}))
    assert list(graph.nodes) == ["a", "b"] and graph.driver_dirs == ["x"]


@pytest.mark.parametrize(
    "written, line, column", [('"""%s"""', 3, 15), ('"""\n%s"""', 4, 15), ("'''%s'''", 3, 15), ("'''\n%s'''", 4, 15)]
)
def test_a_mistake_in_the_dot_is_shown_where_it_stands_in_the_toml(written, line, column):
    text = '[graph]\nformat = "graphviz"\ngraphconf = %s\n' % (written % "digraph { a [b=1 c }")
    if "\n%" not in written:
        line, column = 3, column + 1 + len('graphconf = """') - 15 + len("digraph { a [b=1 c ")
    else:
        column = 1 + len("digraph { a [b=1 c ")
    with pytest.raises(FormatError) as caught:
        graphfile.loads(text, "g.toml")
    assert caught.value.place == Place("g.toml", line, column)
    assert caught.value.stage == "build" and caught.value.status == "FAULT"


def test_a_mistake_behind_escapes():
    text = '[graph]\nformat = "graphviz"\ngraphconf = "digraph {\\n a [x=\\"1\\"] \\u0021 }"\n'
    with pytest.raises(FormatError) as caught:
        graphfile.loads(text)
    assert text.splitlines()[2][caught.value.place.column - 1 :].startswith("\\u0021")


def test_a_mistake_in_json():
    text = json.dumps({"graph": {"format": "graphviz", "graphconf": 'digraph {\n a [x="1"] ! }'}}, indent=1)
    with pytest.raises(FormatError) as caught:
        graphfile.loads(text)
    place = caught.value.place
    assert text.splitlines()[place.line - 1][place.column - 1] == "!"


def test_a_graph_given_as_lines():
    text = '[graph]\nformat = "graphviz"\ngraphconf = [\n  "digraph {",\n  "a[x=1]",\n  "! }",\n]\n'
    with pytest.raises(FormatError) as caught:
        graphfile.loads(text)
    assert (caught.value.place.line, caught.value.place.column) == (6, 4)
    assert list(graphfile.loads(text.replace("!", "b")).nodes) == ["a", "b"]


def test_a_graph_in_a_file_of_its_own(tmp_path):
    (tmp_path / "g.dot").write_text("digraph {\n a ! }")
    text = '[graph]\nformat = "graphviz"\ngraphconffilepath = "%s"\n' % (tmp_path / "g.dot")
    with pytest.raises(FormatError) as caught:
        graphfile.loads(text)
    assert str(caught.value.place) == "%s:2:4" % (tmp_path / "g.dot")
    with pytest.raises(FormatError) as caught:
        graphfile.loads(text.replace("g.dot", "h.dot"), "g.toml")
    assert caught.value.place == Place("g.toml", 3, 1) and "working directory" in str(caught.value)


@pytest.mark.parametrize(
    "text, status, words",
    [
        ("[driver\n", "FAULT", "not valid TOML"),
        ("{ \"a\": ", "BADCONF", "not valid JSON"),
        ("[1]", "BADCONF", "[graph]"),
        ("a = 1", "BADCONF", "no table [graph]"),
        ("[graph]\nx = 1", "BADCONF", "no format"),
        ("[graph]\nformat = 'dot'", "NOTSUPPORT", "'dot'"),
        ("[graph]\nformat = 'graphviz'", "NOTFOUND", "graphconffilepath"),
    ],
)
def test_files_that_are_no_graphs(text, status, words):
    with pytest.raises(FormatError) as caught:
        graphfile.loads(text)
    assert caught.value.status == status and caught.value.stage == "init" and words in str(caught.value)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(FormatError, match="No such file"):
        graphfile.load(str(tmp_path / "no.toml"))
    with pytest.raises(FormatError):
        graphfile.load(str(tmp_path))
    (tmp_path / "latin.toml").write_bytes(b"a = 1\nb = '\xe9'\n")
    with pytest.raises(FormatError, match="UTF-8") as caught:
        graphfile.load(str(tmp_path / "latin.toml"))
    assert caught.value.place.line == 2
    (tmp_path / "bom.toml").write_bytes(b"\xef\xbb\xbf" + TOML.encode())
    assert len(graphfile.load(str(tmp_path / "bom.toml")).nodes) == 2


def test_format_by_name_or_by_look(tmp_path):
    text = json.dumps({"graph": {"format": "graphviz", "graphconf": DOT}})
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(FormatError):
        graphfile.load(str(tmp_path / "a.toml"))
    assert graphfile.load(str(tmp_path / "a.toml"), "json").name == "g"
    (tmp_path / "a.conf").write_text(text)
    assert graphfile.load(str(tmp_path / "a.conf")).name == "g"
    with pytest.raises(FormatError, match="yaml"):
        graphfile.load(str(tmp_path / "a.conf"), "yaml")


def test_windows_lines():
    graph = graphfile.loads(TOML.replace("\n", "\r\n"), "g.toml")
    assert graph.edges[0].place == Place("g.toml", 9, 3)


def test_arguments():
    text = TOML + '[args.factor]\ndefault = "4"\n'
    assert graphfile.loads(text).nodes["b"].attributes["mul"] == "$factor"
    assert graphfile.loads(text, args={}).nodes["b"].attributes["mul"] == "4"
    assert graphfile.loads(text, args={"factor": 7}).nodes["b"].attributes["mul"] == "7"
    with pytest.raises(FormatError, match="Did you mean 'factor'") as caught:
        graphfile.loads(text, args={"facter": 7})
    assert caught.value.status == "FAULT"


def test_settings_made_in_python():
    graph = graphfile.from_settings(
        {"graph.format": "graphviz", "graph.graphconf": DOT, "driver.dir": "a\x03b", "x": True, "l": [1, 2]}
    )
    assert graph.driver_dirs == ["a", "b"] and graph.settings["x"] == "true" and graph.settings["l"] == ["1", "2"]
    with pytest.raises(FormatError):
        graphfile.from_settings({})


def test_empty_attributes_count_as_not_given():
    graph = graphfile.loads('[graph]\nformat="graphviz"\ngraphconf="""digraph { node[x=1] a[x="" y=2] }"""')
    assert graph.nodes["a"].attributes == {"y": "2"} and graph.nodes["a"].kind == ""


def test_an_edge_written_twice_counts_once():
    graph = graphfile.loads('[graph]\nformat="graphviz"\ngraphconf="digraph { a:x -> b:y a:x -> b:y a:z -> b:y }"')
    assert len(graph.edges) == 2
