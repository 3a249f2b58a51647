"""An engine for one node: no threads, and what comes out of each port is caught."""
from __future__ import annotations

import sys
import threading
from typing import Any, cast

from ..engine import topology
from ..engine.call import Caller, StopAsked
from ..engine.loader import open_unit
from ..engine.runtime import KINDS
from ..engine.seat import End
from ..engine.session import Session
from ..engine.source import SourceNode
from ..sdk.buffer import Buffer
from ..sdk.status import Status

MOST_CALLS = 10000


class Catch:
    """Stands where a node downstream would, and keeps what it is sent."""

    def __init__(self, ports: int) -> None:
        self.inbox = self
        self.capacity = [sys.maxsize] * ports
        self.load = [0] * ports
        self.items: list[list[Any]] = [[] for _ in range(ports)]

    def push(self, index: int, items: list[Any]) -> None:
        self.items[index] += items

    def take(self) -> list[list[Buffer]]:
        """The buffers since the last time, port by port."""
        taken = [[item for item in items if type(item) is Buffer] for items in self.items]
        for items in self.items:
            items.clear()
        return taken


class RaisingCaller(Caller):
    """Hands a unit's exception on to the test, instead of turning it into error buffers."""

    def failed(self, method: str, error: BaseException) -> None:
        raise error


class Bench:
    """The part of an engine that a node talks to."""

    threads = 1
    stopping = False

    def __init__(self, bound: Any, raises: bool) -> None:
        self.condition = threading.Condition(threading.Lock())
        self.room = self.condition
        self.failure: Any = None
        self.failures: list[str] = []       # of units without outputs, which have no port for an error
        self.stopped: Status | None = None  # what the unit returned to end the graph
        self.sessions: set[Session] = set()
        descriptor = bound.descriptor
        kind = SourceNode if not bound.inputs else KINDS[topology.kind_of(descriptor)]
        self.node = cast(Any, kind(self, bound, None, descriptor.name))
        self.caught: Any = Catch(len(bound.outputs))
        for index in range(len(bound.outputs)):
            self.node.targets[index].append((self.caught, index))
        open_unit(self.node, bound)
        if raises:
            self.node.caller = RaisingCaller(self.node.name, self.node.unit_name, self.node.unit)

    # -- what nodes call ---------------------------------------------------
    def ready(self, node: Any) -> None:
        """Everything runs when the test says so."""

    def may_block(self) -> bool:
        return False

    def new_session(self) -> Session:
        session = Session(self)
        session.inputs_open = 1
        self.sessions.add(session)
        return session

    def session_over(self, session: Session) -> None:
        self.sessions.discard(session)

    def session_failed(self, session: Session, message: str) -> None:
        self.failures.append(message)

    def close_session(self, session: Session) -> None:
        session.closed = True
        for lane in list(getattr(self.node, "lanes", {}).values()):
            if lane.first.session is session:
                lane.session_closed()

    def close_later(self, close: Any) -> None:
        with self.condition:
            close()

    # -- what a test does --------------------------------------------------
    def push(self, port: int, items: list[Any]) -> None:
        """Items arrive at an input port."""
        with self.condition:
            for item in items:
                if type(item) is End:
                    item.seat.session.ends += 1
            self.node.inbox.push(port, items)

    def run(self, most: int | None = None) -> int:
        """Let the node work until it has nothing to do, or so many times; gives how often it did."""
        done = 0
        while self.stopped is None and done != most and self.node.has_work():
            if done >= MOST_CALLS:
                raise RuntimeError("unit %s goes on without end; say how many calls the test wants" %
                                   self.node.unit_name)
            with self.condition:
                job = self.node.take()
            try:
                self.node.run(job)
            except StopAsked as asked:
                self.stopped = Status(asked.code)
                break
            with self.condition:
                self.node.done(job)
            done += 1
        return done

    def close(self) -> None:
        self.node.caller.close()
