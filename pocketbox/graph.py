"""A graph as a person wrote it: nodes, edges and settings, each with its place. Nothing is looked up yet."""
from __future__ import annotations

import os

from . import attribute
from .place import Place


class Node:
    """One node of the DOT text; attributes are texts as written (without quotes), empty ones left out.

    `kind` is flowunit, input or output, or whatever stands as `type`; "" when the text gives neither type nor unit.
    """

    __slots__ = ("attribute_places", "attributes", "kind", "name", "place")

    def __init__(self, name: str, kind: str, attributes: dict[str, str], place: Place,
                 attribute_places: dict[str, Place] | None = None) -> None:
        self.name = name
        self.kind = kind
        self.attributes = attributes
        self.place = place
        self.attribute_places = attribute_places or {}

    @property
    def unit(self) -> str:
        """Name of the flowunit; "" when the node names none (its own name does not count, as on the real engine)."""
        return attribute.text(self.attributes.get("flowunit", ""))


class Edge:
    """`source:source_port -> target:target_port`; a port is "" where the text names none (input and output nodes)."""

    __slots__ = ("place", "source", "source_place", "source_port", "target", "target_place", "target_port")

    def __init__(self, source: str, source_port: str, target: str, target_port: str, place: Place,
                 source_place: Place | None = None, target_place: Place | None = None) -> None:
        self.source = source
        self.source_port = source_port
        self.target = target
        self.target_port = target_port
        self.place = place
        self.source_place = source_place or place      # of the source's port
        self.target_place = target_place or place      # of the target's port

    def __repr__(self) -> str:
        return f"{self.source}:{self.source_port} -> {self.target}:{self.target_port}"


class Graph:
    """Nodes in the order of the text, edges without repetitions, and the settings of the file's tables.

    `settings` is the whole file flattened to dotted keys with text values ("driver.skip-default": "false"), lists as
    lists of texts: what the real engine's Configuration would hold. `attributes` are those of the DOT graph itself.
    """

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.nodes: dict[str, Node] = {}
        self.edges: list[Edge] = []
        self.attributes: dict[str, str] = {}
        self.settings: dict[str, object] = {}
        self.places: dict[str, Place] = {}             # of the settings, by key
        self.attribute_places: dict[str, Place] = {}
        self.place = Place()                           # of the DOT graph
        self.file = ""
        self.rest: Place | None = None                 # of what stands behind the graph; nobody reads it
        self.strict_dot = False                        # "strict digraph": Graphviz merges parallel edges
        self.odd_arrays: list[str] = []                # keys of arrays that hold more than strings

    @property
    def driver_dirs(self) -> list[str]:
        """The folders with units. A relative one that the working directory lacks is looked for beside the graph."""
        value = self.settings.get("driver.dir", self.settings.get("drivers.dir", []))
        dirs = [value] if isinstance(value, str) else list(value)  # type: ignore[call-overload]
        beside = os.path.dirname(os.path.abspath(self.file)) if self.file else ""
        found = []
        for folder in dirs:
            other = os.path.normpath(os.path.join(beside, folder))
            found.append(other if beside and not os.path.exists(folder) and os.path.isdir(other) else folder)
        return found

    def flag(self, key: str, default: bool) -> bool:
        """A setting read as the real engine reads booleans: only "true" and "1" are true."""
        value = self.settings.get(key)
        return default if value is None else str(value) in ("true", "1", "True")
