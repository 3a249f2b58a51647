"""Shows how a running graph is going: a live table on a terminal, plain lines elsewhere."""
from __future__ import annotations

import contextlib
import sys
import time
from typing import Any, Callable, Iterator, NamedTuple, Sequence

Snapshot = Sequence["dict[str, Any]"]


class Row(NamedTuple):
    """One node at one moment."""

    node: str
    unit: str
    processed: int
    rate: float         # buffers a second since the last look
    queue: int
    capacity: int
    failures: int


class Meter:
    """Makes rows of snapshots; rates come from the difference to the one before."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._before: dict[str, int] = {}
        self._at = clock()
        self.started = self._at

    def rows(self, stats: Snapshot) -> list[Row]:
        now = self._clock()
        seconds = max(now - self._at, 1e-6)
        found = [Row(node["node"], node.get("unit", ""), node["processed"],
                     (node["processed"] - self._before.get(node["node"], 0)) / seconds, node.get("queue", 0),
                     node.get("capacity", 0), node.get("failures", 0) + node.get("drops", 0)) for node in stats]
        self._before = {row.node: row.processed for row in found}
        self._at = now
        return found

    def seconds(self) -> float:
        return self._clock() - self.started


def line(rows: Sequence[Row], seconds: float) -> str:
    """All nodes in one line: where the work is, and where it waits."""
    parts = ["%s %d (%.1f/s%s%s)" % (row.node, row.processed, row.rate,
                                     ", queue %d/%d" % (row.queue, row.capacity) if row.capacity else "",
                                     ", %d failed" % row.failures if row.failures else "") for row in rows]
    return "%.1f s: %s" % (seconds, "; ".join(parts))


def summary(rows: Sequence[Row], seconds: float) -> str:
    """What each node did in the whole run."""
    wide = max([len(row.node) for row in rows] or [0])
    lines = ["%-*s  %8d buffers  %8.1f/s%s" % (wide, row.node, row.processed, row.processed / max(seconds, 1e-6),
                                               "  %d failed" % row.failures if row.failures else "") for row in rows]
    return "\n".join(["ran for %.1f s" % seconds, *lines])


def table(rows: Sequence[Row], seconds: float) -> Any:
    """The same as a table for a terminal."""
    from rich.table import Table
    shown = Table(title="%.1f s" % seconds, title_justify="left")
    for title, side in (("node", "left"), ("flowunit", "left"), ("buffers", "right"), ("per second", "right"),
                        ("queue", "left"), ("failed", "right")):
        shown.add_column(title, justify=side)  # type: ignore[arg-type]
    for row in rows:
        shown.add_row(row.node, row.unit, str(row.processed), "%.1f" % row.rate, _bar(row), str(row.failures or ""))
    return shown


def _bar(row: Row, width: int = 10) -> str:
    if not row.capacity:
        return ""
    filled = min(width, -(-row.queue * width // row.capacity))
    return "%s%s %d/%d" % ("#" * filled, "." * (width - filled), row.queue, row.capacity)


@contextlib.contextmanager
def view(quiet: bool, interval: float) -> Iterator[Callable[[Any], None]]:
    """An observer for the engine: call it with the engine now and then. At the end it tells what was done."""
    meter = Meter()
    last: list[Row] = []

    if not quiet and sys.stdout.isatty():
        from rich.live import Live
        with Live(auto_refresh=False, transient=True) as live:
            def draw(engine: Any) -> None:
                last[:] = meter.rows(engine.stats())
                live.update(table(last, meter.seconds()), refresh=True)
            yield draw
    else:
        told = [meter.started]

        def tell(engine: Any) -> None:
            seconds = meter.seconds()
            stats = engine.stats()
            if seconds - (told[0] - meter.started) >= interval:
                told[0] = meter.started + seconds
                last[:] = meter.rows(stats)
                print(line(last, seconds), flush=True)
            else:
                last[:] = _totals(stats)
        yield tell
    if last and not quiet:
        print(summary(last, meter.seconds()), flush=True)


def _totals(stats: Snapshot) -> list[Row]:
    return [Row(node["node"], node.get("unit", ""), node["processed"], 0.0, node.get("queue", 0),
                node.get("capacity", 0), node.get("failures", 0) + node.get("drops", 0)) for node in stats]
