"""Normal and condition units: as many buffers out as in, called from several threads, order kept.

Runs are numbered when they take their entries and deliver in that order, whichever finishes first.
"""
from __future__ import annotations

from collections import deque
from typing import Any

from ..errors import RunError
from ..sdk.buffer import Buffer, failed
from .call import CONTINUE, SUCCESS
from .context import DataContext
from .node import Node, hidden, seat_error
from .seat import End, Gap, Key, Seat


class Job:
    """One run: the entries taken, and per output port what came of them."""

    __slots__ = ("entries", "number", "out", "sets")

    def __init__(self, number: int, entries: list[Any], ports: int) -> None:
        self.number = number
        self.entries = entries
        self.out: list[list[Any]] = [[] for _ in range(ports)]
        self.sets: Any = None


class NormalNode(Node):
    """One to one. Batches may mix streams and sessions."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.entries: deque[Any] = deque()
        self.next_job = 0
        self.next_done = 0
        self.finished: dict[int, Job] = {}
        self.private: dict[Key, dict[str, Any]] = {}
        self.metas: dict[Key, Any] = {}

    def accept(self, entry: Any) -> None:
        self.entries.append(entry)

    def has_work(self) -> bool:
        return bool(self.entries) and (not self.running or (self.heavy() and self.running < self.engine.threads))

    def take(self) -> Job:
        count = min(self.share(), len(self.entries))
        entries = [self.entries.popleft() for _ in range(count)]
        data = sum(1 for e in entries if type(e) is not End)
        self.inbox.taken(data)
        self.inflight += data
        self.next_job += 1
        return Job(self.next_job - 1, entries, len(self.outputs))

    def run(self, job: Job) -> None:
        batch: list[Any] = []
        size, visible, many = self.batch, self.visible, len(self.inputs) > 1
        for entry in job.entries:
            kind = type(entry)
            if kind is End or kind is Gap:
                if batch:
                    self.call(batch, job.out)
                    batch = []
                self.pass_on(entry, job.out)
                continue
            error = self._hidden_row(entry) if many else (entry if entry._error and hidden(entry, visible) else None)
            if error is not None:
                if batch:
                    self.call(batch, job.out)
                    batch = []
                code, message, depth = error._error  # type: ignore[misc]
                self.errors_out([_seat(entry)], code, message, depth, job.out)
                continue
            batch.append(entry)
            if len(batch) == size:
                self.call(batch, job.out)
                batch = []
        if batch:
            self.call(batch, job.out)
        job.sets = self.prepare(job.out)

    def prepare(self, out: list[list[Any]]) -> Any:
        """What can be done for delivery before the order is known."""
        return self.fan_out(out)

    def in_order(self, job: Job) -> Any:
        """The items for each output and target, now that all earlier runs have delivered."""
        return job.sets

    def _hidden_row(self, row: Any) -> Buffer | None:
        for buffer in row:
            if buffer._error and hidden(buffer, self.visible):
                return buffer
        return None

    def context(self, batch: list[Any]) -> DataContext:
        first = batch[0]
        if type(first) is Buffer:
            seat, inputs = first.seat, [batch]
        else:
            seat, inputs = first[0].seat, [list(column) for column in zip(*batch)]
        values = self.private.get(seat.key)
        if values is None:
            values = self.private[seat.key] = {}
        ctx = DataContext(self, seat, None, values)
        ctx._inputs = inputs
        ctx._outputs = self.new_outputs()
        if self.visible:
            ctx._has_error = any(b._error for port in inputs for b in port)
        return ctx

    def call(self, batch: list[Any], out: list[list[Any]]) -> None:
        ctx = self.context(batch)
        code, message = self.caller.process(ctx)
        if code != SUCCESS and code != CONTINUE:
            self.failures += len(batch)
            self.errors_out([_seat(entry) for entry in batch], self.unit_name + ".ProcessError", message, -1, out)
            return
        if ctx._meta:
            self.metas[ctx._seat.key] = ctx._meta
        self.collect(batch, ctx, out)

    def collect(self, batch: list[Any], ctx: DataContext, out: list[list[Any]]) -> None:
        for port, pushed in enumerate(ctx._outputs or ()):
            items = pushed._items
            if len(items) != len(batch):
                self.wrong_count(len(batch), len(items), self.outputs[port])
            for item, entry in zip(items, batch):
                seat = item.seat = _seat(entry)
                if item._error is not None:
                    seat_error(item, seat.depth)
            if self.metas:
                self._with_meta(items, port)
            out[port].extend(items)

    def _with_meta(self, items: list[Any], port: int) -> None:
        for item in items:
            meta = self.metas.get(item.seat.key, {}).get(self.outputs[port])
            if meta is not None:
                seat = item.seat.at(item.seat.index)
                seat.meta = type(meta).merged(seat.meta, meta)
                item.seat = seat

    def wrong_count(self, given: int, got: int, port: str) -> None:
        raise RunError(
            "unit %s (node %s) was given %d buffer%s and put %d on port %s" % (
                self.unit_name, self.name, given, "" if given == 1 else "s", got, port), self.caller.place("process"),
            "A normal unit puts out one buffer for each it gets, on every port; to drop or repeat, set stream = true")

    def errors_out(self, seats: list[Seat], code: str, message: str, depth: int, out: list[list[Any]]) -> None:
        """An error buffer on every port for each seat."""
        if not out:
            for seat in seats:
                self.engine.session_failed(seat.session, message)
        for items in out:
            for seat in seats:
                buffer = failed(code, message, seat.depth if depth < 0 else depth)
                buffer.seat = seat
                items.append(buffer)

    def pass_on(self, entry: Any, out: list[list[Any]]) -> None:
        for items in out:
            items.append(type(entry)(entry.seat))

    def done(self, job: Job) -> None:
        self.finished[job.number] = job
        while self.next_done in self.finished:
            ready = self.finished.pop(self.next_done)
            self.next_done += 1
            self.inflight -= sum(1 for e in ready.entries if type(e) is not End)
            self.deliver(self.in_order(ready))
            for entry in ready.entries:
                if type(entry) is End:
                    self.private.pop(entry.seat.key, None)
                    self.metas.pop(entry.seat.key, None)
                    self.ended += 1
                    self.end_consumed(entry.seat, len(self.inputs))


class ConditionNode(NormalNode):
    """Each buffer goes to exactly one port, where it gets a place in that branch's own stream."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.counts: dict[Key, list[int]] = {}
        self.skips: list[list[tuple[Node, int]]] = [[] for _ in self.outputs]   # merges that a port does not lead to
        self.first = self.outputs.index(min(self.outputs)) if self.outputs else 0

    def prepare(self, out: list[list[Any]]) -> Any:
        return None     # the places in the branches are given in order

    def collect(self, batch: list[Any], ctx: DataContext, out: list[list[Any]]) -> None:
        total = sum(len(p) for p in ctx._outputs or ())
        if total != len(batch):
            raise RunError(
                "condition %s (node %s) put %d buffers out for one; ports %s" % (
                    self.unit_name, self.name, total, ", ".join(self.outputs)), self.caller.place("process"),
                "A condition puts every buffer on exactly one of its ports")
        for port, pushed in enumerate(ctx._outputs or ()):
            for item in pushed._items:
                seat = item.seat = _seat(batch[0])
                if item._error is not None:
                    seat_error(item, seat.depth + 1)
            out[0].extend((port, item) for item in pushed._items)

    def errors_out(self, seats: list[Seat], code: str, message: str, depth: int, out: list[list[Any]]) -> None:
        for seat in seats:
            buffer = failed(code, message, seat.depth + 1 if depth < 0 else depth)
            buffer.seat = seat
            out[0].append((self.first, buffer))

    def pass_on(self, entry: Any, out: list[list[Any]]) -> None:
        out[0].append((self.first, type(entry)(entry.seat)))

    def in_order(self, job: Job) -> Any:
        return self.fan_out(self._place(job.out[0]))

    def _place(self, routed: list[Any]) -> list[list[Any]]:
        out: list[list[Any]] = [[] for _ in self.outputs]
        for port, item in routed:
            parent = item.seat
            key = (parent.key, self.name)
            counts = self.counts.get(key)
            if counts is None:
                counts = self.counts[key] = [0] * len(self.outputs)
            if type(item) is End:
                for p, count in enumerate(counts):
                    out[p].append(End(Seat(parent.session, key, count, parent, parent.depth + 1, parent.meta)))
                del self.counts[key]
                continue
            item.seat = Seat(parent.session, key, counts[port], parent, parent.depth + 1, parent.meta)
            counts[port] += 1
            out[port].append(item)
            for node, index in self.skips[port]:
                node.inbox.skip(index, parent)
                self.engine.ready(node)
        return out


def _seat(entry: Any) -> Seat:
    return entry.seat if type(entry) is Buffer else entry[0].seat
