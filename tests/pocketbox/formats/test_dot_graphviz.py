"""What Graphviz itself (16.1, in its WebAssembly build) made of some hundred texts, right and wrong ones.

graphviz.json holds [text, null where it refuses, else nodes with non-empty attributes and edges with ports].
"""
from __future__ import annotations

import json
import os

import pytest

from pocketbox import dot
from pocketbox.errors import FormatError

DRAWING = ("label", "pos", "width", "height")

with open(os.path.join(os.path.dirname(__file__), "graphviz.json"), encoding="utf-8") as _file:
    RECORDED = json.load(_file)


@pytest.mark.parametrize("text, expected", RECORDED, ids=[str(n) for n in range(len(RECORDED))])
def test_same_as_graphviz(text, expected):
    try:
        graph = dot.parse(text)
    except FormatError as error:
        assert expected is None, str(error)
        return
    assert expected is not None, "Graphviz refuses this"
    assert expected["nodes"] == {
        name: {key: value.text for key, value in node.attributes.items() if value.text and key not in DRAWING}
        for name, node in graph.nodes.items()
    }
    assert expected["edges"] == sorted([e.tail, e.port("tail"), e.head, e.port("head")] for e in graph.edges)
