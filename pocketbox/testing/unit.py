"""One flowunit in a plain test."""
from __future__ import annotations

import inspect
import os
from typing import Any, Iterable, Mapping

from ..catalog import descriptor_files
from ..descriptor import Descriptor, Port
from ..descriptorfile import NotADescriptor, load
from ..engine.context import DataContext
from ..engine.nesting import CollapseNode
from ..engine.seat import End, Seat
from ..errors import BuildError
from ..graph import Node
from ..place import Place
from ..resolve import BoundNode
from ..sdk.buffer import Buffer, handle
from ..sdk.private import DataMeta, FlowUnitEvent
from ..sdk.status import Status
from .bench import Bench
from .sdk import sdk

Buffers = Mapping[str, Iterable[Any]]


class UnitUnderTest:
    """A unit that is open. `what` is its folder or descriptor file, its class, or a Descriptor.

    A class finds its descriptor in the .toml beside its module; without one, `ports` ("in -> out", "a, b -> ") and
    `flags` (stream=True ...) describe it. `config` is what the node's attributes would say, `batch_size` among it.
    An exception in the unit reaches the test; with raises=False it becomes error buffers, as in a graph.
    """

    def __init__(self, what: Any, config: Mapping[str, Any] | None = None, ports: str = "", node: str = "unit",
                 raises: bool = True, **flags: Any) -> None:
        self.descriptor = _descriptor(what, ports, flags)
        attributes = {key: _text(value) for key, value in (config or {}).items()}
        attributes["flowunit"] = self.descriptor.name
        bound = BoundNode(Node(node, "flowunit", attributes, self.descriptor.place), self.descriptor, attributes)
        with sdk():
            self._bench = Bench(bound, raises)

    @property
    def unit(self) -> Any:
        """The unit's own object."""
        return self._bench.node.unit

    @property
    def stopped(self) -> Status | None:
        """The STOP or SHUTDOWN with which the unit wanted to end the graph, if it did."""
        return self._bench.stopped

    @property
    def failures(self) -> list[str]:
        """Messages of failed calls of a unit without outputs."""
        return list(self._bench.failures)

    def process(self, inputs: Buffers) -> dict[str, list[Buffer]]:
        """What comes out for these buffers as one whole stream, with data_pre and data_post where the unit has them."""
        with self.stream() as stream:
            out = stream.process(inputs)
        return {port: buffers + stream.last[port] for port, buffers in out.items()}

    def stream(self, meta: Mapping[str, str] | None = None, session: Mapping[str, Any] | None = None,
               session_config: Mapping[str, Any] | None = None) -> UnitStream:
        """A stream to feed step by step. `meta` is the stream's meta as units upstream set it."""
        return UnitStream(self._bench, meta, session, session_config)

    def pull(self, calls: int | None = None) -> dict[str, list[Buffer]]:
        """What a source puts out: all of it, or that of so many calls."""
        self._bench.run(calls)
        return self._outputs()

    def context(self, inputs: Buffers | None = None, event: FlowUnitEvent | None = None,
                private: Mapping[str, Any] | None = None, meta: Mapping[str, str] | None = None,
                session_config: Mapping[str, Any] | None = None) -> DataContext:
        """A DataContext by hand, for calling the unit's methods directly; results are in its `output(port)`."""
        node = self._bench.node
        session = self._bench.new_session()
        _configure(session, None, session_config)
        seat = Seat(session, (session,), 0, None, 0, _meta(meta))
        ctx = DataContext(node, seat, None, dict(private or {}))
        if inputs is not None:
            _check(node, inputs)
            columns = [_buffers(inputs[port]) for port in node.inputs]
            for column in columns:
                for index, buffer in enumerate(column):
                    buffer.seat = seat.at(index)
            ctx._inputs = columns
            ctx._has_error = any(buffer._error for column in columns for buffer in column)
        ctx._event = event
        ctx._outputs = node.new_outputs()
        return ctx

    def close(self) -> None:
        self._bench.close()

    def __enter__(self) -> UnitUnderTest:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def _outputs(self) -> dict[str, list[Buffer]]:
        return dict(zip(self._bench.node.outputs, self._bench.caught.take()))


