"""Flow: a graph that a program builds, runs and feeds; and `run_file`, which runs a graph file to its end."""
from __future__ import annotations

import enum
import glob
import os
from collections import deque
from typing import Any

from . import graphfile
from .catalog import Catalog
from .engine import topology
from .engine.runtime import Engine
from .errors import PocketboxError
from .graph import Graph
from .resolve import resolve
from .sdk import log
from .sdk.buffer import Buffer
from .sdk.buffer_list import BufferList
from .sdk.configuration import Configuration
from .sdk.private import DataMeta, FlowUnitError
from .sdk.status import Status, StatusCode

FLOW_DIR = "/usr/local/etc/modelbox/graph"


class Format(enum.IntEnum):
    FORMAT_AUTO = 0
    FORMAT_TOML = 1
    FORMAT_JSON = 2

    def __str__(self) -> str:
        return "Format." + self.name


NAMES = {Format.FORMAT_AUTO: "", Format.FORMAT_TOML: "toml", Format.FORMAT_JSON: "json"}


def status_of(error: PocketboxError) -> Status:
    return Status(StatusCode["STATUS_" + error.status], str(error))


def build(graph: Graph, functions: list[Any] | None = None) -> Engine:
    """Find the units, check the whole graph, make and open the nodes. The first problem is raised as an error."""
    catalog = Catalog.scan(graph.driver_dirs)
    for descriptor in functions or []:
        catalog.add(descriptor)
    for problem in catalog.problems:
        log.write(log.Level.WARN, str(problem))
    resolved, problems = resolve(graph, catalog)
    errors = [p for p in problems if p.severity == "error"]
    for problem in problems:
        if problem.severity != "error":
            log.write(log.Level.WARN, str(problem))
    for problem in errors[1:]:
        log.write(log.Level.ERROR, str(problem))
    if errors:
        if all(p.after_open for p in errors):
            # What is wrong with the shape of the whole is told once all units are open, as on the real engine: a unit
            # that cannot be opened is the more useful message.
            Engine(resolved, None).stop()
        raise errors[0].error()
    shape, _ = topology.analyse(resolved)
    return Engine(resolved, shape)


