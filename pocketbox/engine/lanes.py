"""Units that see streams: one lane per stream, one call at a time in a lane, lanes side by side.

A lane keeps the stream's context from data_pre to data_post, the events that the unit sent to itself, and the entries
that wait. `StreamNode` is a unit with inputs, `SourceNode` one that feeds itself through ExternalData; expand and
collapse are in `nesting`.
"""
from __future__ import annotations

import sys
from collections import deque
from typing import Any

from ..errors import RunError
from ..sdk.buffer import Buffer, failed
from ..sdk.private import DataMeta, FlowUnitEvent
from ..sdk.status import Status, StatusCode
from .call import CONTINUE, SHUTDOWN, STOP, SUCCESS, StopAsked
from .context import DataContext
from .node import Node, hidden, seat_error
from .seat import End, Gap, Key, Seat
from .session import ExternalData, Session

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

    def take(self) -> LaneJob:
        lane = self.turn.popleft()
        lane.queued = False
        lane.on = True
        job = LaneJob(lane, len(self.outputs))
        if lane.events:
            job.event, job.with_event = lane.event, True
            lane.event, lane.events = None, False
        else:
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


class StreamNode(LaneNode):
    """A stream unit with inputs: may give fewer or more buffers than it gets."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.merges: list[tuple[Node, int]] = []    # merges downstream that must hear of dropped buffers

    def work(self, job: LaneJob) -> None:
        lane, out = job.lane, job.out
        if job.event is CLOSED:
            lane.continuing = False
        elif job.with_event:
            parent = lane.ctx._seat.parent if lane.ctx is not None else None
            _, pushed = self.call(lane, [], job.event, out)
            self.put(lane, pushed, parent, out)
        batch: list[Any] = []
        for entry in job.entries:
            kind = type(entry)
            error = None if kind is Gap else self._hidden(entry)
            if not lane.started:
                self.pre(lane, [] if kind is Gap or error is not None else [entry], out)
            if lane.broken or kind is Gap:
                if kind is Gap:
                    job.skipped.append(entry.seat)
                continue
            if error is not None:
                self._flush(job, batch)
                batch = []
                code, message, depth = error._error  # type: ignore[misc]
                self.error_out(lane, code, message, depth, out, _seat(entry).parent)
                continue
            batch.append(entry)
            if len(batch) >= self.batch:
                self._flush(job, batch)
                batch = []
        self._flush(job, batch)
        if job.over:
            self._finish(job)

    def _hidden(self, entry: Any) -> Buffer | None:
        for buffer in entry if type(entry) is tuple else (entry,):
            if buffer._error and hidden(buffer, self.visible):
                return buffer
        return None

    def _flush(self, job: LaneJob, batch: list[Any]) -> None:
        if not batch:
            return
        lane, out = job.lane, job.out
        seat = _seat(batch[0])
        if lane.ctx is not None:
            lane.ctx._seat = seat
        code, pushed = self.call(lane, batch, None, out)
        if len(batch) > 1 and seat.parent is not None and all(len(p) == len(batch) for p in pushed):
            for i, entry in enumerate(batch):
                self.put(lane, [[p[i]] for p in pushed], _seat(entry).parent, out)
            return
        self.put(lane, pushed, seat.parent, out)
        if self.merges and code == SUCCESS:
            given = max((len(p) for p in pushed), default=0)
            job.skipped.extend(_seat(entry) for entry in (batch if not given else batch[1:]))

    def _finish(self, job: LaneJob) -> None:
        lane = job.lane
        if (lane.continuing and not lane.first.session.closed) or lane.events:
            job.over = False
            return
        if lane.started:
            self.post(lane)
        assert lane.end is not None
        if lane.events:
            job.over = False
            return
        self.end_out(lane, lane.end.seat.parent, job.out)

    def tell_skipped(self, seat: Seat) -> None:
        if seat.parent is None:
            return
        for node, index in self.merges:
            node.inbox.skip(index, seat.parent)
            self.engine.ready(node)


class Feed:
    """The stream behind one ExternalData; knows its source's lane, not the other way round."""

    def __init__(self, node: SourceNode, session: Session) -> None:
        self.node = node
        self.session = session
        self.seat = Seat(session, (session,), 0, None, 0)
        self.sent = 0
        self.closed = False
        session.feeds.append(self)

    def set_meta(self, meta: Any) -> None:
        self.seat.meta = meta

    def send(self, buffers: list[Buffer]) -> Status:
        return self.node.external(self, buffers)

    def close(self) -> None:
        with self.node.engine.condition:
            self.end()

    def end(self) -> None:
        """No more external data for this stream (lock held)."""
        if not self.closed:
            self.closed = True
            self.node.end_feed(self)

    def shutdown(self) -> None:
        with self.node.engine.condition:
            self.node.engine.close_session(self.session)
            self.end()

    def close_later(self) -> None:
        """From a finaliser, which may run anywhere: the next worker that looks closes the stream."""
        if not self.closed:
            self.node.engine.close_later(self.end)


