"""Binds a graph to the units it uses and finds everything for which the real engine would refuse to build it.

All problems are listed, not only the first, in the order in which the real engine would meet them: the nodes by name,
then the edges, then (once all units are open) the shape of the whole. Which streams may meet where is the business of
`pocketbox.engine.topology`.
"""
from __future__ import annotations

from typing import Any

from .attribute import setting, text, whole
from .catalog import Catalog, device_ids
from .descriptor import Descriptor
from .errors import BuildError
from .graph import Edge, Graph, Node
from .nearest import did_you_mean
from .place import Place
from .problem import ERROR, WARNING, Problem
from .shape import shape_problems

INHERITED = ("batch_size", "queue_size", "deviceid", "need_check_output")
QUEUE_SIZE = 32
QUEUE_SIZE_EXTERNAL = 1024
BATCH_NORMAL = 8
BATCH_STREAM = 1
KINDS = ("flowunit", "input", "output")


class BoundNode:
    """A node and its unit. `descriptor` is None for input and output nodes, which have one port named like themselves.

    `attributes` are the node's own texts with those that it inherits from the graph; `config` is what the unit's
    Configuration holds: its [config] overlaid by the attributes, with commas already split into lists.
    """

    def __init__(self, node: Node, descriptor: Descriptor | None, attributes: dict[str, str]) -> None:
        self.name = node.name
        self.kind = node.kind
        self.place = node.place
        self.attribute_places = node.attribute_places
        self.descriptor = descriptor
        self.attributes = attributes
        self.config: dict[str, Any] = dict(descriptor.config) if descriptor else {}
        for key, value in attributes.items():
            self.config[key] = setting(value)
        self.batch_size = self._batch_size()
        self.queue_size = self._size("queue_size", QUEUE_SIZE)
        self.queue_size_external = self._size("queue_size_external", QUEUE_SIZE_EXTERNAL)
        self.queue_sizes = {port: self._size("queue_size_" + port, self.queue_size) for port in self.inputs}

    @property
    def inputs(self) -> list[str]:
        if self.descriptor is not None:
            return self.descriptor.input_names()
        return [self.name] if self.kind == "output" else []

    @property
    def outputs(self) -> list[str]:
        if self.descriptor is not None:
            return self.descriptor.output_names()
        return [self.name] if self.kind == "input" else []

    def _size(self, key: str, default: int) -> int:
        number = whole(text(self.attributes.get(key, "")))
        return default if number is None or number < 1 else number

    def _batch_size(self) -> int:
        unit = self.descriptor
        if unit is None or unit.condition:
            return 1
        default = unit.default_batch_size or (BATCH_STREAM if unit.stream else BATCH_NORMAL)
        size = self._size("batch_size", default)
        limit = unit.max_batch_size or (BATCH_STREAM if unit.stream else size)
        return min(size, limit)

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name}>"


class Resolved:
    """A graph whose nodes know their units. Ports of the edges are real ports; orphans that may stay are left out."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes: dict[str, BoundNode] = {}
        self.edges: list[Edge] = []
        self.skipped: list[str] = []    # nodes that graph.strict = false leaves out

    def into(self, node: str, port: str) -> list[Edge]:
        return [edge for edge in self.edges if edge.target == node and edge.target_port == port]

    def out_of(self, node: str, port: str) -> list[Edge]:
        return [edge for edge in self.edges if edge.source == node and edge.source_port == port]


def resolve(graph: Graph, catalog: Catalog) -> tuple[Resolved, list[Problem]]:
    """Bind the graph's nodes to units of the catalog and list every problem."""
    resolved = Resolved(graph)
    problems: list[Problem] = []
    if not graph.flag("flow.enable", True):
        problems.append(Problem("SB004", ERROR, "the flow is disabled", graph.places.get("flow.enable"),
                                cure="Set enable = true in [flow]", status="PERMIT", stage="init"))
    strict = graph.flag("graph.strict", True)
    broken = set()
    for name in sorted(graph.nodes):
        found = _bind(graph, graph.nodes[name], catalog, resolved, strict)
        broken.update([name] if any(p.severity == ERROR for p in found) else [])
        problems += found
    resolved.nodes = {name: resolved.nodes[name] for name in graph.nodes if name in resolved.nodes}
    problems += _edges(graph, resolved, broken)
    if not graph.nodes:
        problems.append(Problem("SB035", ERROR, "the graph has no nodes", graph.place,
                                cure="Add a node with flowunit=...", after_open=True))
    whole_graph = not any(problem.severity == ERROR for problem in problems)
    problems += shape_problems(resolved, whole_graph)
    if not any(problem.severity == ERROR for problem in problems):
        problems += _topology(resolved)
    return resolved, problems


