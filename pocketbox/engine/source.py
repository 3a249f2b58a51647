"""A unit without inputs, which feeds itself through ExternalData: each ExternalData is a stream of its own."""
from __future__ import annotations

from typing import Any

from ..errors import RunError
from ..sdk.buffer import Buffer
from ..sdk.status import Status, StatusCode
from .call import SUCCESS
from .lanes import CLOSED, LaneJob, LaneNode
from .seat import End, Seat
from .session import ExternalData, Session


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
        job = self.next_job()
        lane = job.lane
        if lane.entries and not job.with_event:
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
