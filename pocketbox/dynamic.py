"""ModelBoxEngine and DataHandler: units called one after another in a program, the graph made behind the scenes."""
from __future__ import annotations

from typing import Any, Iterator

from .errors import PocketboxError
from .flow import ExternalDataMap, ExtOutputBufferList, Flow
from .flowdesc import FlowGraphDesc, FlowNodeDesc
from .sdk import log
from .sdk.buffer import Buffer, Device
from .sdk.buffer_list import BufferList
from .sdk.configuration import Configuration
from .sdk.private import DataMeta
from .sdk.status import Status, StatusCode


class _Chain:
    """The graph that grows with each execute, and the flow that runs it once somebody asks for data."""

    def __init__(self, engine: ModelBoxEngine, ports: set[str]) -> None:
        self.engine = engine
        self.desc = engine.new_desc()
        self.inputs: dict[str, FlowNodeDesc] = {}
        for port in sorted(ports):
            node = self.desc.add_input(port)
            assert node is not None
            self.inputs[port] = node
        self.waiting: list[tuple[str, BufferList]] = []
        self.meta: dict[str, str] = {}
        self.closed = False
        self.flow: Flow | None = None
        self.data: ExternalDataMap | None = None

    def send(self, port: str, buffers: BufferList) -> Status:
        if self.closed:
            return Status(StatusCode.STATUS_STOP, "the input is closed")
        if port not in self.inputs:
            return Status(StatusCode.STATUS_INVALID, "there is no input %s" % port)
        if self.data is None:
            self.waiting.append((port, buffers))
            return Status()
        return self.data.send(port, buffers)

    def close(self) -> None:
        self.closed = True
        if self.data is not None:
            self.data.close()

    def run(self, node: FlowNodeDesc, ports: list[str]) -> Status:
        for port in ports:
            self.desc.add_output("%s_%s" % (node.get_node_name(), port), node[port])
        flow = Flow()
        status = flow.init(self.desc)
        status = flow.start_run() if status else status
        if not status:
            return status
        self.flow = flow
        data = flow.create_external_data_map()
        assert data is not None
        self.data = data
        if self.meta:
            meta = DataMeta()
            for key, value in self.meta.items():
                meta.set_private_string(key, value)
            for port in self.inputs:
                data.set_output_meta(port, meta)
            if not self.waiting:
                # Meta alone is a request of one empty buffer per input.
                self.waiting = [(port, BufferList([Buffer(Device())])) for port in self.inputs]
        for port, buffers in self.waiting:
            data.send(port, buffers)
        self.waiting = []
        if self.closed:
            data.close()
        return Status()


class DataHandler:
    """An input (pushdata, setmeta, close), what a unit puts out (iterate), or one result (index by port)."""

    def __init__(self) -> None:
        self._chain: _Chain | None = None
        self._node: FlowNodeDesc | None = None
        self._ports: list[str] = []
        self._lists: dict[str, BufferList] = {}
        self._is_input = False
        self._error = Status()
        self._sources: dict[str, DataHandler] = {}

    def close(self) -> None:
        if self._is_input and self._chain is not None:
            self._chain.close()

    def setmeta(self, key: str, value: str) -> Status:
        if not self._is_input or self._chain is None or not key or not value:
            return Status(StatusCode.STATUS_FAULT, "meta is set on an input, with a key and a value")
        self._chain.meta.setdefault(key, value)
        return Status()

    def pushdata(self, data: Buffer | DataHandler, key: str) -> Status:
        if isinstance(data, DataHandler):
            lists = [v for v in data._lists.values() if len(v)]
            if not lists:
                return Status(StatusCode.STATUS_FAULT, "the handler holds no data")
            buffers = lists[0]
        else:
            buffers = BufferList([data])
        if self._is_input and self._chain is not None:
            return self._chain.send(key, buffers)
        mine = self._lists.setdefault(key, BufferList())
        for buffer in buffers:
            mine.push_back(buffer)
        return Status()

    def get_datahandler(self, key: str) -> DataHandler | None:
        if key in self._lists:
            part = DataHandler()
            part._lists = {key: self._lists[key]}
            return part
        if self._node is not None and key in self._ports and not self._is_input:
            part = DataHandler()
            part._chain, part._node, part._ports = self._chain, self._node, [key]
            return part
        return None

    def set_datahandler(self, data_map: dict[str, DataHandler]) -> Status:
        self._sources = dict(data_map)
        for handler in data_map.values():
            self._chain = self._chain or handler._chain
            if handler._chain is not self._chain:
                return Status(StatusCode.STATUS_FAULT, "the handlers belong to different inputs")
        return Status()

    def __getitem__(self, key: str) -> DataHandler:
        part = self.get_datahandler(key)
        if part is None:
            raise IndexError("there is no port %s" % key)
        return part

    def __iter__(self) -> Iterator[DataHandler]:
        return self

    def __next__(self) -> DataHandler:
        chain = self._chain
        if chain is None or self._node is None or self._is_input:
            raise StopIteration
        if chain.data is None:
            status = chain.run(self._node, self._ports)
            if not status:
                self._error = status
                log.write(log.Level.ERROR, "the units cannot be run: %s" % status)
                raise StopIteration
        got = ExtOutputBufferList()
        assert chain.data is not None
        if not chain.data.recv(got):
            raise StopIteration
        result = DataHandler()
        head = self._node.get_node_name() + "_"
        for name, buffers in got._lists.items():
            result._lists[name[len(head):] if name.startswith(head) else name] = buffers
        return result


