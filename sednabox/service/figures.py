"""The service's figures for Prometheus, collected when somebody asks: nothing is counted twice or kept in step."""
from __future__ import annotations

import json
import os
import sqlite3
import sys
from pathlib import Path
from typing import Any, Callable, Iterator, Mapping, Sequence
from urllib.parse import quote

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from sedna_bridge.spool.spool import INDEX
from sedna_bridge.spool.survey import survey

from .progress import Progress
from .timing import Timing

SPOOL_FATES = ("accepted", "delivered", "dropped", "refused", "duplicates", "adopted")


class Figures:
    """A prometheus_client collector over a running engine and the state directory."""

    def __init__(self, state: str, timing: Timing, progress: Progress,
                 stats: Callable[[], Sequence[Mapping[str, Any]]], version: str = "") -> None:
        self.state = state
        self.timing = timing
        self.progress = progress
        self.stats = stats
        self.version = version

    def collect(self) -> Iterator[Metric]:
        build = GaugeMetricFamily("sednabox_build_info", "the version that runs", labels=["version"])
        build.add_metric([self.version], 1)
        yield build
        yield from self._nodes()
        yield from self._times()
        yield from self._tallies()
        for part in (self._spool, self._model, self._rounds):
            failed = False
            try:
                yield from part()
            except Exception as error:      # a damaged state must not take the other figures away
                failed = True
                sys.stderr.write("figures of the %s: %s\n" % (part.__name__.strip("_"), error))
            gauge = GaugeMetricFamily("sednabox_state_unreadable", "1: this part of the state could not be read",
                                      labels=["part"])
            gauge.add_metric([part.__name__.strip("_")], float(failed))
            if failed:
                yield gauge

    def _nodes(self) -> Iterator[Metric]:
        frames = CounterMetricFamily("sednabox_frames", "buffers that a node has processed", labels=["node", "unit"])
        failures = CounterMetricFamily("sednabox_failures", "buffers on which a node failed", labels=["node", "unit"])
        queue = GaugeMetricFamily("sednabox_queue_frames", "buffers that wait before a node", labels=["node"])
        room = GaugeMetricFamily("sednabox_queue_capacity", "buffers that may wait before a node", labels=["node"])
        busy = CounterMetricFamily("sednabox_busy_seconds", "time that a node has worked", labels=["node"])
        for node in self.stats():
            frames.add_metric([node["node"], node.get("unit", "")], node["processed"])
            failures.add_metric([node["node"], node.get("unit", "")], node.get("failures", 0))
            queue.add_metric([node["node"]], node.get("queue", 0))
            room.add_metric([node["node"]], node.get("capacity", 0))
            busy.add_metric([node["node"]], node.get("busy", 0.0))
        yield from (frames, failures, queue, room, busy)
        yield GaugeMetricFamily("sednabox_seconds_since_progress", "since the graph got on, or had nothing to do",
                                value=self.progress.seconds())

    def _times(self) -> Iterator[Metric]:
        calls = HistogramMetricFamily("sednabox_call_seconds", "time of one call of a node", labels=["node"])
        for name, histogram in sorted(self.timing.calls.items()):
            buckets, total = histogram.cumulative()
            calls.add_metric([name], buckets, total)
        yield calls
        buckets, total = self.timing.latency.cumulative()
        yield HistogramMetricFamily("sednabox_latency_seconds", "age of a frame when it leaves the graph",
                                    buckets=buckets, sum_value=total)

    def _tallies(self) -> Iterator[Metric]:
        """Drops and events that edgevision counts, if a unit of it runs at all."""
        tally = sys.modules.get("edgevision.tally")
        for name, label, text in (("DROPS", "reason", "frames that were dropped, by place and reason"),
                                  ("EVENTS", "event", "reconnects, stalls and the like")):
            family = CounterMetricFamily("sednabox_" + name.lower(), text, labels=["where", label])
            for (where, what), count in sorted(getattr(tally, name).snapshot().items()) if tally else ():
                family.add_metric([without_secrets(where), what], count)
            yield family

    def _spool(self) -> Iterator[Metric]:
        path = os.path.join(self.state, "spool")
        if not os.path.exists(os.path.join(path, INDEX)):
            return
        found = survey(Path(path))
        waits = GaugeMetricFamily("sednabox_spool_frames", "hard examples in the spool", labels=["state"])
        for name in ("waiting", "held"):
            waits.add_metric([name], found[name])
        yield waits
        yield GaugeMetricFamily("sednabox_spool_bytes", "size of the spool", value=found["bytes"])
        yield GaugeMetricFamily("sednabox_spool_oldest_seconds", "age of what waits longest",
                                value=found["oldest_seconds"] or 0)
        fates = CounterMetricFamily("sednabox_spool_fates", "what became of hard examples", labels=["fate"])
        for name in SPOOL_FATES:
            fates.add_metric([name], found[name])
        yield fates
        reasons = CounterMetricFamily("sednabox_spool_drops", "hard examples that were not kept, by reason",
                                      labels=["fate", "reason"])
        for fate in ("dropped", "refused"):
            for reason, count in sorted(found[fate + "_by_reason"].items()):
                reasons.add_metric([fate, reason], count)
        yield reasons

    def _model(self) -> Iterator[Metric]:
        """The active version, from the store's pointer; the store itself is not opened, so nothing is made."""
        path = os.path.join(self.state, "models", "active.json")
        if not os.path.exists(path):
            return
        with open(path, encoding="utf-8") as file:
            pointer = json.load(file)
        info = GaugeMetricFamily("sednabox_model_info", "the model that judges frames", labels=["version"])
        if pointer.get("active"):
            info.add_metric([pointer["active"]], 1)
        yield info
        yield CounterMetricFamily("sednabox_model_switches", "times that another model took over",
                                  value=pointer.get("serial", 0))
        yield GaugeMetricFamily("sednabox_model_changed_timestamp_seconds", "when the last switch was",
                                value=pointer.get("changed_at", 0.0))

    def _rounds(self) -> Iterator[Metric]:
        """Rounds of the local controller, read from its database without a lock on it."""
        path = os.path.join(self.state, "controller", "controller.db")
        if not os.path.exists(path):
            return
        database = sqlite3.connect("file:%s?mode=ro" % quote(path), uri=True, timeout=2)
        try:
            rows = database.execute(
                "SELECT COALESCE(r.name, rounds.uid), COALESCE(NULLIF(rounds.outcome, ''), 'running'), COUNT(*) FROM "
                "rounds LEFT JOIN resources AS r ON r.uid = rounds.uid GROUP BY 1, 2 ORDER BY 1, 2").fetchall()
        finally:
            database.close()
        rounds = GaugeMetricFamily("sednabox_rounds", "rounds of learning by outcome", labels=["job", "outcome"])
        for job, outcome, count in rows:
            rounds.add_metric([job, outcome], count)
        yield rounds


def without_secrets(where: str) -> str:
    """A place without the user and password of its URL."""
    scheme, sign, rest = where.partition("://")
    if not sign:
        return where
    host, slash, path = rest.partition("/")
    return scheme + sign + host.rpartition("@")[2] + slash + path.partition("?")[0]
