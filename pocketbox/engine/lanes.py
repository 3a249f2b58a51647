"""Units that see streams: one lane per stream, one call at a time in a lane, lanes side by side.

A lane keeps the stream's context from data_pre to data_post, the events that the unit sent to itself, and the entries
that wait. Units with inputs are in `stream`, those that feed themselves in `source`, expand and collapse in `nesting`.
"""
from __future__ import annotations

import sys
from collections import deque
from typing import Any

from ..sdk.buffer import Buffer, failed
from ..sdk.private import DataMeta, FlowUnitEvent
from .call import CONTINUE, SHUTDOWN, STOP, SUCCESS, StopAsked
from .context import DataContext
from .node import Node, seat_error
from .seat import End, Key, Seat

CLOSED = FlowUnitEvent()    # stands in for an event when the session is closed; the unit is not called for it
HOLDERS = 3     # references to a context that are the engine's own: the lane's, and two while they are counted


class Lane:
    """One stream at one node."""

    __slots__ = ("broken", "continuing", "counts", "ctx", "end", "entries", "event", "events", "first", "key",
                 "meta", "node", "on", "queued", "started")

    def __init__(self, node: Any, key: Key, first: Seat) -> None:
        self.node = node
        self.key = key
        self.first = first
        self.ctx: DataContext | None = DataContext(node, first, self)
        self.entries: deque[Any] = deque()
        self.event: Any = None          # the last event that was sent and not yet delivered
        self.events = False             # whether there is one
        self.continuing = False         # the last call returned CONTINUE
        self.end: End | None = None
        self.started = False
        self.broken = False             # data_pre failed: the stream is one error
        self.on = False                 # a thread runs this lane
        self.queued = False
        self.counts = [0] * len(node.outputs)   # buffers put out so far, per port
        self.meta: Any = None

    def send_event(self, event: Any) -> None:
        engine = self.node.engine
        with engine.condition:
            if self.first.session.closed or self.ctx is None:
                return
            self.event, self.events = event, True
            self.node.lane_ready(self)

    def stuck(self) -> bool:
        """Waits for an event, and nobody but the engine could send one."""
        ctx = self.ctx
        return ctx is None or sys.getrefcount(ctx) <= HOLDERS

    def has_work(self) -> bool:
        if self.events:
            return True
        if self.continuing and self.node.one_by_one:
            return False
        return bool(self.entries) or (self.end is not None and not self.continuing)

    def session_closed(self) -> None:
        """No more events: a unit that would go on is asked for nothing any more (lock held)."""
        if self.continuing and not self.events:
            self.event, self.events = CLOSED, True
            self.node.lane_ready(self)


class LaneJob:
    __slots__ = ("count", "entries", "event", "garbage", "lane", "out", "over", "sets", "skipped", "with_event")

    def __init__(self, lane: Lane, ports: int) -> None:
        self.lane = lane
        self.entries: list[Any] = []
        self.event: Any = None
        self.with_event = False
        self.out: list[list[Any]] = [[] for _ in range(ports)]
        self.sets: Any = None
        self.over = False
        self.count = 0
        self.skipped: list[Seat] = []
        self.garbage: Any = None    # the finished context: what units stored in it is released without the lock