def _topology(resolved: Resolved) -> list[Problem]:
    try:
        from .engine import topology
    except ImportError:
        return []
    return list(topology.check(resolved))


def _bind(graph: Graph, node: Node, catalog: Catalog, resolved: Resolved, strict: bool) -> list[Problem]:
    """Find the node's unit and check its ports and numbers."""
    def wrong(code: str, message: str, cure: str = "", status: str = "BADCONF", place: Place | None = None,
              port: str = "", severity: str = ERROR, after_open: bool = False) -> Problem:
        return Problem(code, severity, message, place or node.place, node.name, port, cure, status, "build", after_open)

    if node.kind not in KINDS:
        if not strict:
            resolved.skipped.append(node.name)
            return []
        if not node.kind:
            return [wrong("SB020", f"node '{node.name}' has neither a type nor a flowunit", _undeclared(graph, node),
                          "NOTSUPPORT")]
        return [wrong("SB020", f"node '{node.name}' is of type '{node.kind}', which does not exist",
                      did_you_mean(node.kind, KINDS), "NOTSUPPORT", node.attribute_places.get("type"))]
    if node.kind != "flowunit":
        resolved.nodes[node.name] = BoundNode(node, None, dict(node.attributes))
        return []
    if not node.unit:
        known = " The node's own name does not count." if node.name in catalog.names() else ""
        return [wrong("SB021", f"node '{node.name}' names no flowunit",
                      "Add flowunit={}.{}".format(node.name if known else "NAME", known), "INVALID")]
    ins = {edge.target_port for edge in graph.edges if edge.target == node.name} - {""}
    outs = {edge.source_port for edge in graph.edges if edge.source == node.name} - {""}
    if not ins and not outs:
        if not strict:
            resolved.skipped.append(node.name)
            return []
        return [wrong("SB024", f"node '{node.name}' has no edge with a port: it is an orphan",
                      f"Connect it ({node.name}:port -> other:port), remove it, or set strict = false in [graph]")]
    attributes = dict(node.attributes)
    for key in INHERITED:
        if graph.attributes.get(key):
            attributes.setdefault(key, graph.attributes[key])
    device = attributes.get("device", "")
    try:
        unit = catalog.find(node.unit, device)
    except BuildError as error:
        there = any(other == node.unit for other in catalog.names())
        place = node.attribute_places.get("device" if there else "flowunit")
        return [wrong("SB023" if there else "SB022", f"node '{node.name}': {error.message}", error.cure,
                      "NOTFOUND", place)]
    problems: list[Problem] = []
    message, cure = _device_id(node, unit, device, text(attributes.get("deviceid", "")))
    if message:
        places = node.attribute_places
        problems.append(wrong("SB023", message, cure, "NOTFOUND", places.get("deviceid") or places.get("device")))
    bound = BoundNode(node, unit, attributes)
    resolved.nodes[node.name] = bound
    for key, value in attributes.items():
        problems += _number(node, graph, key, value, bound.inputs)
    for port in bound.inputs:
        if port not in ins:
            problems.append(wrong("SB027", f"input port '{port}' of node '{node.name}' is not connected",
                                  f"Lead an edge into it: ... -> {node.name}:{port}", port=port))
    for port in bound.outputs:
        if port not in outs:
            problems.append(wrong("SB028", f"output port '{port}' of node '{node.name}' is not connected",
                                  f"Lead an edge out of it: {node.name}:{port} -> ...", port=port))
    return problems


def _device_id(node: Node, unit: Descriptor, device: str, number: str) -> tuple[str, str]:
    """What is wrong with the device ids that a node asks for, and the cure; the processor has the id 0 only."""
    asked = device_ids(device)
    if number and not asked:
        return f"node '{node.name}' has a deviceid but no device", f"Add device={unit.device}"
    if number and (len(asked) > 1 or asked[unit.device]):
        return f"node '{node.name}' names devices both by device and by deviceid", "Remove deviceid"
    ids = [number] if number else asked.get(unit.device, [])
    if ids and unit.device == "cpu" and "0" not in ids:
        return f"node '{node.name}' asks for cpu {', '.join(ids)}, and there is cpu 0 only", "Write deviceid=0"
    return "", ""