class UnitStream:
    """One stream at one unit. Leaving the `with` block ends it: data_post runs, and `last` holds what came out then."""

    def __init__(self, bench: Bench, meta: Mapping[str, str] | None, session: Mapping[str, Any] | None,
                 session_config: Mapping[str, Any] | None) -> None:
        self._bench = bench
        self._node = bench.node
        if not self._node.inputs:
            raise BuildError("unit %s has no input: it is a source" % self._node.unit_name, None, "Use pull()")
        self.session = bench.new_session()
        _configure(self.session, session, session_config)
        self._root = Seat(self.session, (self.session,), 0, None, 0, _meta(meta))
        self._inner = isinstance(self._node, CollapseNode)
        self._count = 0
        self._over = False
        self.last: dict[str, list[Buffer]] = {}

    def process(self, inputs: Buffers, calls: int | None = None) -> dict[str, list[Buffer]]:
        """What comes out for these buffers. With `calls`, a unit that goes on by events is called so often at most.

        For a collapse unit the buffers are one inner stream.
        """
        if self._over:
            raise BuildError("the stream is over", None, "Start another: unit.stream()")
        _check(self._node, inputs)
        columns = [_buffers(inputs[port]) for port in self._node.inputs]
        count = len(columns[0]) if columns else 0
        if any(len(column) != count for column in columns):
            raise BuildError("the ports get different numbers of buffers: %s" % ", ".join(
                "%s %d" % pair for pair in zip(self._node.inputs, map(len, columns))), None,
                "Buffers of a stream are matched by position")
        seat = self._inner_seat() if self._inner else self._root
        first = 0 if self._inner else self._count
        for port, column in enumerate(columns):
            for index, buffer in enumerate(column):
                buffer.seat = seat.at(first + index)
            self._bench.push(port, list(column))
            if self._inner:
                self._bench.push(port, [End(seat.at(count))])
        self._count += 1 if self._inner else count
        return self._run(calls)

    def event(self, calls: int | None = 1) -> dict[str, list[Buffer]]:
        """Deliver the event that the unit has sent to itself; what comes out."""
        return self._run(calls)

    def close(self) -> dict[str, list[Buffer]]:
        """End the stream; what came out at the end."""
        if not self._over:
            self._over = True
            self.session.inputs_open = 0
            if self._inner:
                self.session.ends += 1
                self._node.outer_end(End(self._root.at(self._count)))
            else:
                for port in range(len(self._node.inputs)):
                    self._bench.push(port, [End(self._root.at(self._count))])
            self.last = self._run(None)
        return self.last

    def _inner_seat(self) -> Seat:
        parent = self._root.at(self._count)
        return Seat(self.session, (parent.key, parent.index), 0, parent, 1, parent.meta)

    def _run(self, calls: int | None) -> dict[str, list[Buffer]]:
        self._bench.run(calls)
        return dict(zip(self._node.outputs, self._bench.caught.take()))

    def __enter__(self) -> UnitStream:
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        if kind is None:
            self.close()


def _descriptor(what: Any, ports: str, flags: Mapping[str, Any]) -> Descriptor:
    if isinstance(what, Descriptor):
        found = what
    elif isinstance(what, type):
        found = _of_class(what, ports)
    else:
        found = _of_path(os.fspath(what))
    for flag, value in flags.items():
        if not hasattr(found, flag):
            raise TypeError("a descriptor has no flag '%s'" % flag)
        setattr(found, flag, value)
    return found


def _of_path(path: str) -> Descriptor:
    if not os.path.isdir(path):
        return load(path)
    found = []
    for file in descriptor_files(path):
        try:
            found.append(load(file))
        except NotADescriptor:
            continue
    if len(found) != 1:
        raise BuildError("%s holds %d descriptors of units: %s" % (
            path, len(found), ", ".join(unit.name for unit in found) or "none"), Place(path),
            "Name the folder or the .toml file of one unit")
    return found[0]


def _of_class(cls: type, ports: str) -> Descriptor:
    file = inspect.getsourcefile(cls) or ""
    if not ports:
        for path in descriptor_files(os.path.dirname(os.path.abspath(file))):
            try:
                unit = load(path)
            except NotADescriptor:
                continue
            if unit.entry.partition("@")[2] == cls.__name__:
                unit.factory = cls
                return unit
        raise BuildError("there is no descriptor for class %s beside %s" % (cls.__name__, file or "its module"),
                         Place(file), 'Say what it has: ports="in -> out", stream=False')
    unit = Descriptor(cls.__name__, place=Place(file))
    unit.folder = os.path.dirname(os.path.abspath(file))
    unit.stream = False
    inputs, _, outputs = ports.partition("->")
    unit.inputs = [Port(name.strip(), "cpu") for name in inputs.split(",") if name.strip()]
    unit.outputs = [Port(name.strip(), "cpu") for name in outputs.split(",") if name.strip()]
    unit.factory = cls
    return unit


def _text(value: Any) -> str:
    """A setting as a node's attribute has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(_text(item) for item in value)
    return str(value)


def _check(node: Any, inputs: Buffers) -> None:
    if set(inputs) != set(node.inputs):
        raise BuildError("unit %s has the input ports %s, the test gives %s" % (
            node.unit_name, ", ".join(node.inputs) or "none", ", ".join(inputs) or "none"), None,
            "Give a list of buffers for each port")


def _buffers(data: Any) -> list[Buffer]:
    """Arrays, texts and bytes become buffers; a Buffer is taken with its meta, as a second handle."""
    if isinstance(data, (str, bytes, Buffer)) or hasattr(data, "__array__"):
        data = [data]
    return [handle(item) if isinstance(item, Buffer) else Buffer(None, item) for item in data]


def _meta(meta: Mapping[str, str] | None) -> DataMeta | None:
    if not meta:
        return None
    made = DataMeta()
    for key, value in meta.items():
        if isinstance(value, int):
            made.set_private_int(key, value)
        else:
            made.set_private_string(key, value)
    return made


def _configure(session: Any, private: Mapping[str, Any] | None, config: Mapping[str, Any] | None) -> None:
    for key, value in (private or {}).items():
        session.context.set_private(key, value)
    for key, value in (config or {}).items():
        session.context.get_session_config().set(key, value)