class ModelBoxEngine:
    """init, create_input, then execute unit after unit; iterate the last handler for the results."""

    def __init__(self) -> None:
        self._settings: dict[str, Any] = {}
        self._chains: list[_Chain] = []

    def init(self, config: Configuration | dict[str, str]) -> Status:
        values = config.values() if isinstance(config, Configuration) else dict(config)
        self._settings = {k: (v.split("\x03") if "\x03" in v else v) for k, v in values.items()}
        return Status()

    def new_desc(self) -> FlowGraphDesc:
        desc = FlowGraphDesc()
        for key, value in self._settings.items():
            if key == "drivers.dir":
                desc.set_drivers_dir([value] if isinstance(value, str) else value)
            elif key in ("graph.queue_size", "graph.batch_size"):
                desc._settings[key] = value
        return desc

    def create_input(self, port_map: set[str]) -> DataHandler:
        chain = _Chain(self, set(port_map))
        self._chains.append(chain)
        handler = DataHandler()
        handler._chain, handler._is_input, handler._ports = chain, True, sorted(port_map)
        return handler

    def execute(self, name: str, config: dict[str, str], data: DataHandler | dict[str, DataHandler]) -> DataHandler:
        """Run a unit on what a handler holds or puts out."""
        from .catalog import Catalog
        out = DataHandler()
        device = config.get("device", "cpu")
        handlers = data if isinstance(data, dict) else data._sources or None
        chain = (next(iter(handlers.values())) if handlers else data)._chain  # type: ignore[union-attr]
        if chain is None:
            out._error = Status(StatusCode.STATUS_FAULT, "start with create_input")
            return out
        try:
            unit = Catalog.scan(FlowSettings(self._settings).dirs).find(name, device)
        except PocketboxError as error:
            log.write(log.Level.ERROR, str(error))
            out._error = Status(StatusCode.STATUS_NOTFOUND, str(error))
            return out
        sources: dict[str, Any] = {}
        if handlers:
            for port, handler in handlers.items():
                sources[port] = _port(handler, handler._ports[0])
        else:
            assert isinstance(data, DataHandler)
            names = unit.input_names()
            for port, theirs in zip(names, data._ports if len(names) == 1 else names):
                sources[port] = _port(data, theirs)
        items = ["%s=%s" % (k, v) for k, v in config.items() if k != "device"]
        node = chain.desc.add_node(name, device, items, sources)
        out._chain, out._node, out._ports = chain, node, unit.output_names()
        return out

    def shutdown(self) -> None:
        for chain in self._chains:
            if chain.flow is not None:
                chain.flow.stop()

    close = shutdown


class FlowSettings:
    """The driver folders among an engine's settings."""

    def __init__(self, settings: dict[str, Any]) -> None:
        value = settings.get("drivers.dir", [])
        self.dirs = [value] if isinstance(value, str) else list(value)


def _port(handler: DataHandler, name: str) -> Any:
    assert handler._chain is not None
    node = handler._chain.inputs[name] if handler._is_input else handler._node
    assert node is not None
    return node[0] if handler._is_input else node[name]
