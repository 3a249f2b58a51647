"""Expand and collapse: one buffer becomes a stream of its own, and such a stream one buffer again.

An expand tells its collapse nodes directly when the outer stream is over, so that inside the nest only inner streams
and their ends travel.
"""
from __future__ import annotations

from typing import Any

from ..errors import RunError
from ..sdk.buffer import failed
from ..sdk.private import DataMeta
from .call import CONTINUE, SUCCESS
from .lanes import CLOSED, Lane, LaneJob, LaneNode, seat_of
from .node import hidden, seat_error
from .seat import End, Gap, Key, Seat


class ExpandNode(LaneNode):
    """One call per buffer, and more while the unit goes on by events; then the next buffer of the stream."""

    one_by_one = True

    def __init__(self, engine: Any, bound: Any, unit: Any, unit_name: str) -> None:
        super().__init__(engine, bound, unit, unit_name)
        self.stream = bool(bound.descriptor.stream)
        self.collapses: list[CollapseNode] = []

    def take(self) -> LaneJob:
        job = self.next_job()
        lane = job.lane
        if lane.entries and not (job.with_event or lane.continuing):
            job.entries = [lane.entries.popleft()]
            self.inbox.taken(1)
        job.count = len(job.entries)
        self.inflight += job.count
        job.over = lane.end is not None and not lane.entries
        return job

    def work(self, job: LaneJob) -> None:
        lane, out = job.lane, job.out
        if job.event is CLOSED:
            lane.continuing = False
            assert lane.ctx is not None
            self._inner_end(lane, lane.ctx._seat, out)
        elif job.with_event:
            self._expand(lane, [], job.event, out)
        for entry in job.entries:
            lane.counts = [0] * len(self.outputs)
            if type(entry) is Gap:
                self._inner_end(lane, entry.seat, out)
                continue
            seat = seat_of(entry)
            assert lane.ctx is not None
            lane.ctx._seat = seat
            error = next((b._error for b in (entry if type(entry) is tuple else (entry,))
                          if b._error and hidden(b, self.visible)), None)
            if not lane.started and self.stream:
                self.pre(lane, [] if error else [entry], out)
            if not self.stream:
                lane.ctx._values.clear()    # the context of a normal expand lasts for one buffer
            if error is not None:
                self._inner_error(lane, seat, error[0], error[1], error[2], out)
                self._inner_end(lane, seat, out)
            elif lane.broken:
                self._inner_end(lane, seat, out)
            else:
                self._expand(lane, [entry], None, out)
        if job.over and ((lane.continuing and not lane.first.session.closed) or lane.events):
            job.over = False
        if job.over and lane.started and self.stream:
            self.post(lane)

    def _expand(self, lane: Lane, batch: list[Any], event: Any, out: list[list[Any]]) -> None:
        assert lane.ctx is not None
        seat = lane.ctx._seat
        ctx = lane.ctx
        self.set_inputs(lane, batch)
        ctx._event, ctx._outputs = event, self.new_outputs()
        code, message = self.caller.process(ctx)
        ctx._event = None
        lane.continuing = code == CONTINUE and not seat.session.closed
        self.take_meta(lane)
        pushed = [p._items for p in ctx._outputs]
        ctx._outputs = None
        if code != SUCCESS and code != CONTINUE:
            self.failures += 1
            self._inner_error(lane, seat, self.unit_name + ".ProcessError", message, -1, out)
        else:
            for port, items in enumerate(pushed):
                for item in items:
                    self._inner_place(lane, seat, port, item)
                out[port].extend(items)
        if not lane.continuing and not lane.events:
            self._inner_end(lane, seat, out)

    def _inner(self, lane: Lane, parent: Seat, port: int) -> Seat:
        meta = parent.meta
        if lane.meta:
            meta = DataMeta.merged(meta, lane.meta.get(self.outputs[port]))
        return Seat(parent.session, (parent.key, parent.index), lane.counts[port], parent, parent.depth + 1, meta)

    def _inner_place(self, lane: Lane, parent: Seat, port: int, item: Any) -> None:
        item.seat = self._inner(lane, parent, port)
        lane.counts[port] += 1
        if item._error is not None:
            seat_error(item, item.seat.depth)

    def _inner_error(self, lane: Lane, parent: Seat, code: str, message: str, depth: int, out: list[list[Any]]) -> None:
        for port, items in enumerate(out):
            buffer = failed(code, message, parent.depth + 1 if depth < 0 else depth)
            self._inner_place(lane, parent, port, buffer)
            items.append(buffer)

    def error_out(self, lane: Lane, code: str, message: str, depth: int, out: list[list[Any]],
                  parent: Seat | None = None) -> None:
        """A failed data_pre: the first inner stream is one error, the others are empty."""
        assert lane.ctx is not None
        self._inner_error(lane, lane.ctx._seat, code, message, depth, out)

    def _inner_end(self, lane: Lane, parent: Seat, out: list[list[Any]]) -> None:
        for port, items in enumerate(out):
            items.append(End(self._inner(lane, parent, port)))

    def done(self, job: LaneJob) -> None:
        end = job.lane.end if job.over else None
        if end is not None:
            end.seat.session.ends += len(self.collapses)
        super().done(job)
        if end is not None:
            for node in self.collapses:
                node.outer_end(end)
                self.engine.ready(node)