def _undeclared(graph: Graph, node: Node) -> str:
    others = [name for name in graph.nodes if name != node.name and graph.nodes[name].kind]
    hint = did_you_mean(node.name, others)
    if node.attributes:
        return "Add type=flowunit, flowunit=NAME"
    cure = hint if hint.startswith("Did") else f"Declare it: {node.name}[flowunit=...]"
    return "It stands in an edge only. %s" % cure


def _number(node: Node, graph: Graph, key: str, value: str, inputs: list[str]) -> list[Problem]:
    ports = ["queue_size_" + port for port in inputs]
    if key not in ("batch_size", "queue_size", "queue_size_external") and key not in ports:
        return []
    place = node.attribute_places.get(key) or graph.attribute_places.get(key) or node.place
    number = whole(text(value))
    if number is None:
        return [Problem("SB033", WARNING, f"{key} of node '{node.name}' is '{value}', not a whole number: the "
                        f"default is taken", place, node.name, cure="Write a number above 0")]
    if number < 1:
        return [Problem("SB033", ERROR, "%s of node '%s' is %d" % (key, node.name, number), place, node.name,
                        cure="Write a number above 0", status="INVALID")]
    return []


def _edges(graph: Graph, resolved: Resolved, broken: Any) -> list[Problem]:
    """Check both ends of each edge, and keep the edges whose ends exist."""
    problems: list[Problem] = []
    known = set()
    for edge in sorted(graph.edges, key=lambda e: (e.source, e.source_port, e.target, e.target_port)):
        source = _port(resolved, edge, True, broken, problems)
        target = _port(resolved, edge, False, broken, problems)
        if source is None or target is None:
            continue
        key = (edge.source, source, edge.target, target)
        if key not in known:
            known.add(key)
            resolved.edges.append(Edge(edge.source, source, edge.target, target, edge.place, edge.source_place,
                                       edge.target_place))
    order = {name: index for index, name in enumerate(graph.nodes)}
    resolved.edges.sort(key=lambda e: (order[e.source], order[e.target], e.place))
    return problems


def _port(resolved: Resolved, edge: Edge, is_source: bool, broken: Any, problems: list[Problem]) -> str | None:
    """The real port at one end of an edge, or None (with a problem, unless the node itself is one)."""
    name, port, place, side = (edge.source, edge.source_port, edge.source_place, "output") if is_source else (
        edge.target, edge.target_port, edge.target_place, "input")
    node = resolved.nodes.get(name)
    if node is None:
        if name not in broken:
            problems.append(Problem("SB036", ERROR, f"the edge {edge!r} ends at node '{name}', which is left out",
                                    place, name, port, "Give the node a flowunit, or remove the edge"))
        return None
    ports = node.outputs if is_source else node.inputs
    if node.descriptor is None:
        if ports:
            return ports[0]
        problems.append(Problem("SB037", ERROR, "the edge {!r} leads {} the {} node '{}'".format(
            edge, "out of" if is_source else "into", node.kind, name), place, name, port,
            "Edges lead out of input nodes and into output nodes only"))
        return None
    if port in ports:
        return port
    code = "SB026" if is_source else "SB025"
    if not port:
        cure = "Write {}:PORT. {}".format(name, did_you_mean("", ports))
        problems.append(Problem(code, ERROR, f"the edge {edge!r} names no {side} port of node '{name}'", place, name,
                                "", cure))
        return None
    cure = did_you_mean(port, ports) if ports else f"Flowunit '{node.descriptor.name}' has no {side} port."
    if ":" in port and port.split(":")[0] in ports:
        cure = "Leave out the compass point: the engine takes it as part of the port's name"
    elif port in (node.inputs if is_source else node.outputs):
        cure = "'{}' is an {} port. {}".format(port, "input" if is_source else "output", cure)
    problems.append(Problem(code, ERROR, f"flowunit '{node.descriptor.name}' of node '{name}' has no {side} "
                            f"port '{port}'", place, name, port, cure))
    return None
