"""Profile: when each node ran, as a Chrome trace, and a summary per node."""
from __future__ import annotations

import json
import os
import threading
import time
from typing import Any

MOST_RUNS = 1_000_000   # about 80 MB of trace


class Profile:
    """Collects runs; `write` makes trace_*.json (chrome://tracing, Perfetto) and performance_*.json."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.runs: list[tuple[str, int, float, float, int]] = []
        self.began = time.perf_counter()

    @classmethod
    def of(cls, graph: Any, folder: str) -> Profile | None:
        """From `--profile DIR`, or the graph's [profile] table."""
        if folder:
            return cls(folder)
        if graph.flag("profile.trace", False) or graph.flag("profile.performance", False) or graph.flag(
                "profile.profile", False):
            return cls(str(graph.settings.get("profile.dir") or "."))
        return None

    def run(self, node: Any, began: float, seconds: float, entries: int) -> None:
        if len(self.runs) < MOST_RUNS:
            self.runs.append((node.name, threading.get_ident(), began, seconds, entries))

    def write(self, engine: Any) -> list[str]:
        os.makedirs(self.folder, exist_ok=True)
        stamp = time.strftime("%Y%m%d-%H%M%S")
        threads: dict[int, int] = {}
        events = []
        for name, ident, began, seconds, entries in self.runs:
            thread = threads.setdefault(ident, len(threads))
            events.append({"name": name, "cat": "PROCESS", "ph": "X", "pid": 0, "tid": thread,
                           "ts": round((began - self.began) * 1e6, 1), "dur": round(seconds * 1e6, 1),
                           "args": {"batch_size": entries}})
        files = []
        for kind, content in (("trace", {"traceEvents": events, "displayTimeUnit": "ms"}),
                              ("performance", {"nodes": engine.stats()})):
            path = os.path.join(self.folder, "%s_%s.json" % (kind, stamp))
            with open(path, "w", encoding="utf-8") as stream:
                json.dump(content, stream)
            files.append(path)
        return files