class _Outer:
    """The stream into which a collapse puts its buffers, in the order of the buffers that were expanded."""

    __slots__ = ("end", "finished", "next")

    def __init__(self) -> None:
        self.next = 0
        self.finished: dict[int, list[list[Any]]] = {}
        self.end: End | None = None


class CollapseNode(LaneNode):
    """Called once per inner stream, with all its buffers; gives one buffer."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.outers: dict[Key, _Outer] = {}

    def accept(self, entry: Any) -> None:
        """Buffers are gathered outside the count of the queue: an inner stream may be longer than the queue."""
        seat = seat_of(entry)
        lane = self.lane_of(seat)
        if type(entry) is not End:
            lane.entries.append(entry)
            self.inbox.taken(1)
            return
        lane.end = entry
        lane.queued = True
        self.turn.append(lane)

    def take(self) -> LaneJob:
        job = self.next_job()
        lane = job.lane
        job.entries, job.over = list(lane.entries), True
        lane.entries.clear()
        self.inflight += 1
        job.count = 1
        return job

    def run(self, job: LaneJob) -> None:
        self.work(job)

    def work(self, job: LaneJob) -> None:
        lane = job.lane
        assert lane.end is not None
        parent = lane.end.seat.parent
        assert parent is not None
        entries = [e for e in job.entries if type(e) is not Gap]
        if not entries:
            self._give(job, parent, None)
            return
        error = next((b._error for e in entries for b in (e if type(e) is tuple else (e,))
                      if b._error and hidden(b, self.visible)), None)
        self.pre(lane, [] if error else entries, job.out)
        if error is None and not lane.broken:
            ctx = lane.ctx
            assert ctx is not None
            ctx._seat = seat_of(entries[0])
            _, pushed = self.call(lane, entries, None, job.out)
            for port, items in enumerate(pushed):
                job.out[port].extend(items)
        self.post(lane)
        if error is not None and not any(job.out):
            self._give(job, parent, failed(error[0], error[1], error[2]))
            return
        most = max((len(items) for items in job.out), default=0)
        if most > 1:
            raise self._too_many(most)
        for items in job.out:
            for item in items:
                item.seat = parent
                if item._error is not None:
                    seat_error(item, parent.depth)
        for items in job.out:
            if not items:
                items.append(Gap(parent))

    def error_out(self, lane: Lane, code: str, message: str, depth: int, out: list[list[Any]],
                  parent: Seat | None = None) -> None:
        for items in out:
            items.append(failed(code, message, lane.first.depth - 1 if depth < 0 else depth))

    def _too_many(self, most: int) -> Exception:
        return RunError("collapse %s (node %s) put out %d buffers for one inner stream" % (
            self.unit_name, self.name, most), self.caller.place("process"), "Put out exactly one buffer per call")

    @staticmethod
    def _give(job: LaneJob, parent: Seat, buffer: Any) -> None:
        for items in job.out:
            item = Gap(parent) if buffer is None else buffer
            item.seat = parent
            items.append(item)

    def outer_end(self, end: End) -> None:
        """The stream before the expand is over (lock held)."""
        outer = self._outer(end.seat.key)
        outer.end = end
        self._advance(end.seat.key, outer)

    def _outer(self, key: Key) -> _Outer:
        outer = self.outers.get(key)
        if outer is None:
            outer = self.outers[key] = _Outer()
        return outer

    def done(self, job: LaneJob) -> None:
        assert job.lane.end is not None
        parent = job.lane.end.seat.parent
        assert parent is not None
        outer = self._outer(parent.key)
        outer.finished[parent.index] = job.out
        job.sets = []
        self._advance(parent.key, outer)
        super().done(job)

    def _advance(self, key: Key, outer: _Outer) -> None:
        while outer.next in outer.finished:
            self.deliver(self.fan_out(outer.finished.pop(outer.next)))
            outer.next += 1
        end = outer.end
        if end is not None and outer.next >= end.seat.index:
            del self.outers[key]
            self.deliver(self.fan_out([[End(end.seat)] for _ in self.outputs]))
            self.end_consumed(end.seat)
