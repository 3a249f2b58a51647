"""Swaps under load: `python -m bench.hot_swap [--swaps 200] [--policy availability] [--load 0.85] [--models A B]`.

A camera thread stamps numbered frames at a share of what one judging thread can do with the slower model; onnxruntime
judges them through edgevision's Detector; the swap machine brings the two models into use in turn. Printed: frames
lost, doubled, out of order; whether the serial of the switch ever fell; the longest gap between two outputs inside and
outside swaps, beside the frame period (no gap can be shorter); the time of each phase; the growth of memory.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Sequence

import numpy as np

from edgevision.decode import Reader
from edgevision.detector import Detector
from edgevision.frame import Frame
from sedna_bridge.models import (
    ACTIVATE,
    Gate,
    Judged,
    Line,
    ModelFolder,
    ModelStore,
    Orders,
    Runtime,
    SwapMachine,
    SwapWorker,
    Terms,
    take_in,
)


class DetectorRuntime(Runtime):
    """edgevision's Detector as the machine's runtime."""

    def load(self, folder: ModelFolder) -> Detector:
        return Detector(folder.path, threads=1)

    def warm_up(self, session: Detector) -> None:
        session.warm_up()

    def judge(self, session: Detector, frames: Sequence[Any]) -> Sequence[Judged]:
        found = []
        for frame in frames:
            began = time.perf_counter()
            detections = detect(session, [frame])[0]
            found.append(Judged(detections, time.perf_counter() - began))
        return found

    def classes(self, session: Detector) -> Sequence[str]:
        return session.classes

    def release(self, session: Detector) -> None:
        session.close()

    def probe_command(self, folder: ModelFolder) -> Sequence[str]:
        return [sys.executable, "-m", "edgevision.probe", str(folder.path)]


def detect(session: Detector, frames: Sequence[Any]) -> list[list[list[float]]]:
    return [found.to_meta() for found in session.detect(frames)]


def resident_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def percentile(values: Sequence[float], share: float) -> float:
    return float(np.percentile(values, share * 100)) if len(values) else 0.0


MODELS = [str(Path(__file__).parents[1] / "models" / name) for name in ("little", "big")]


def run(swaps: int = 200, policy: str = "availability", load: float = 0.85, probe: bool = False,
        models: Sequence[str] = MODELS) -> dict[str, Any]:
    """Swap `swaps` times under load; the figures."""
    with tempfile.TemporaryDirectory() as folder:
        store = ModelStore(Path(folder) / "models")
        versions = [take_in(store, Path(model)).id for model in models]
        store.point_at(versions[0])
        return _run(store, versions, swaps, policy, load, probe)


def capacity_of(store: ModelStore, runtime: Runtime, version: str, frame: Frame) -> float:
    """Frames a second of one judging thread."""
    with store.lease(version) as lease:
        session = runtime.load(lease.folder)
        runtime.warm_up(session)
        began = time.perf_counter()
        for _ in range(60):
            detect(session, [frame])
        took = time.perf_counter() - began
        runtime.release(session)
    return 60 / took


def _run(store: ModelStore, versions: Sequence[str], swaps: int, policy: str, load: float,
         probe: bool) -> dict[str, Any]:
    with Reader(str(Path(__file__).parents[1] / "graphs" / "media" / "site.mp4"), "bgr") as reader:
        frame = next(iter(reader)).frame
    runtime = DetectorRuntime()
    if not probe:
        runtime.probe_command = lambda folder: []  # type: ignore[method-assign]
    line = Line(
        store,
        runtime,
        policy=policy,
        gate=Gate(min_kept=0.0, drain_seconds=5.0),
        terms=Terms(frames=20, seconds=1.0, min_frames=10**6, min_pairs=10**6),
        recent_frames=lambda: [frame] * 4,
    )
    capacity = min(capacity_of(store, runtime, version, frame) for version in versions)
    period = 1 / (capacity * load)
    worker = SwapWorker(SwapMachine(line), tick=0.02)
    worker.start()
    frames: queue.Queue[Any] = queue.Queue(64)
    outputs = np.ones((3_000_000, 3))  # touched now, so that it does not look like growth
    count = [0]
    end = threading.Event()
    lost = [0]

    def camera() -> None:
        due, number = time.perf_counter(), 0
        while not end.is_set():
            time.sleep(max(0.0, due - time.perf_counter()))
            due += period
            stamp = line.board.stamp()
            frames.put((number, stamp))
            number += 1
        lost[0] = number
        frames.put(None)

    def judge() -> None:
        while True:
            item = frames.get()
            if item is None:
                return
            line.board.judge(item[1].version, [frame], detect)
            outputs[count[0]] = (item[0], item[1].serial, time.perf_counter())
            count[0] += 1

    threads = [threading.Thread(target=camera), threading.Thread(target=judge)]
    for thread in threads:
        thread.start()
    time.sleep(3.0)
    windows: list[tuple[float, float]] = []
    memory: list[int] = []
    for number in range(swaps):
        version = versions[1 - number % 2]
        began = time.perf_counter()
        entry = Orders(store).wait(Orders(store).place(ACTIVATE, version), 120.0)
        windows.append((began, time.perf_counter()))
        if entry["event"] != "kept":
            raise RuntimeError("a swap of the bench ended as %s" % entry)
        memory.append(resident_bytes())
        time.sleep(0.2)
    time.sleep(1.0)
    end.set()
    for thread in threads:
        thread.join()
    worker.stop()
    return _figures(
        store, line, [tuple(row) for row in outputs[: count[0]]], windows, memory, lost[0], capacity, period, policy
    )


def _figures(
    store: ModelStore,
    line: Line,
    outputs: Any,
    windows: Any,
    memory: Any,
    stamped: int,
    capacity: float,
    period: float,
    policy: str,
) -> dict[str, Any]:
    numbers = [number for number, _, _ in outputs]
    serials = [serial for _, serial, _ in outputs]
    inside: list[float] = []
    outside: list[float] = []
    at = 0
    for (_, _, before), (_, _, now) in zip(outputs, outputs[1:]):
        while at < len(windows) and windows[at][1] < before:
            at += 1
        (inside if at < len(windows) and windows[at][0] <= now else outside).append(now - before)
    phases: dict[str, list[float]] = {}
    for entry in store.history.read():
        if "took" in entry:
            phases.setdefault(entry["event"], []).append(entry["took"])
    kept = [min(memory[at : at + 10]) for at in range(10, len(memory) - 9, 10)]  # a sample may fall into a load
    later = kept[len(kept) // 3:]   # the allocator's pools fill up first
    slope = float(np.polyfit(range(len(later)), later, 1)[0]) * 10 / 1e6 if len(later) > 2 else 0.0
    return {
        "policy": policy,
        "swaps": len(windows),
        "frames": stamped,
        "lost": stamped - len(set(numbers)),
        "doubled": len(numbers) - len(set(numbers)),
        "order_kept": numbers == sorted(numbers),
        "serial_monotone": serials == sorted(serials),
        "late": line.board.counts.late,
        "capacity_fps": round(capacity, 1),
        "frame_period_ms": round(period * 1000, 2),
        "gap_outside_p50_ms": round(percentile(outside, 0.5) * 1000, 2),
        "gap_outside_p99_ms": round(percentile(outside, 0.99) * 1000, 2),
        "gap_outside_longest_ms": round(float(max(outside, default=0.0)) * 1000, 2),
        "gap_inside_p99_ms": round(percentile(inside, 0.99) * 1000, 2),
        "gap_inside_longest_ms": round(float(max(inside, default=0.0)) * 1000, 2),
        "held_ms_per_swap": round(line.board.counts.held_seconds * 1000 / max(1, len(windows)), 2),
        "phase_ms": {name: round(percentile(values, 0.5) * 1000, 1) for name, values in phases.items()},
        "rss_mb_per_100_swaps": round(slope, 3),
        "rss_mb": [round(value / 1e6, 1) for value in kept],
    }


def main(args: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--swaps", type=int, default=200)
    parser.add_argument("--policy", default="availability", choices=("availability", "memory"))
    parser.add_argument("--load", type=float, default=0.85)
    parser.add_argument("--models", nargs=2, default=MODELS, metavar="FOLDER", help="default: models/little models/big")
    parser.add_argument("--probe", action="store_true", help="with the test load in a child process each time")
    options = parser.parse_args(args)
    print(json.dumps(run(options.swaps, options.policy, options.load, options.probe,
                         options.models), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
