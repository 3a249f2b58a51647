"""The DOT parser: what Graphviz' grammar allows, where things stand, and what it refuses."""

from __future__ import annotations

import pytest

from pocketbox import dot
from pocketbox.errors import FormatError


def nodes(text):
    return {
        name: {key: value.text for key, value in node.attributes.items()}
        for name, node in dot.parse(text).nodes.items()
    }


def edges(text):
    return [(edge.tail, edge.port("tail"), edge.head, edge.port("head")) for edge in dot.parse(text).edges]


def test_name_and_kind_of_graph():
    graph = dot.parse("strict digraph \"a b\" { }")
    assert (graph.name, graph.strict, graph.directed) == ("a b", True, True)
    assert dot.parse("graph { a -- b }").directed is False
    assert dot.parse("DiGraph G{}").name == "G"


@pytest.mark.parametrize(
    "attributes", ["[a=1, b=2]", "[a=1 b=2]", "[a=1; b=2]", "[a=1,b=2,]", "[a=1][b=2]", "[\"a\"=\"1\"\nb=2]"]
)
def test_attribute_lists(attributes):
    assert nodes("digraph { n %s }" % attributes) == {"n": {"a": "1", "b": "2"}}


def test_values():
    text = (
        r'digraph { n [a="x \"y\"", b=-1.5, c=.5, d="" , e=<<b>t</b>>, f="one" + "two", g="back\\slash", h="a\nb"] }'
    )
    assert nodes(text)["n"] == {
        "a": 'x "y"',
        "b": "-1.5",
        "c": ".5",
        "d": "",
        "e": "<b>t</b>",
        "f": "onetwo",
        "g": r"back\\slash",
        "h": r"a\nb",
    }


def test_a_quoted_line_may_go_on():
    assert nodes('digraph { n [a="one \\\ntwo"] }')["n"]["a"] == "one two"


def test_comments():
    assert nodes('# made by hand\ndigraph { // one\n a /* two\n [x=1] */ [y=2] \n#line 3\n b }') == {
        "a": {"y": "2"},
        "b": {},
    }


def test_defaults_reach_the_nodes_that_follow():
    assert nodes("digraph { a node [x=1] b [y=2] c [x=3] node [x=4] d }") == {
        "a": {},
        "b": {"x": "1", "y": "2"},
        "c": {"x": "3"},
        "d": {"x": "4"},
    }


def test_subgraphs_have_defaults_of_their_own():
    text = "digraph { a subgraph cluster_1 { node [x=1] a b subgraph { node [y=2] c } } d }"
    assert nodes(text) == {"a": {}, "b": {"x": "1"}, "c": {"x": "1", "y": "2"}, "d": {}}


def test_a_repeated_node_merges_its_attributes():
    assert nodes("digraph { a [x=1, y=1] a -> b a [y=2, z=3] }") == {"a": {"x": "1", "y": "2", "z": "3"}, "b": {}}


def test_ports():
    assert edges('digraph { a:out -> b:in; a:"o p" -> b:in:nw }') == [
        ("a", "out", "b", "in"),
        ("a", "o p", "b", "in:nw"),
    ]


def test_ports_as_attributes_of_the_edge():
    assert edges("digraph { edge [tailport=out] a -> b [headport=in] a:x -> b }") == [
        ("a", "out", "b", "in"),
        ("a", "x", "b", ""),
    ]


def test_chains_lists_and_subgraphs():
    assert edges("digraph { a:x -> b:y -> c }") == [("a", "x", "b", "y"), ("b", "y", "c", "")]
    assert edges("digraph { a, b:p -> c, d }") == [
        ("a", "", "c", ""),
        ("a", "", "d", ""),
        ("b", "p", "c", ""),
        ("b", "p", "d", ""),
    ]
    assert edges("digraph { {a b} -> c -> subgraph s { d } }") == [
        ("a", "", "c", ""),
        ("b", "", "c", ""),
        ("c", "", "d", ""),
    ]


def test_strict_merges_edges():
    assert edges("strict digraph { a:x -> b:y a:z -> b:y }") == [("a", "z", "b", "y")]
    assert len(edges("digraph { a:x -> b:y a:z -> b:y }")) == 2


def test_graph_attributes_of_subgraphs_stay_there():
    graph = dot.parse('digraph { rankdir=LR graph [batch_size=4] subgraph s { rankdir=TB queue_size=3 } }')
    assert {key: value.text for key, value in graph.attributes.items()} == {"rankdir": "LR", "batch_size": "4"}


def test_only_the_first_graph_is_read():
    graph = dot.parse("digraph a { x } digraph b { y }")
    assert list(graph.nodes) == ["x"] and graph.rest.column == 17


def test_places():
    graph = dot.parse("digraph {\n  a [x=1,\n     y=2]\n  a:o -> b:i\n}", "file.dot")
    assert str(graph.nodes["a"].place) == "file.dot:2:3"
    assert str(graph.nodes["a"].attributes["y"].place) == "file.dot:3:8"
    edge = graph.edges[0]
    assert (str(edge.place), str(edge.attributes["headport"].place)) == ("file.dot:4:3", "file.dot:4:12")


@pytest.mark.parametrize(
    "text, line, column, words",
    [
        ("", 1, 1, "a graph"),
        ("graf { }", 1, 1, "digraph"),
        ("digraph {\n a", 2, 3, "The '{' of line 1 is still open"),
        ("digraph { a [x=1 }", 1, 18, "The '[' of line 1 is still open"),
        ("digraph { a [x] }", 1, 15, "'='"),
        ("digraph { a [x=12y] }", 1, 19, '"12y"'),
        ("digraph { a [x=a.b] }", 1, 17, "quotes"),
        ("digraph { a -> }", 1, 16, "a node"),
        ("digraph { a -- b }", 1, 13, "'->'"),
        ("graph { a -> b }", 1, 11, "'--'"),
        ('digraph { a [x="1] }', 1, 16, "closing quote"),
        ("digraph { a [x=<b] }", 1, 16, "has no end"),
        ("digraph { /* }", 1, 11, "*/"),
        ("digraph { a [type=node] }", 1, 19, "quotes"),
        ("digraph { a;; b }", 1, 13, "a node"),
        ("digraph { node }", 1, 16, "'['"),
        ('digraph { a [x="1" + 2] }', 1, 22, "quoted"),
        ("digraph " + "{" * 200, 1, 74, "at most"),
    ],
)
def test_errors(text, line, column, words):
    with pytest.raises(FormatError) as caught:
        dot.parse(text)
    error = caught.value
    assert (error.place.line, error.place.column) == (line, column), str(error)
    assert words in str(error)
    assert (error.status, error.stage) == ("FAULT", "build")


def test_the_webui_writes_this():
    text = '''digraph car {
        node [shape=Mrecord];
        rankdir=LR
        input1 [ type=input device=cpu ]
        video_decoder3 [ type=flowunit flowunit=video_decoder device=cpu deviceid="0" pix_fmt="bgr" x=""
                         label="{{<in_video_packet> in_video_packet}|dec|{<out_video_frame> out_video_frame}}" ]
        input1:"out" -> video_decoder3:"in_video_packet"
    }'''
    assert nodes(text)["video_decoder3"]["pix_fmt"] == "bgr"
    assert edges(text) == [("input1", "out", "video_decoder3", "in_video_packet")]
