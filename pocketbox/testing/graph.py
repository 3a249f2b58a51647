"""A whole graph in a test, between sources and sinks that the test makes."""
from __future__ import annotations

import os
from collections import deque
from typing import Any, Iterable, Mapping

from .. import flow, graphfile
from ..descriptor import Descriptor, Port
from ..errors import BuildError, RunError
from ..sdk.buffer import Buffer, handle
from ..sdk.flowunit import FlowUnit
from ..sdk.private import FlowUnitEvent
from ..sdk.status import Status, StatusCode
from .sdk import sdk
from .unit import _buffers, _meta

TOML = ('[driver]\ndir = [%s]\nskip-default = false\n[graph]\nformat = "graphviz"\ngraphconf = """%s"""\n'
        '[flow]\nname = "test"\n')


class Source:
    """A unit with the output `out` that puts out given buffers, one for each call. `meta` is the stream's."""

    def __init__(self, buffers: Iterable[Any], meta: Mapping[str, str] | None = None, sessions: int = 1) -> None:
        self.buffers = list(_buffers(buffers))
        self.meta = meta
        self.sessions = sessions

    def describe(self, name: str) -> Descriptor:
        unit = Descriptor(name, type="builtin")
        unit.outputs = [Port("out", "cpu")]
        unit.factory = lambda: _SourceUnit(self)
        return unit


class Sink:
    """A unit with the input `in` that keeps what arrives, failed buffers among it: `buffers` all in order of arrival,
    `streams` those of each stream."""

    def __init__(self) -> None:
        self.buffers: list[Buffer] = []
        self.streams: list[list[Buffer]] = []
        self.ended = 0      # streams that are over

    def describe(self, name: str) -> Descriptor:
        unit = Descriptor(name, type="builtin")
        unit.inputs = [Port("in", "cpu")]
        unit.exception_visible = True
        unit.factory = lambda: _SinkUnit(self)
        return unit


class _SourceUnit(FlowUnit):
    def __init__(self, plan: Source) -> None:
        super().__init__()
        self.plan = plan

    def open(self, config: Any) -> Status:
        for _ in range(self.plan.sessions):
            feed = self.create_external_data()
            meta = _meta(self.plan.meta)
            if meta is not None:
                feed.set_output_meta(meta)
            start = feed.create_buffer_list()
            start.push_back(b"\0")
            feed.send(start)
            feed.close()
        return Status()

    def data_pre(self, data_context: Any) -> Status:
        data_context.set_private("left", deque(self.plan.buffers))
        return Status()

    def process(self, data_context: Any) -> StatusCode:
        left = data_context.get_private("left")
        if left:
            data_context.output("out").push_back(handle(left.popleft()))
        if not left:
            return StatusCode.STATUS_SUCCESS
        data_context.send_event(FlowUnitEvent())
        return StatusCode.STATUS_CONTINUE

    def data_post(self, data_context: Any) -> Status:
        return Status()

    def close(self) -> Status:
        return Status()


class _SinkUnit(FlowUnit):
    def __init__(self, kept: Sink) -> None:
        super().__init__()
        self.kept = kept

    def open(self, config: Any) -> Status:
        return Status()

    def data_pre(self, data_context: Any) -> Status:
        stream: list[Buffer] = []
        self.kept.streams.append(stream)
        data_context.set_private("stream", stream)
        return Status()

    def process(self, data_context: Any) -> StatusCode:
        for buffer in data_context.input("in"):
            data_context.get_private("stream").append(buffer)
            self.kept.buffers.append(buffer)
        return StatusCode.STATUS_SUCCESS

    def data_post(self, data_context: Any) -> Status:
        self.kept.ended += 1
        return Status()

    def close(self) -> Status:
        return Status()


def run_graph(graph: str, units: Mapping[str, Any] | None = None, dirs: Iterable[str] = (),
              seconds: float = 30) -> Status:
    """Run a graph to its end: a file, its TOML text, or bare DOT text with `dirs` as folders of units.

    `units` are Sources, Sinks or Descriptors by the name under which the graph uses them (flowunit=NAME). Gives the
    status with which the graph ended; BuildError and RunError tell what is wrong.
    """
    if os.path.exists(graph):
        loaded = graphfile.load(graph)
    elif "digraph" in graph and "graphconf" not in graph:
        loaded = graphfile.loads(TOML % (", ".join('"%s"' % folder for folder in dirs), graph))
    else:
        loaded = graphfile.loads(graph)
    descriptors = []
    for name, unit in (units or {}).items():
        if not isinstance(unit, (Source, Sink, Descriptor)):
            raise BuildError("unit '%s' is a %s" % (name, type(unit).__name__), None,
                             "Give a Source, a Sink or a Descriptor")
        descriptors.append(unit if isinstance(unit, Descriptor) else unit.describe(name))
    with sdk():
        engine = flow.build(loaded, descriptors)
        engine.start()
        if not engine.wait(seconds):
            busy = [stats["node"] for stats in engine.stats() if stats["running"] or stats["queue"]]
            engine.stop()
            raise RunError("the graph did not end in %g s; busy: %s" % (seconds, ", ".join(busy) or "no node"))
    if engine.failure is not None:
        raise engine.failure
    return engine.result()
