"""A graph run for some seconds on the embedded engine: its rate, how long frames take through it, and what it drops."""
from __future__ import annotations

import copy
import os
import tempfile
import time
from typing import Any, NamedTuple, Sequence

from pocketbox import flow, graphfile, sdkpath
from pocketbox.errors import FormatError, PocketboxError
from pocketbox.graph import Graph

SOURCE, DETECTOR, RECORDER, DRAWER, RESULTS = (
    "video_decode", "helmet_detect", "video_record", "draw_detections", "results_output")


_QUEUED = 20    # frames beyond what the queues hold


class Run(NamedTuple):
    """Frames a second at the end of the graph; latencies in ms; drops by reason; processor seconds a frame."""

    fps: float
    latencies: Sequence[float]
    drops: dict[str, int]
    cpu: float


class Subject:
    """A graph as the bench needs it: one source, one detector, sinks."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.graph: Graph = graphfile.load(path)
        self.source = self._one(SOURCE)
        self.detector = self._one(DETECTOR)
        self.draws, self.records = bool(self._of(DRAWER)), bool(self._of(RECORDER))

    def _of(self, unit: str) -> list[str]:
        return [name for name, node in self.graph.nodes.items() if node.unit == unit]

    def _one(self, unit: str) -> str:
        found = self._of(unit)
        if len(found) != 1:
            raise FormatError("%s has %d nodes of %s: bench needs a graph with one" % (self.path, len(found), unit))
        return found[0]

    def attribute(self, node: str, key: str, default: str = "") -> str:
        return self.graph.nodes[node].attributes.get(key, default)

    def unit_file(self, unit: str) -> str:
        """The module of a unit, from whose place relative names are looked up."""
        for folder in self.graph.driver_dirs:
            path = os.path.join(folder, unit, unit + ".py")
            if os.path.exists(path):
                return path
        raise FormatError("the unit %s is in none of the folders of driver.dir" % unit)

    def prepared(self, video: str, folder: str, recording: bool, paced: bool) -> Graph:
        """A copy that reads the video for ever, writes into a folder, and hands results to the bench.

        Without `recording`, what is drawn ends in a sink that looks at it and does nothing: the plain loop's own work.
        """
        graph = copy.deepcopy(self.graph)
        source = graph.nodes[self.source].attributes
        source.update(source="'%s'" % video if "," in video else video, loop="true", paced="true" if paced else "false")
        source.pop("source_file", None)
        for name, node in graph.nodes.items():
            node.attributes.pop("stop_at_end", None)
            if node.unit == RESULTS:
                node.attributes["target"] = "call:bench"
            elif node.unit == RECORDER and recording:
                node.attributes["target"] = os.path.join(folder, name + "-{camera}.mp4")
            elif node.unit == RECORDER:
                node.attributes = {"type": "flowunit", "flowunit": RESULTS, "target": os.devnull, "only": "events"}
                for edge in graph.edges:
                    if edge.target == name:
                        edge.target_port = "in_image"
        return graph


def measure(subject: Subject, video: str, seconds: float, recording: bool = True, paced: bool = False,
            warm: float = 1.0) -> Run:
    """Run for so long after warming up. The rate is that of the slowest sink."""
    from edgevision.results.target import forget, register
    from edgevision.tally import DROPS
    latencies: list[float] = []
    register("bench", lambda record: latencies.append(1000 * (time.time() - record["wall_time"])))
    before = DROPS.by_kind()
    sdkpath.enter()
    try:
        with tempfile.TemporaryDirectory(prefix="sednabox-bench-") as folder:
            engine = flow.build(subject.prepared(video, folder, recording, paced))
            engine.start()
            try:
                first = _settle(engine, warm)
                del latencies[:]
                began, cpu = time.perf_counter(), time.process_time()
                engine.wait(seconds)
                last = _sunk(engine)
                took, cpu = time.perf_counter() - began, time.process_time() - cpu
            finally:
                engine.stop()
            if engine.failure is not None:
                raise engine.failure
    finally:
        sdkpath.leave()
        forget("bench")
    frames = min((last[name] - first[name] for name in first), default=0)
    if frames < 1:
        raise PocketboxError("%s: no frame came through in %g s" % (subject.path, seconds))
    drops = {kind: much - before.get(kind, 0) for kind, much in DROPS.by_kind().items() if much > before.get(kind, 0)}
    return Run(frames / took, sorted(latencies), drops, cpu / frames)


def _sunk(engine: Any) -> dict[str, int]:
    """Buffers that each sink has taken."""
    return {node["node"]: node["processed"] for node in engine.stats() if not engine.nodes[node["node"]].outputs}


def _settle(engine: Any, warm: float) -> dict[str, int]:
    """Wait until the queues are as full as they will be: each sink has seen frames enough, then a little longer."""
    deadline = time.monotonic() + 30
    enough = _QUEUED + sum(max(node["capacity"], 0) for node in engine.stats())
    while min(_sunk(engine).values()) < enough and not engine.wait(0.05) and time.monotonic() < deadline:
        pass
    engine.wait(warm)
    return _sunk(engine)


def percentile(values: Sequence[float], share: float) -> float:
    """Of sorted values; 0 for none."""
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0.0
