"""FlowGraphDesc: a graph put together in Python, node by node."""
from __future__ import annotations

from typing import Any, Callable

from .catalog import Catalog
from .descriptor import Descriptor, Port
from .errors import BuildError
from .graph import Edge, Graph, Node
from .place import Place
from .sdk.flowunit import FlowUnit
from .sdk.status import Status, StatusCode

ALL = "*"


class FlowNodeDesc:
    """A node; indexed by an output's name or number it gives the port to connect."""

    def __init__(self, node_name: str) -> None:
        self._name = node_name
        self.kind = "flowunit"
        self.unit = ""
        self.device = "cpu"
        self.config: list[str] = []
        self.sources: dict[str, FlowPortDesc] = {}

    def set_node_name(self, name: str) -> None:
        self._name = name

    def get_node_name(self) -> str:
        return self._name

    def __getitem__(self, port: str | int) -> FlowPortDesc:
        if isinstance(port, bool) or not isinstance(port, (str, int)) or (isinstance(port, int) and port < 0):
            raise TypeError("a port is chosen by name or number, not by %r" % (port,))
        return FlowPortDesc(self, port)


class FlowPortDesc:
    """An output port of a node."""

    def __init__(self, node: FlowNodeDesc, port_name: str | int) -> None:
        self._node = node
        self._port = port_name

    def get_node_name(self) -> str:
        return self._node.get_node_name()

    def get_port_name(self) -> str:
        if isinstance(self._port, str):
            return self._port
        return self._node.get_node_name() if self._node.kind == "input" else ""


