"""A stream unit with inputs: what it is given and what it puts out may differ in number."""
from __future__ import annotations

from typing import Any

from ..sdk.buffer import Buffer
from .call import SUCCESS
from .lanes import CLOSED, LaneJob, LaneNode, seat_of
from .node import Node, hidden
from .seat import Gap, Seat


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
                self.error_out(lane, code, message, depth, out, seat_of(entry).parent)
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
        seat = seat_of(batch[0])
        if lane.ctx is not None:
            lane.ctx._seat = seat
        code, pushed = self.call(lane, batch, None, out)
        if len(batch) > 1 and seat.parent is not None and all(len(p) == len(batch) for p in pushed):
            for i, entry in enumerate(batch):
                self.put(lane, [[p[i]] for p in pushed], seat_of(entry).parent, out)
            return
        self.put(lane, pushed, seat.parent, out)
        if self.merges and code == SUCCESS:
            given = max((len(p) for p in pushed), default=0)
            job.skipped.extend(seat_of(entry) for entry in (batch if not given else batch[1:]))

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
