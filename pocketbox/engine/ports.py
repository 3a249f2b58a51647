"""The graph's own inputs and outputs: nodes of type input and output, and what a program sends through them."""
from __future__ import annotations

from typing import Any

from ..sdk.buffer import Buffer, Device, handle
from ..sdk.status import Status, StatusCode
from .node import Node
from .seat import End, Gap, Seat
from .session import Outlet, Session, eof_error, invalid_port


class PortNode(Node):
    """An input or output node: no unit behind it."""

    def __init__(self, engine: Any, bound: Any) -> None:
        super().__init__(engine, bound, None, bound.kind)

    def has_work(self) -> bool:
        return False

    def take(self) -> Any:
        raise AssertionError("a port node does not run")

    run = done = take  # type: ignore[assignment]


class InputNode(PortNode):
    """Sends on what the program sends in."""

    def accept(self, entry: Any) -> None:
        raise AssertionError("nothing leads into an input node")


class OutputNode(PortNode):
    """Puts what arrives where the program of the session collects it."""

    def accept(self, entry: Any) -> None:
        session = entry.seat.session
        if type(entry) is End:
            self.end_consumed(entry.seat)
            return
        self.inbox.taken(1)
        if type(entry) is Gap:
            return
        if entry._error is not None:
            self.engine.session_failed(session, entry._error[1])
        if session.sink is not None:
            session.sink.put(self.name, [entry])


class Sending:
    """The input side of one session that a program feeds. Ports are filled in step, as the real engine does."""

    def __init__(self, engine: Any, inputs: dict[str, InputNode]) -> None:
        self.engine = engine
        self.inputs = inputs
        self.device = Device()
        self.session = Session(engine)
        self.session.sink = Outlet(engine.condition)
        self.root = Seat(self.session, (self.session,), 0, None, 0)
        self.metas: dict[str, Any] = {}
        self._waiting: dict[str, list[Buffer]] = {name: [] for name in inputs}
        self._sent = 0
        self.closed = False
        self.session.feeds.append(self)
        with engine.condition:
            engine.add_session(self.session)

    def send(self, port: str, buffers: list[Buffer]) -> Status:
        if port not in self.inputs:
            return invalid_port(port)
        engine = self.engine
        with engine.condition:
            if self.closed:
                return Status(StatusCode.STATUS_STOP)
            self._waiting[port].extend(handle(b) for b in buffers)
            count = min(len(w) for w in self._waiting.values())
            for name, node in self.inputs.items():
                waiting = self._waiting[name]
                batch, self._waiting[name] = waiting[:count], waiting[count:]
                for k, buffer in enumerate(batch):
                    seat = self.root.at(self._sent + k)
                    seat.meta = self.metas.get(name)
                    buffer.seat = seat
                if batch:
                    node.deliver(node.fan_out([batch]))
            self._sent += count
            while engine.may_block() and not engine.stopping and any(n.room() <= 0 for n in self.inputs.values()):
                engine.room.wait(0.1)
        return Status()

    def close(self) -> None:
        with self.engine.condition:
            self.end()

    def end(self) -> None:
        """No more input (lock held)."""
        if self.closed:
            return
        self.closed = True
        for node in self.inputs.values():
            node.deliver(node.fan_out([[End(self.root.at(self._sent))]]))
        self.session.inputs_open = 0
        self.session.settle()

    def shutdown(self) -> None:
        with self.engine.condition:
            self.abandon()

    def abandon(self) -> None:
        """No more input and no more events (lock held)."""
        if not self.session.closed:
            self.session.error = eof_error()
        self.engine.close_session(self.session)
        self.end()

    def shutdown_later(self) -> None:
        if not self.closed:
            self.engine.close_later(self.abandon)

    def receive(self, timeout: float | None) -> Any:
        """All that has come out, per port; None when nothing came in time; False when the session is over."""
        outlet = self.session.sink
        with self.engine.condition:
            while not outlet.items and not outlet.over and not self.engine.ended:
                if not self.engine.condition.wait(timeout):
                    break
            if outlet.items:
                out: dict[str, list[Buffer]] = {}
                while outlet.items:
                    port, buffers = outlet.items.popleft()
                    out.setdefault(port, []).extend(buffers)
                return out
            return False if outlet.over or self.engine.ended else None