class _Function(FlowUnit):
    """A Python function as a flowunit."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self._function = function

    def open(self, config: Any) -> Status:
        return Status()

    def process(self, data_context: Any) -> Any:
        result = self._function(data_context)
        if not isinstance(result, (Status, StatusCode)):
            raise TypeError("the function returned %r; it has to return a Status.StatusCode" % (result,))
        return result

    def data_pre(self, data_context: Any) -> Status:
        return Status()

    def data_post(self, data_context: Any) -> Status:
        return Status()

    def close(self) -> Status:
        return Status()


class FlowGraphDesc:
    """Settings, nodes and their connections; given to Flow.init."""

    def __init__(self) -> None:
        self._settings: dict[str, Any] = {}
        self._nodes: list[FlowNodeDesc] = []
        self._names: dict[str, int] = {}
        self._functions: list[Descriptor] = []

    def set_queue_size(self, size: int) -> None:
        self._settings["graph.queue_size"] = str(int(size))

    def set_batch_size(self, size: int) -> None:
        self._settings["graph.batch_size"] = str(int(size))

    def set_drivers_dir(self, dirs: list[str]) -> None:
        self._settings["driver.dir"] = [str(d) for d in dirs]

    def set_skip_default_drivers(self, skip: bool) -> None:
        self._settings["driver.skip-default"] = "true" if skip else "false"

    def set_profile_dir(self, folder: str) -> None:
        self._settings["profile.dir"] = folder

    def set_profile_trace_enable(self, enable: bool) -> None:
        self._settings["profile.trace"] = "true" if enable else "false"

    def _unique(self, name: str) -> str:
        count = self._names[name] = self._names.get(name, 0) + 1
        return name if count == 1 else "%s%d" % (name, count)

    def add_input(self, input_name: str) -> FlowNodeDesc | None:
        if input_name in self._names:
            return None
        node = FlowNodeDesc(self._unique(input_name))
        node.kind = "input"
        self._nodes.append(node)
        return node

    def add_output(self, output_name: str, source: FlowPortDesc | FlowNodeDesc | None) -> None:
        if source is None or output_name in self._names:
            return
        node = FlowNodeDesc(self._unique(output_name))
        node.kind = "output"
        node.sources[""] = source if isinstance(source, FlowPortDesc) else source[0]
        self._nodes.append(node)

    def add_node(self, flowunit_name: str, device: str, *rest: Any) -> FlowNodeDesc | None:
        """add_node(unit, device[, config][, sources]); config is a list of "key=value", sources a node or a dict of
        input port: output port."""
        config: list[str] = []
        source: Any = {}
        for arg in rest:
            if isinstance(arg, (list, tuple)):
                config = [str(c) for c in arg]
            elif arg is None:
                return None
            else:
                source = arg
        node = FlowNodeDesc(self._unique(flowunit_name))
        node.unit, node.device, node.config = flowunit_name, device, config
        node.sources = _sources(source)
        self._nodes.append(node)
        return node

    def add_function(self, func: Callable[[Any], Any], input_name_list: list[str], output_name_list: list[str],
                     source: Any) -> FlowNodeDesc | None:
        """A Python function as a unit: it gets the DataContext and returns a status code."""
        if source is None:
            return None
        name = "register_func_%d" % len(self._functions)
        descriptor = Descriptor(name)
        descriptor.stream = False
        descriptor.inputs = [Port(p) for p in input_name_list]
        descriptor.outputs = [Port(p) for p in output_name_list]
        descriptor.factory = lambda: _Function(func)
        self._functions.append(descriptor)
        return self.add_node(name, "cpu", source)

    # -- for Flow ----------------------------------------------------------
    def graph(self) -> tuple[Graph, list[Descriptor]]:
        """The graph and the units that its functions are."""
        graph = Graph("flow_graph_desc")
        graph.settings.update(self._settings)
        for key in ("queue_size", "batch_size"):
            if "graph." + key in self._settings:
                graph.attributes[key] = self._settings["graph." + key]
        catalog = Catalog.scan(graph.driver_dirs)
        for descriptor in self._functions:
            catalog.add(descriptor)
        for desc in self._nodes:
            attributes = {"type": desc.kind}
            if desc.kind == "flowunit":
                attributes.update(flowunit=desc.unit, device=desc.device)
            for item in desc.config:
                key, _, value = item.partition("=")
                attributes[key] = value
            graph.nodes[desc.get_node_name()] = Node(desc.get_node_name(), desc.kind, attributes, Place())
        for desc in self._nodes:
            for port, source in _connections(desc, catalog).items():
                graph.edges.append(Edge(source[0], source[1], desc.get_node_name(), port, Place()))
        return graph, self._functions


def _sources(source: Any) -> dict[str, FlowPortDesc]:
    if isinstance(source, FlowNodeDesc):
        return {ALL: source[ALL]}
    if isinstance(source, dict):
        return {str(k): (v if isinstance(v, FlowPortDesc) else v[0]) for k, v in source.items()}
    raise TypeError("the sources of a node are a node or a dict of input port: output port, not %r" % (source,))


def _outputs(node: FlowNodeDesc, catalog: Catalog) -> list[str]:
    return [node.get_node_name()] if node.kind == "input" else catalog.find(node.unit, node.device).output_names()


def _connections(node: FlowNodeDesc, catalog: Catalog) -> dict[str, tuple[str, str]]:
    """Input port -> (node, output port), with numbers and "all ports in order" turned into names."""
    out: dict[str, tuple[str, str]] = {}
    for port, source in node.sources.items():
        other = source._node
        names = _outputs(other, catalog)
        if port == ALL:
            inputs = catalog.find(node.unit, node.device).input_names()
            if len(inputs) != len(names):
                raise BuildError("node %s has %d outputs, node %s has %d inputs" % (
                    other.get_node_name(), len(names), node.get_node_name(), len(inputs)), None,
                    "Name the ports: {\"input\": node[\"output\"]}", "FAULT")
            for mine, theirs in zip(inputs, names):
                out[mine] = (other.get_node_name(), theirs)
            continue
        name = source._port
        if isinstance(name, int):
            if not 0 <= name < len(names):
                raise BuildError("node %s has %d outputs, there is no output %d" % (
                    other.get_node_name(), len(names), name), None, "", "NOTFOUND")
            name = names[name]
        out[port] = (other.get_node_name(), name)
    return out