class Flow:
    """init, build (or start_run, which does both), run_async, wait, stop; streams in between."""

    Format = Format

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._functions: list[Any] = []
        self._late: PocketboxError | None = None
        self._engine: Engine | None = None
        self._ran = False

    # -- init --------------------------------------------------------------
    def init(self, *args: Any, **kwargs: Any) -> Status:
        """init(conf_file[, format]), init(name, graph[, format]), init(Configuration) or init(FlowGraphDesc)."""
        from .flowdesc import FlowGraphDesc
        args = _ordered(args, kwargs)
        self._late = None
        try:
            if len(args) == 1 and isinstance(args[0], Configuration):
                self._graph = graphfile.from_settings(_settings(args[0]))
            elif len(args) == 1 and isinstance(args[0], FlowGraphDesc):
                self._graph, self._functions = args[0].graph()
            elif len(args) in (2, 3) and all(isinstance(a, str) for a in args[:2]):
                form = args[2] if len(args) == 3 else Format.FORMAT_AUTO
                if not args[1]:
                    return Status(StatusCode.STATUS_NOTSUPPORT, "the graph is an empty text")
                self._graph = graphfile.loads(args[1], "", None, NAMES[Format(form)])
            elif args and isinstance(args[0], str) and len(args) <= 2:
                form = args[1] if len(args) == 2 else Format.FORMAT_AUTO
                self._graph = graphfile.load(args[0], NAMES[Format(form)])
            else:
                raise TypeError("Flow.init takes a file name, a name and a text, a Configuration or a FlowGraphDesc")
        except PocketboxError as error:
            if error.stage == "build":
                self._late = error
                return Status()
            log.write(log.Level.ERROR, str(error))
            return status_of(error)
        if self._graph is not None and not self._graph.flag("flow.enable", True):
            return Status(StatusCode.STATUS_PERMIT, "flow is disabled")
        return Status()

    def init_by_name(self, name: str, args: dict[str, str] | None = None, flow_dir: str = FLOW_DIR) -> Status:
        """The graph in `flow_dir`, or in a folder right below it, whose [flow] name is `name`, its [args] replaced."""
        self._late = None
        files = [file for form in ("*.toml", "*.json", "*/*.toml", "*/*.json")
                 for file in sorted(glob.glob(os.path.join(flow_dir, form)))]
        seen = []
        for file in files:
            try:
                found = graphfile.load(file)
            except PocketboxError as error:
                log.write(log.Level.WARN, str(error))
                continue
            seen.append(str(found.settings.get("flow.name", "")))
            if seen[-1] != name:
                continue
            try:
                with open(file, encoding="utf-8") as stream:
                    self._graph = graphfile.loads(stream.read(), file, dict(args or {}))
            except PocketboxError as error:
                log.write(log.Level.ERROR, str(error))
                return status_of(error)
            return Status()
        return Status(StatusCode.STATUS_NOTFOUND, "no graph in %s has the name %s; there are: %s" % (
            flow_dir, name, ", ".join(n for n in seen if n) or "none"))

    # -- running -----------------------------------------------------------
    def build(self) -> Status:
        if self._late is not None:
            log.write(log.Level.ERROR, str(self._late))
            return status_of(self._late)
        if self._graph is None:
            return Status(StatusCode.STATUS_FAULT, "Flow not initialized.")
        try:
            self._engine = build(self._graph, self._functions)
        except PocketboxError as error:
            log.write(log.Level.ERROR, str(error))
            return status_of(error)
        return Status()

    def run_async(self) -> Status:
        if self._engine is None:
            return Status(StatusCode.STATUS_FAULT, "Flow not initialized.")
        self._ran = True
        self._engine.start()
        return Status()

    def run(self) -> Status:
        status = self.run_async()
        if not status:
            return status
        assert self._engine is not None
        self._engine.wait()
        return self._engine.result()

    def start_run(self) -> Status:
        status = self.build()
        return self.run_async() if status else status

    def wait(self, timemout: int = 0, retval: Status | None = None) -> Status:
        """Milliseconds, 0 for as long as it takes. `retval` becomes the status with which the graph ended."""
        if self._engine is None or not self._ran:
            return Status(StatusCode.STATUS_INPROGRESS, "Flow not initialized.")
        if not self._engine.wait(None if timemout == 0 else max(0, timemout) / 1000.0):
            return Status(StatusCode.STATUS_TIMEDOUT if timemout > 0 else StatusCode.STATUS_BUSY)
        if retval is not None:
            retval.assign(self._engine.result())
        return Status()

    def stop(self) -> None:
        if self._engine is not None:
            self._engine.stop()

    def __del__(self) -> None:
        engine = getattr(self, "_engine", None)
        if engine is not None and not engine.ended:
            engine.stop(1.0)

    # -- feeding -----------------------------------------------------------
    def create_stream_io(self) -> FlowStreamIO | None:
        return None if self._engine is None else FlowStreamIO(self)

    def create_external_data_map(self) -> ExternalDataMap | None:
        return None if self._engine is None else ExternalDataMap(self)

    def stats(self) -> list[dict[str, Any]]:
        """Figures per node: processed, failures, busy seconds, queue and capacity."""
        return [] if self._engine is None else self._engine.stats()


def _ordered(args: Any, kwargs: dict[str, Any]) -> Any:
    out = list(args)
    for key in ("name", "conf_file", "graph", "format"):
        if key in kwargs:
            out.append(kwargs.pop(key))
    if kwargs:
        raise TypeError("Flow.init has no argument %s" % ", ".join(kwargs))
    return out