class SourceNode(LaneNode):
    """A unit without inputs. What it is sent comes in one call, however many buffers there are."""

    def __init__(self, engine: Any, bound: Any, unit: Any, unit_name: str) -> None:
        super().__init__(engine, bound, unit, unit_name)
        self.capacity = bound.queue_size_external
        self.stream = bool(bound.descriptor.stream)

    def create(self, device: Any) -> ExternalData:
        session = self.engine.new_session()
        return ExternalData(Feed(self, session), device)

    def external(self, feed: Feed, buffers: list[Buffer]) -> Status:
        engine = self.engine
        with engine.condition:
            if feed.closed:
                return Status(StatusCode.STATUS_STOP, "the external data is closed")
            lane = self.lane_of(feed.seat)
            for buffer in buffers:
                buffer.seat = feed.seat.at(feed.sent)
                feed.sent += 1
                lane.entries.append(buffer)
            self.lane_ready(lane)
            # A thread of the unit's own waits for room; nobody else may, or the engine would wait for itself.
            while len(lane.entries) > self.capacity and engine.may_block() and not engine.stopping:
                engine.room.wait(0.1)
        return Status()

    def end_feed(self, feed: Feed) -> None:
        """The stream of an ExternalData is over (lock held)."""
        lane = self.lane_of(feed.seat)
        lane.end = End(feed.seat.at(feed.sent))
        feed.session.ends += 1
        feed.session.inputs_open -= 1
        self.lane_ready(lane)

    def take(self) -> LaneJob:
        lane = self.turn.popleft()
        lane.queued = False
        lane.on = True
        job = LaneJob(lane, len(self.outputs))
        if lane.events:
            job.event, job.with_event = lane.event, True
            lane.event, lane.events = None, False
        elif lane.entries:
            job.entries = list(lane.entries)
            lane.entries.clear()
            self.engine.room.notify_all()
        job.over = lane.end is not None and not lane.entries
        return job

    def work(self, job: LaneJob) -> None:
        lane, out = job.lane, job.out
        ctx = lane.ctx
        assert ctx is not None
        ctx._external = job.entries
        if job.entries and not lane.started and self.stream:
            self.pre(lane, [], out)
        if job.event is CLOSED:
            lane.continuing = False
        elif (job.entries or job.with_event) and not lane.broken:
            ctx._external = job.entries
            code, pushed = self.call(lane, [], job.event, out)
            if not self.stream and code == SUCCESS and any(len(p) != len(job.entries) for p in pushed):
                raise RunError("unit %s (node %s) was sent %d buffers and put out another number" % (
                    self.unit_name, self.name, len(job.entries)), self.caller.place("process"),
                    "A source that makes its own number of buffers needs stream = true")
            self.put(lane, pushed, None, out)
        if not job.over:
            return
        if (lane.continuing and not lane.first.session.closed) or lane.events:
            job.over = False
            return
        if lane.started:
            ctx._external = []
            self.post(lane)
        self.end_out(lane, None, out)


def _seat(entry: Any) -> Seat:
    return entry.seat if type(entry) is not tuple else entry[0].seat
