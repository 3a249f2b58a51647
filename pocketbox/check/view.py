"""What graph rules look at."""
from __future__ import annotations

from typing import NamedTuple

from ..place import Place
from ..problem import Problem
from ..resolve import BoundNode, Resolved
from .unitcode import UnitCode


class GraphView(NamedTuple):
    """What graph rules look at: the bound graph, and the code of each Python unit by its name."""

    resolved: Resolved
    code: dict[str, UnitCode]

    def place(self, key: str) -> Place:
        return self.resolved.graph.places.get(key, Place(self.resolved.graph.file))


def node_problem(node: BoundNode, code: str, severity: str, message: str, key: str = "", cure: str = "") -> Problem:
    return Problem(
        code,
        severity,
        "node '%s': %s" % (node.name, message),
        node.attribute_places.get(key, node.place),
        node.name,
        "",
        cure,
    )
