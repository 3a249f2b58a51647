"""A graph of the DOT language as data: every node, edge and attribute with its place."""
from __future__ import annotations

from typing import Dict

from .place import Place


class Value:
    """One attribute's text and where it was written."""

    __slots__ = ("place", "text")

    def __init__(self, text: str, place: Place) -> None:
        self.text = text
        self.place = place


Attributes = Dict[str, Value]


class DotNode:
    """A node; `declared` tells whether the text has a statement of its own for it, or only edges."""

    __slots__ = ("attributes", "declared", "name", "place")

    def __init__(self, name: str, place: Place, attributes: Attributes) -> None:
        self.name = name
        self.place = place
        self.attributes = attributes
        self.declared = False


class DotEdge:
    __slots__ = ("attributes", "head", "place", "tail")

    def __init__(self, tail: str, head: str, place: Place, attributes: Attributes) -> None:
        self.tail = tail
        self.head = head
        self.place = place
        self.attributes = attributes

    def port(self, end: str) -> str:
        """The port at the `tail` or the `head`, "" when none is named."""
        value = self.attributes.get(end + "port")
        return value.text if value else ""


class DotGraph:
    def __init__(self) -> None:
        self.name = ""
        self.directed = True
        self.strict = False
        self.place = Place()
        self.attributes: Attributes = {}
        self.nodes: dict[str, DotNode] = {}
        self.edges: list[DotEdge] = []
        self.end: Place = Place()
        self.rest: Place | None = None   # where something stands behind the graph; Graphviz never reads it
