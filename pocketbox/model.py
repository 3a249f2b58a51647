"""Model: one unit run by itself, fed with arrays."""
from __future__ import annotations

from typing import Any

from .catalog import Catalog
from .errors import PocketboxError
from .flow import Flow, FlowStreamIO, status_of
from .flowdesc import FlowGraphDesc
from .sdk import log
from .sdk.buffer import Buffer
from .sdk.status import Status, StatusCode


class Model:
    """Model(path, name, max_batch_size, device, device_id): the unit `name` found below `path`."""

    def __init__(self, path: str, name: str, max_batch_size: int = 1, device: str = "cpu",
                 device_id: str = "0") -> None:
        self._paths = [path]
        self._name = name
        self._batch = int(max_batch_size)
        self._device = device
        self._device_id = device_id
        self._flow: Flow | None = None
        self._inputs: list[str] = []
        self._outputs: list[str] = []

    def add_path(self, path: str) -> None:
        self._paths.append(path)

    def start(self) -> Status:
        desc = FlowGraphDesc()
        desc.set_drivers_dir(self._paths)
        try:
            unit = Catalog.scan(self._paths).find(self._name, self._device)
        except PocketboxError as error:
            log.write(log.Level.ERROR, str(error))
            return Status(StatusCode.STATUS_BADCONF, str(error))
        self._inputs, self._outputs = unit.input_names(), unit.output_names()
        sources = {}
        for name in self._inputs:
            node = desc.add_input(name)
            assert node is not None
            sources[name] = node[0]
        config = ["batch_size=%d" % self._batch, "deviceid=" + self._device_id]
        node = desc.add_node(self._name, self._device, config, sources)
        assert node is not None
        for name in self._outputs:
            # An output may have the name of an input; outputs are told apart by their order.
            desc.add_output("%s_out" % name, node[name])
        flow = Flow()
        try:
            status = flow.init(desc)
        except PocketboxError as error:
            return status_of(error)
        status = flow.start_run() if status else status
        if status:
            self._flow = flow
        return status

    def stop(self) -> None:
        if self._flow is not None:
            self._flow.stop()
        self._flow = None

    def infer(self, data_list: list[Any]) -> list[Buffer | None]:
        """One array per input; one buffer per output."""
        rows = self.infer_batch([[data] for data in data_list])
        return [row[0] for row in rows]

    def infer_batch(self, data_list: list[list[Any]]) -> list[list[Buffer | None]]:
        """Per input a list of arrays; per output as many buffers."""
        if self._flow is None or len(data_list) != len(self._inputs) or not data_list or not data_list[0]:
            log.write(log.Level.ERROR, "model %s: %s" % (
                self._name, "not started" if self._flow is None else "%d inputs are needed, %d given" % (
                    len(self._inputs), len(data_list))))
            return []
        stream = self._flow.create_stream_io()
        assert isinstance(stream, FlowStreamIO)
        for row in zip(*data_list):
            for name, data in zip(self._inputs, row):
                stream.send(name, data)
        stream.close_input()
        count = len(data_list[0])
        out: list[list[Buffer | None]] = [[] for _ in self._outputs]
        for _ in range(count):
            for i, name in enumerate(self._outputs):
                out[i].append(stream.recv("%s_out" % name))
        return out