class LaneNode(Node):
    """Lanes and their turn; `work` does what one run of a lane does."""

    one_by_one = False  # whether a lane that goes on by events holds its other entries back

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.lanes: dict[Key, Lane] = {}
        self.turn: deque[Lane] = deque()

    def lane_of(self, seat: Seat) -> Lane:
        lane = self.lanes.get(seat.key)
        if lane is None:
            lane = self.lanes[seat.key] = Lane(self, seat.key, seat)
        return lane

    def accept(self, entry: Any) -> None:
        seat = entry.seat if type(entry) is not tuple else entry[0].seat
        lane = self.lane_of(seat)
        if type(entry) is End:
            lane.end = entry
        else:
            lane.entries.append(entry)
        if not lane.on and not lane.queued and lane.has_work():
            lane.queued = True
            self.turn.append(lane)

    def lane_ready(self, lane: Lane) -> None:
        """Give a lane its turn if it has something to do (lock held)."""
        if not lane.on and not lane.queued and lane.has_work():
            lane.queued = True
            self.turn.append(lane)
            self.engine.ready(self)

    def has_work(self) -> bool:
        return bool(self.turn)

    def waiting(self) -> list[Lane]:
        return [lane for lane in self.lanes.values() if lane.continuing]

    def next_job(self) -> LaneJob:
        """The lane whose turn it is, with its event if it has one."""
        lane = self.turn.popleft()
        lane.queued, lane.on = False, True
        job = LaneJob(lane, len(self.outputs))
        if lane.events:
            job.event, job.with_event = lane.event, True
            lane.event, lane.events = None, False
        return job

    def take(self) -> LaneJob:
        job = self.next_job()
        lane = job.lane
        if not job.with_event:
            count = min(self.share(), len(lane.entries))
            job.entries = [lane.entries.popleft() for _ in range(count)]
            self.inbox.taken(count)
        job.count = len(job.entries)
        self.inflight += job.count
        # The end is this run's business when nothing else is left; work() decides whether the stream may end.
        job.over = lane.end is not None and not lane.entries
        return job

    def run(self, job: LaneJob) -> None:
        self.work(job)
        job.sets = self.fan_out(job.out)

    def work(self, job: LaneJob) -> None:
        raise NotImplementedError

    def done(self, job: LaneJob) -> None:
        lane = job.lane
        self.inflight -= job.count
        lane.on = False
        self.deliver(job.sets)
        for seat in job.skipped:
            self.tell_skipped(seat)
        if job.over and lane.end is not None:
            self.lanes.pop(lane.key, None)
            job.garbage, lane.ctx = lane.ctx, None
            if job.garbage is not None:
                job.garbage._lane = None
            self.end_consumed(lane.end.seat, max(1, len(self.inputs)))
        elif lane.has_work() and not lane.queued:
            lane.queued = True
            self.turn.append(lane)

    def tell_skipped(self, seat: Seat) -> None:
        """A stream unit gave nothing for the buffer at this seat (lock held)."""

    # -- calls -------------------------------------------------------------
    def pre(self, lane: Lane, batch: list[Any], out: list[list[Any]]) -> None:
        """data_pre; when it fails the whole stream becomes one error buffer."""
        lane.started = True
        ctx = lane.ctx
        self.set_inputs(lane, batch)
        code, message = self.caller.stage("data_pre", ctx)
        self.take_meta(lane)
        if code != SUCCESS:
            lane.broken = True
            self.error_out(lane, self.unit_name + ".DataPreError", message, -1, out)

    def post(self, lane: Lane) -> None:
        ctx = lane.ctx
        assert ctx is not None
        ctx._outputs = self.new_outputs()     # what is pushed here leaves nowhere, as on the real engine
        code, _ = self.caller.stage("data_post", ctx)
        if code in (STOP, SHUTDOWN):
            raise StopAsked(code)

    def set_inputs(self, lane: Lane, batch: list[Any]) -> None:
        ctx = lane.ctx
        assert ctx is not None
        if not batch:
            ctx._inputs = None
        elif type(batch[0]) is Buffer:
            ctx._inputs = [batch]
        else:
            ctx._inputs = [list(column) for column in zip(*batch)]
        ctx._outputs = None
        ctx._has_error = self.visible and any(b._error for port in ctx._inputs or () for b in port)

    def take_meta(self, lane: Lane) -> None:
        ctx = lane.ctx
        if ctx is not None and ctx._meta and lane.meta is None:
            lane.meta = ctx._meta

    def call(self, lane: Lane, batch: list[Any], event: Any, out: list[list[Any]]) -> tuple[int, list[Any]]:
        """One process call; returns the code and what was pushed per port (errors of the call already in `out`)."""
        ctx = lane.ctx
        assert ctx is not None
        self.set_inputs(lane, batch)
        ctx._event = event
        ctx._outputs = self.new_outputs()
        code, message = self.caller.process(ctx)
        ctx._event = None
        lane.continuing = code == CONTINUE and not lane.first.session.closed
        self.take_meta(lane)
        pushed = [p._items for p in ctx._outputs]
        ctx._outputs = None
        if code != SUCCESS and code != CONTINUE:
            self.failures += 1
            self.error_out(lane, self.unit_name + ".ProcessError", message, -1, out)
            return code, [[] for _ in pushed]
        return code, pushed

    def next_seat(self, lane: Lane, port: int, count: int, parent: Seat | None) -> Seat:
        first = lane.first
        meta = first.meta
        if lane.meta:
            meta = DataMeta.merged(meta, lane.meta.get(self.outputs[port]))
        return Seat(first.session, first.key, count, parent, first.depth, meta)

    def error_out(self, lane: Lane, code: str, message: str, depth: int, out: list[list[Any]],
                  parent: Seat | None = None) -> None:
        if not out:
            self.engine.session_failed(lane.first.session, message)
        buffers = []
        for _ in out:
            buffers.append([failed(code, message, lane.first.depth if depth < 0 else depth)])
        if parent is None:
            parent = lane.ctx._seat.parent if lane.ctx is not None else lane.first.parent
        self.put(lane, buffers, parent, out)

    def put(self, lane: Lane, pushed: list[list[Any]], parent: Seat | None, out: list[list[Any]]) -> None:
        """Give places to what a call pushed. Ports may differ in number; then they are streams of their own."""
        counts = lane.counts
        for port, items in enumerate(pushed):
            for item in items:
                seat = item.seat = self.next_seat(lane, port, counts[port], parent)
                counts[port] += 1
                if item._error is not None:
                    seat_error(item, seat.depth)
            out[port].extend(items)

    def end_out(self, lane: Lane, parent: Seat | None, out: list[list[Any]]) -> None:
        for port, items in enumerate(out):
            items.append(End(self.next_seat(lane, port, lane.counts[port], parent)))


def seat_of(entry: Any) -> Seat:
    return entry.seat if type(entry) is not tuple else entry[0].seat
