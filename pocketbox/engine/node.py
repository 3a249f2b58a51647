"""A node: its unit, its inbox, the nodes it feeds, and when it may run.

Subclasses (`oneforone`, `lanes`) say how entries become calls. A node is driven by the scheduler: `take` picks work and
`done` delivers what came of it, both with the engine's lock held; `run` calls the unit without the lock.
"""
from __future__ import annotations

from typing import Any

from ..sdk.buffer import Buffer, BufferError, handle
from ..sdk.buffer_list import BufferList
from .call import Caller
from .inbox import Inbox
from .seat import End, Seat

RUN_SECONDS = 0.0001    # how long one run of a cheap unit should take: long runs would leave the caches cold
HEAVY_SECONDS = 0.0002  # from here on a call is worth a thread of its own
MOST_ENTRIES = 32


class Node:
    """Common to all kinds: ports, targets, back-pressure and figures."""

    def __init__(self, engine: Any, bound: Any, unit: Any, unit_name: str) -> None:
        self.engine = engine
        self.name = bound.name
        self.unit_name = unit_name
        self.unit = unit
        self.caller = Caller(bound.name, unit_name, unit)
        self.inputs: list[str] = list(bound.inputs)
        self.outputs: list[str] = list(bound.outputs)
        self.in_index = {port: i for i, port in enumerate(self.inputs)}
        self.out_index = {port: i for i, port in enumerate(self.outputs)}
        self.batch = bound.batch_size
        self.visible = bool(bound.descriptor and bound.descriptor.exception_visible)
        self.inbox = Inbox(self.name, self.inputs, self.accept)
        for i, port in enumerate(self.inputs):
            self.inbox.capacity[i] = bound.queue_sizes.get(port, bound.queue_size)
        self.targets: list[list[tuple[Node, int]]] = [[] for _ in self.outputs]
        self.upstream: list[Node] = []
        self.priority = 0
        self.queued = False
        self.running = 0
        self.inflight = 0
        self.cost = 0.0         # seconds per entry, smoothed
        self.at_work = 1.0      # share of a call's time in which it took a core and did not wait, smoothed
        self.processed = 0
        self.ended = 0          # ends of streams among what was processed
        self.sent = 0           # buffers, counted where there is no input
        self.failures = 0
        self.busy = 0.0

    # -- for subclasses ----------------------------------------------------
    def accept(self, entry: Any) -> None:
        """An entry of the inbox is complete (lock held)."""
        raise NotImplementedError

    def has_work(self) -> bool:
        raise NotImplementedError

    def take(self) -> Any:
        raise NotImplementedError

    def run(self, job: Any) -> None:
        raise NotImplementedError

    def done(self, job: Any) -> None:
        raise NotImplementedError

    def waiting(self) -> list[Any]:
        """Lanes that wait for an event which only another thread could send."""
        return []

    # -- room and work -----------------------------------------------------
    def room(self) -> int:
        """How many more entries may be taken before a target is full."""
        least = MOST_ENTRIES
        for port in self.targets:
            for node, index in port:
                free = node.inbox.capacity[index] - node.inbox.load[index]
                if free < least:
                    least = free
        return least - self.inflight

    def runnable(self) -> bool:
        return self.has_work() and self.room() > 0

    def share(self) -> int:
        """How many entries one run should take."""
        cost = self.cost
        if not cost:
            return self.batch   # not known yet: one call, so that a slow unit's first results are not held back
        wanted = MOST_ENTRIES if cost <= RUN_SECONDS / MOST_ENTRIES else int(RUN_SECONDS / cost)
        wanted = max(self.batch, min(wanted, self.room()))
        return wanted - wanted % self.batch     # whole batches: a run must not cut one in two

    def heavy(self) -> bool:
        return self.cost >= HEAVY_SECONDS

    def spent(self, seconds: float, entries: int) -> None:
        """Book the time of one run."""
        self.busy += seconds
        if entries:
            each = seconds / entries
            self.cost = each if not self.cost else self.cost + 0.2 * (each - self.cost)
            self.processed += entries

    # -- sending -----------------------------------------------------------
    def fan_out(self, out: list[list[Any]]) -> list[list[list[Any]]]:
        """For every output and target the items to send; each target beyond the first gets handles of its own."""
        sets = []
        for port, items in enumerate(out):
            copies = [items]
            for _ in self.targets[port][1:]:
                copies.append([_second(item) for item in items])
            sets.append(copies)
        return sets

    def deliver(self, sets: list[list[list[Any]]]) -> None:
        """Hand items to the targets (lock held)."""
        for port, copies in enumerate(sets):
            targets = self.targets[port]
            if not self.inputs and copies:
                self.sent += sum(type(item) is not End for item in copies[0])
            for items, (node, index) in zip(copies, targets):
                if not items:
                    continue
                for item in items:
                    if type(item) is End:
                        item.seat.session.ends += 1
                node.inbox.push(index, items)
                self.engine.ready(node)

    def end_consumed(self, seat: Seat, count: int = 1) -> None:
        session = seat.session
        session.ends -= count
        session.settle()

    def new_outputs(self) -> list[BufferList]:
        device = self.unit.get_bind_device()
        return [BufferList(device) for _ in self.outputs]

    def stats(self) -> dict[str, Any]:
        inbox = self.inbox
        return {"node": self.name, "unit": self.unit_name, "failures": self.failures,
                "processed": self.processed - self.ended if self.inputs else self.sent,
                "busy": self.busy, "running": self.running, "queue": max(inbox.load, default=0),
                "capacity": max(inbox.capacity, default=0), "ports": list(self.inputs), "loads": list(inbox.load)}


def _second(item: Any) -> Any:
    if type(item) is Buffer:
        copy = handle(item)
        copy.seat = item.seat
        return copy
    return type(item)(item.seat)


def seat_error(buffer: Buffer, depth: int) -> None:
    """A new error learns on which depth it arose: units further in will not see it."""
    error = buffer._error
    if error is not None and error[2] < 0:
        buffer._error = BufferError(error[0], error[1], depth)


def hidden(buffer: Buffer, visible: bool) -> bool:
    """Whether a unit must not see this buffer: failed, and the unit does not look at errors of this depth."""
    error = buffer._error
    return error is not None and not (visible and error[2] >= buffer.seat.depth)
