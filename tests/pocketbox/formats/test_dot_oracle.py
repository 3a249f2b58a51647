"""pydot reads the same graphs; where both understand a text, they agree."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pocketbox import dot

pydot = pytest.importorskip("pydot")
pytestmark = pytest.mark.filterwarnings("ignore")

WORD = st.from_regex(r"[a-z_][a-z0-9_]{0,6}", fullmatch=True).filter(
    lambda w: w not in ("node", "edge", "graph", "digraph", "subgraph", "strict")
)
TEXT = st.text("abc XYZ019,;:[]{}=<>/*#'$.-", max_size=10)
QUOTED = TEXT.map(lambda t: '"%s"' % t)
VALUE = st.one_of(WORD, st.integers(-99, 99).map(str), QUOTED)
ATTRIBUTES = st.lists(st.tuples(WORD, VALUE), max_size=4)
SEPARATOR = st.sampled_from([", ", " ", ",\n"])  # pydot knows no ";" here


@st.composite
def graphs(draw):
    names = draw(st.lists(WORD, min_size=1, max_size=5, unique=True))
    separator = draw(SEPARATOR)
    lines = []
    for name in names:
        attributes = separator.join("%s=%s" % pair for pair in draw(ATTRIBUTES))
        lines.append("%s [%s]" % (draw(st.sampled_from([name, '"%s"' % name])), attributes) if attributes else name)
    for _ in range(draw(st.integers(0, 4))):
        ends = [draw(st.sampled_from(names)) for _ in range(draw(st.integers(2, 3)))]
        lines.append(" -> ".join("%s:%s" % (end, draw(WORD)) for end in ends))
    return "digraph g {\n%s\n}" % "\n".join(lines)


def bare(text):
    return text[1:-1] if text.startswith('"') and text.endswith('"') and len(text) > 1 else text


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_nodes_and_edges(text):
    ours = dot.parse(text)
    theirs = pydot.graph_from_dot_data(text)[0]
    expected = {}
    for node in theirs.get_nodes():
        values = {bare(key): bare(value) for key, value in node.get_attributes().items()}
        expected.setdefault(bare(node.get_name()), {}).update(values)
    got = {name: {key: value.text for key, value in node.attributes.items()} for name, node in ours.nodes.items()}
    for name, values in expected.items():
        assert got[name] == values
    pairs = [(edge.get_source(), edge.get_destination()) for edge in theirs.get_edges()]
    assert sorted(
        "%s:%s" % (e.tail, e.port("tail")) + "->%s:%s" % (e.head, e.port("head")) for e in ours.edges
    ) == sorted("->".join(pair).replace('"', "") for pair in pairs)