def _settings(config: Configuration) -> dict[str, Any]:
    return {k: v.split("\x03") if "\x03" in v else v for k, v in config.values().items()}


class FlowStreamIO:
    """One stream through the graph: send buffers in, receive them in order. Dropped, it ends its stream."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        assert flow._engine is not None
        self._sending = flow._engine.stream()
        self._cache: dict[str, deque[Buffer]] = {}

    def create_buffer(self, *data: Any) -> Buffer:
        return Buffer(self._sending.device, *data)

    def send(self, input_name: str, data: Any) -> Status:
        buffer = data if isinstance(data, Buffer) else Buffer(self._sending.device, data)
        return self._sending.send(input_name, [buffer])

    def recv(self, output_name: str, *args: Any, **kwargs: Any) -> Any:
        """recv(output[, timeout_ms]) gives a buffer or None; recv(output, buffer[, timeout_ms]) a Status."""
        into = kwargs.pop("buffer", None)
        rest = list(args)
        if rest and isinstance(rest[0], Buffer):
            into = rest.pop(0)
        timeout = int(rest[0]) if rest else int(kwargs.pop("timeout", 0))
        found, status = self._receive(output_name, None if timeout == 0 else timeout / 1000.0)
        if into is None:
            return found
        if found is not None:
            into._array, into._kind, into._shape = found._array, found._kind, found._shape
            into._meta, into._error = found._meta, found._error
        return status

    def _receive(self, name: str, timeout: float | None) -> Any:
        while not self._cache.get(name):
            got = self._sending.receive(timeout)
            if got is None:
                return None, Status(StatusCode.STATUS_TIMEDOUT)
            if got is False:
                error = self._sending.session.error
                return None, Status(StatusCode.STATUS_EOF if error is None else StatusCode.STATUS_INVALID)
            for port, buffers in got.items():
                self._cache.setdefault(port, deque()).extend(buffers)
        return self._cache[name].popleft(), Status()

    def close_input(self) -> None:
        self._sending.close()

    def __del__(self) -> None:
        sending = getattr(self, "_sending", None)
        if sending is not None:
            sending.shutdown_later()


class ExtOutputBufferList:
    """What ExternalDataMap.recv fills: a BufferList per output."""

    def __init__(self) -> None:
        self._lists: dict[str, BufferList] = {}

    def get_buffer_list(self, key: str) -> BufferList | None:
        return self._lists.get(key)


class ExternalDataMap:
    """One session fed list by list; results come as lists per output."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        assert flow._engine is not None
        self._sending = flow._engine.stream()

    def create_buffer_list(self) -> BufferList:
        return BufferList(self._sending.device)

    def send(self, port_name: str, buffer_list: BufferList) -> Status:
        return self._sending.send(port_name, list(buffer_list))

    def recv(self, out_data: ExtOutputBufferList, timeout: int = 0) -> Status:
        got = self._sending.receive(None if timeout == 0 else timeout / 1000.0)
        if got is None:
            return Status(StatusCode.STATUS_TIMEDOUT)
        if got is False:
            error = self._sending.session.error
            return Status(StatusCode.STATUS_EOF if error is None else StatusCode.STATUS_INVALID)
        for port, buffers in got.items():
            out_data._lists.setdefault(port, BufferList())._items.extend(buffers)
        return Status()

    def set_output_meta(self, port_name: str, meta: DataMeta) -> Status:
        if port_name not in self._sending.inputs:
            return Status(StatusCode.STATUS_INVALID, "Send Port %s is not exist" % port_name)
        self._sending.metas[port_name] = meta
        return Status()

    def close(self) -> Status:
        self._sending.close()
        return Status()

    def shutdown(self) -> Status:
        self._sending.shutdown()
        return Status()

    def get_last_error(self) -> FlowUnitError | None:
        return self._sending.session.error

    def __del__(self) -> None:
        sending = getattr(self, "_sending", None)
        if sending is not None:
            sending.shutdown_later()
