"""What a person asks of a pipeline that runs elsewhere: `sednabox model activate` writes an order, the swap machine
takes it.

There is one order at a time; a newer one replaces one that nobody has begun. The answer is found in the history,
under the order's id.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import asdict, dataclass, field
from typing import Any

from .durable import read_json, remove_whole, write_json
from .ending import conclude
from .errors import StoreBusy, StoreError
from .journal import Journal, Swap
from .states import ACTIVE, ENDS, ROLLED_BACK
from .store import ModelStore

ACTIVATE = "activate"
ROLLBACK = "rollback"


@dataclass(frozen=True)
class Order:
    """One wish: bring a version into use, or go back to the one before."""

    action: str
    version: str
    by: str = ""
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    at: float = field(default_factory=lambda: round(time.time(), 3))


class Orders:
    """The one waiting order of a store."""

    def __init__(self, store: ModelStore) -> None:
        self.store = store
        self.path = store.root / "order.json"

    def waiting(self) -> Order | None:
        value = read_json(self.path)
        return Order(**value) if isinstance(value, dict) else None

    def place(self, action: str, version: str, by: str = "") -> Order:
        """Ask the running pipeline; an order that waits is replaced, which the history notes."""
        order = Order(action, version, by)
        with self.store.lock():
            older = self.waiting()
            write_json(self.path, asdict(order))
        if older:
            self.store.history.add("superseded", older.version, order=older.id, reason="by order %s" % order.id)
        self.store.history.add("ordered", version, action=action, order=order.id, by=by)
        return order

    def done(self, order: Order) -> None:
        """Take the order away, unless a newer one has come."""
        with self.store.lock():
            now = self.waiting()
            if now and now.id == order.id:
                remove_whole(self.path)

    def outcome(self, order: Order) -> dict[str, Any] | None:
        """The history entry that ended this order, or None while it is open."""
        for entry in reversed(self.store.history.read(limit=500)):
            if entry.get("order") == order.id and entry["event"] in ("kept", "rejected", "rolled_back", "superseded"):
                return entry
        return None

    def wait(self, order: Order, timeout: float) -> dict[str, Any]:
        """Wait for the end of an order; raises StoreBusy when it is still open after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while True:
            entry = self.outcome(order)
            if entry:
                return entry
            if time.monotonic() >= deadline:
                raise StoreBusy(
                    "%s of %s is still under way after %.0f s; `sednabox model log` shows how far it is."
                    % (order.action, order.version, timeout)
                )
            time.sleep(0.05)


def resting_target(store: ModelStore, version: str = "") -> str:
    """The version that a rollback goes to."""
    pointer = store.pointer()
    target = version or pointer.previous
    if not target:
        raise StoreError("there is no earlier version to go back to; `sednabox model ls` shows what is there.")
    return target


def apply_at_rest(store: ModelStore, action: str, version: str, by: str = "") -> str:
    """Move the pointer of a store on which no pipeline runs. An activated version is on trial at the next start.

    Raises StoreBusy when a pipeline runs after all: then place an order.
    """
    with store.runner():
        journal = Journal(store.root)
        swap, pointer = journal.read(), store.pointer()
        if swap and swap.state in ENDS:
            conclude(store, swap, {})
            swap, pointer = None, store.pointer()
        elif swap and not (swap.state == ACTIVE and pointer.active == swap.version):
            journal.clear()
            swap = None
        if action == ROLLBACK or (swap and version == swap.old):
            target = resting_target(store, version)
            left = pointer.active or ""
            store.verify(target)
            if swap and target == swap.old:
                reason = "rolled back" + (" by " + by if by else "")
                conclude(store, swap.to(state=ROLLED_BACK, reason=reason, report=swap.report and swap.starts > 0), {})
                return target
            journal.clear()
            store.point_at(target)
            if left and left != target:
                store.reject(left, "rolled back%s" % (" by " + by if by else ""), "rolled_back")
            store.history.add("rolled_back", left, to=target, by=by)
            return target
        store.verify(version)
        if version != pointer.active:
            proven = swap.old if swap and swap.version == pointer.active else pointer.active
            older = swap.older if swap and swap.version == pointer.active else pointer.previous or ""
            store.forgive(version)
            if proven:
                record = store.get(version)
                journal.write(
                    Swap(
                        state=ACTIVE,
                        version=version,
                        old=proven,
                        older=older,
                        starts=0,
                        by=by,
                        report_key=record.report_key,
                    )
                )
            store.point_at(version)
            note = "no pipeline runs" + ("; on trial at the next start" if proven else "")
            store.history.add("activated", version, by=by, reason=note)
        return version
