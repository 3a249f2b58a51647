"""Engine: a graph built into nodes, run until its data is finished, and closed."""
from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any, Callable

from ..errors import BuildError, RunError
from ..sdk import log
from ..sdk.private import FlowUnitError
from ..sdk.status import Status, StatusCode
from . import topology
from .cores import usable_cores
from .lanes import LaneNode
from .loader import open_unit
from .nesting import CollapseNode, ExpandNode
from .node import Node
from .oneforone import ConditionNode, NormalNode
from .ports import InputNode, OutputNode, Sending
from .scheduler import Scheduler
from .session import Session
from .source import SourceNode
from .stream import StreamNode

KINDS = {"normal": NormalNode, "condition": ConditionNode, "stream": StreamNode, "expand": ExpandNode,
         "collapse": CollapseNode}
STOP_SECONDS = 10.0     # how long a call of a unit may take to return when the graph is stopped


class Engine(Scheduler):
    """Built from a resolved graph. `start`, then `wait`; `drain` ends it in good order, `stop` at once.

    Without a shape the units are opened but nothing is wired: good for telling whether they open.
    """

    def __init__(self, resolved: Any, shape: topology.Topology | None) -> None:
        graph = resolved.graph
        cores = usable_cores()
        super().__init__(max(2, int(str(graph.settings.get("graph.thread-num", 0)) or 0) or 2 * cores), cores)
        self.resolved = resolved
        self.nodes: dict[str, Any] = {}
        self.inputs: dict[str, InputNode] = {}
        self.sessions: set[Session] = set()
        self.producers: list[threading.Thread] = []
        self.started = 0.0
        self.on_end: list[Any] = []
        self._closings: deque[Callable[[], None]] = deque()
        self._over = threading.Event()
        self._draining = False
        try:
            self._build(shape)
        except BaseException:
            self._close_units()
            raise

    # -- building ----------------------------------------------------------
    def _build(self, shape: topology.Topology | None) -> None:
        for name, bound in self.resolved.nodes.items():
            if bound.kind == "input":
                self.nodes[name] = self.inputs[name] = InputNode(self, bound)
            elif bound.kind == "output":
                self.nodes[name] = OutputNode(self, bound)
        # Ports are wired before units are opened: open may already send external data.
        kinds: dict[str, Any] = {}
        for name, bound in self.resolved.nodes.items():
            if bound.descriptor is not None:
                kind = topology.kind_of(bound.descriptor)
                kinds[name] = SourceNode if not bound.inputs else KINDS[kind]
        for name, bound in self.resolved.nodes.items():
            if bound.descriptor is not None:
                node = kinds[name](self, bound, None, bound.descriptor.name)
                self.nodes[name] = node
        if shape is not None:
            self._wire(shape)
        self._open()

    def _open(self) -> None:
        """Open all units, also when one fails, as the real engine does; then tell the first failure."""
        first: BuildError | None = None
        for name, bound in self.resolved.nodes.items():
            if bound.descriptor is None:
                continue
            before = set(threading.enumerate())
            try:
                open_unit(self.nodes[name], bound)
            except BuildError as error:
                if first is not None:
                    log.write(log.Level.ERROR, str(error))
                first = first or error
            if isinstance(self.nodes[name], SourceNode):
                self.producers += [t for t in threading.enumerate() if t not in before]
        if first is not None:
            raise first

    def _wire(self, shape: topology.Topology) -> None:
        for edge in self.resolved.edges:
            source, target = self.nodes[edge.source], self.nodes[edge.target]
            source.targets[source.out_index[edge.source_port]].append((target, target.in_index[edge.target_port]))
            if source not in target.upstream:
                target.upstream.append(source)
        feeds: dict[Any, int] = {}
        for edge in self.resolved.edges:
            feeds[(edge.target, edge.target_port)] = feeds.get((edge.target, edge.target_port), 0) + 1
        for (name, port), (condition, branches) in shape.merges.items():
            node = self.nodes[name]
            index = node.in_index[port]
            node.inbox.merge_at(index, feeds[(name, port)])
            start = self.nodes[condition]
            for i, out in enumerate(start.outputs):
                if out not in branches:
                    start.skips[i].append((node, index))
            for other, stack in shape.levels.items():
                if (stack and stack[-1].kind == "if" and stack[-1].node == condition and stack[-1].port in branches
                        and name in shape.downstream[other] and isinstance(self.nodes[other], StreamNode)):
                    self.nodes[other].merges.append((node, index))
        for name, expand in shape.expands.items():
            self.nodes[expand].collapses.append(self.nodes[name])
        for name in reversed(topology.order(list(self.nodes), self.resolved.edges)):
            node = self.nodes[name]
            node.priority = 1 + max((t.priority for port in node.targets for t, _ in port), default=-1)

    # -- sessions ----------------------------------------------------------
    def new_session(self) -> Session:
        session = Session(self)
        with self.condition:
            self.add_session(session)
        return session

    def add_session(self, session: Session) -> None:
        session.inputs_open = 1
        session.closed = self._draining
        self.sessions.add(session)

    def session_over(self, session: Session) -> None:
        self.sessions.discard(session)
        if session.sink is not None:
            session.sink.end()

    def session_failed(self, session: Session, message: str) -> None:
        session.error = FlowUnitError(message)

    def close_session(self, session: Session) -> None:
        """Sources of this session go on no further; what is on its way goes through (lock held)."""
        session.closed = True
        for node in self.nodes.values():
            if isinstance(node, LaneNode):
                for lane in list(node.lanes.values()):
                    if lane.first.session is session:
                        lane.session_closed()

    def close_later(self, close: Callable[[], None]) -> None:
        """Have a worker call something with the lock held: for finalisers, which may run anywhere."""
        self._closings.append(close)
        if self.condition.acquire(False):
            try:
                self.condition.notify()
            finally:
                self.condition.release()

    def stream(self) -> Sending:
        """A session that the program feeds through the graph's input nodes."""
        return Sending(self, self.inputs)

    # -- running -----------------------------------------------------------
    def start(self) -> None:
        self.started = time.monotonic()
        self.start_threads()

    def idle(self) -> bool:
        while self._closings:
            self._closings.popleft()()
        for node in self.nodes.values():
            self.ready(node)
        if self.queued() or self._relieve():
            return True
        if self.inputs or any(s.inputs_open for s in self.sessions):
            return False
        if any(t.is_alive() for t in self.producers):
            return False
        if any(getattr(node.unit, "live", False) for node in self.nodes.values()):
            return False
        for node in self.nodes.values():
            if not all(lane.stuck() for lane in node.waiting()):
                return False
        blocked = [n for n in self.nodes.values() if n.has_work() and not n.runnable()]
        if blocked:
            self.failure = RunError("the graph stands still: %s" % "; ".join(
                "node %s has work but no room behind it" % n.name for n in blocked))
        self.stop_now()
        return True

    def _relieve(self) -> bool:
        """Room for a node that waits because a join or merge behind it is full of buffers that wait for others."""
        blocked = [n for n in self.nodes.values() if n.has_work() and not n.runnable()]
        for node in sorted(blocked, key=lambda n: n.priority):
            for port in node.targets:
                for target, index in port:
                    inbox = target.inbox
                    if inbox.load[index] >= inbox.capacity[index] and not target.has_work() and inbox.unmatched():
                        inbox.capacity[index] = inbox.load[index] + max(1, inbox.capacity[index] // 2)
                        log.write(log.Level.INFO, "port %s:%s has %d buffers that wait for others: queue grows to %d"
                                  % (target.name, target.inputs[index], inbox.load[index], inbox.capacity[index]))
            if node.runnable():
                self.ready(node)
                return True
        return False

    def drain(self) -> None:
        """Let sources finish and what is on its way go through; the graph then ends by itself.

        Units hear of it first: once its session is closed, a unit that goes on by events is not called any more, and
        could not put out what it still holds.
        """
        for node in self.nodes.values():
            if hasattr(node.unit, "drain"):
                node.unit.drain()
        with self.condition:
            self._draining = True
            for session in list(self.sessions):
                self.close_session(session)
                for feed in list(session.feeds):
                    feed.end()

    def stop(self, seconds: float = STOP_SECONDS) -> None:
        """Stop now; waits until the calls that run have returned, or so many seconds."""
        with self.condition:
            alive = self._alive
            self.stop_now()
        if not alive:
            self.finish()
        elif not self._over.wait(seconds):
            busy = [n.name for n in self.nodes.values() if n.running]
            self.failure = self.failure or RunError("node %s did not return within %g s after the stop" % (
                ", ".join(busy), seconds))
            log.write(log.Level.ERROR, str(self.failure))
            self._over.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Whether the graph is over; returns when it is, or after so many seconds."""
        return self._over.wait(seconds)

    def finish(self) -> None:
        with self.condition:
            if self.ended:
                return
            self.ended = True
            sessions = list(self.sessions)
        self._close_units()
        with self.condition:
            for session in sessions:
                if session.sink is not None:
                    session.sink.end()
            self.condition.notify_all()
        for call in self.on_end:
            call()
        self._over.set()

    def _close_units(self) -> None:
        for node in self.nodes.values():
            if node.unit is not None:
                node.caller.close()

    def result(self) -> Status:
        """How the run ended, as flow.wait tells it: a broken rule stops the graph like STOP does."""
        if self.failure is not None:
            return Status(StatusCode.STATUS_STOP, str(self.failure))
        if self.asked is not None:
            return Status(self.asked.code)
        return Status()

    def stats(self) -> list[dict[str, Any]]:
        with self.condition:
            return [n.stats() for n in self.nodes.values() if isinstance(n, Node) and n.unit is not None]
