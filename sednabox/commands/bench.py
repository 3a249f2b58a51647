"""sednabox bench: how fast a graph is, beside its ceiling and beside the plain loop."""
from __future__ import annotations

import argparse
import json
import statistics
from typing import Any, Callable

from .. import pack

NAME = "bench"
HELP = "measure a graph beside the ceiling of its parts and beside the plain loop"
EPILOG = """Each part is measured alone with all cores at it. Two ceilings stand beside the graph: "parts" adds up the
times of the parts alone, where each finds its code and data in the caches; "chain" is measured, all parts one after
the other for each frame, one such loop on each core, and nothing handed over. Efficiency is the graph's rate over the
ceiling. The plain loop is what everybody writes first: one thread for all, no recording; once with the threads that
onnxruntime and OpenCV start by themselves, once without. All are taken in turn, round after round in one run, and the
medians are shown, so that a busy machine slows them alike."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("graph", metavar="GRAPH", type=pack.graph,
                        help="a graph with one video_decode and one helmet_detect: a file, or a name of the pack's")
    parser.add_argument("--video", default="", metavar="FILE", help="the video to read (default: the graph's own)")
    parser.add_argument("--seconds", type=float, default=4.0, help="time for each measurement (default 4)")
    parser.add_argument("--rounds", type=int, default=3, help="times that each is measured (default 3)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.epilog = EPILOG


def run(args: argparse.Namespace) -> int:
    figures = measure_all(args.graph, args.video, args.seconds, max(1, args.rounds))
    if args.json:
        print(json.dumps(figures, indent=1))
    else:
        show(figures)
    return 0


def measure_all(path: str, video: str, seconds: float, rounds: int) -> dict[str, Any]:
    """All figures of a graph, medians over the rounds."""
    import os

    from edgevision.detector import Detector
    from edgevision.paths import find
    from edgevision.session import usable_cores
    from pocketbox.sdk import log

    from ..measure import graphrun
    from ..measure.parts import Parts, ceiling
    from ..measure.plain import plain_loop
    log.set_log_level(log.Level.WARN)
    subject = graphrun.Subject(path)
    unit = subject.unit_file(graphrun.DETECTOR)
    video = os.path.abspath(video or find(subject.attribute(subject.source, "source"), unit))
    cores = usable_cores()
    with Detector(find(subject.attribute(subject.detector, "model", "models/little"), unit), threads=1) as detector:
        parts = Parts(video, detector, subject.draws, subject.records, cores)
        try:
            size = (parts.frames[0].width, parts.frames[0].height)
            took: dict[str, list[float]] = {}
            last: Any = None
            for _ in range(rounds):
                rates = [parts.measure(name, seconds) for name in parts.names]
                for one in rates:
                    _note(took, one.part, one.fps, one.part + "_cpu_ms", one.cpu_ms)
                last = graphrun.measure(subject, video, seconds)
                chain = parts.chain(seconds, subject.records)
                _note(took, "graph", last.fps, "ceiling", ceiling(rates), "efficiency", last.fps / ceiling(rates),
                      "chain", chain.fps, "chain_cpu_ms", chain.cpu_ms, "chain_efficiency", last.fps / chain.fps,
                      "cpu_ms", 1000 * last.cpu)
                seeing = graphrun.measure(subject, video, seconds, recording=False) if subject.records else last
                without = ceiling([one for one in rates if one.part != "record"])
                seeing_chain = parts.chain(seconds, False) if subject.records else chain
                plain = plain_loop(video, detector, seconds)
                single = plain_loop(video, detector, seconds, threads=1)
                _note(took, "seeing", seeing.fps, "seeing_ceiling", without, "seeing_efficiency",
                      seeing.fps / without, "seeing_chain", seeing_chain.fps, "seeing_chain_efficiency",
                      seeing.fps / seeing_chain.fps, "plain", plain, "plain_single", single,
                      "speedup_single", seeing.fps / single, "speedup", seeing.fps / plain,
                      "speedup_with_recording", last.fps / plain)
            paced = graphrun.measure(subject, video, seconds, paced=True)
        finally:
            parts.close()
    middle: Callable[[str], float] = lambda key: round(statistics.median(took[key]), 3)
    return {"graph_file": path, "video": video, "size": list(size), "cores": cores, "rounds": rounds,
            "parts": {name: middle(name) for name in parts.names},
            "parts_cpu_ms": round(sum(middle(name + "_cpu_ms") for name in parts.names), 3),
            **{key: middle(key) for key in took if key not in parts.names},
            "latency_ms": _latency(last), "paced_fps": round(paced.fps, 2), "paced_latency_ms": _latency(paced),
            "drops": last.drops, "paced_drops": paced.drops}


def _note(took: dict[str, list[float]], *pairs: Any) -> None:
    for key, value in zip(pairs[::2], pairs[1::2]):
        took.setdefault(key, []).append(value)


def _latency(run: Any) -> dict[str, float]:
    from ..measure.graphrun import percentile
    return {"p%d" % share: round(percentile(run.latencies, share / 100), 1) for share in (50, 95, 99)}


def show(figures: dict[str, Any]) -> None:
    """The figures for a person."""
    print("%s on %s, %dx%d, %d cores, medians of %d rounds" % (
        figures["graph_file"], figures["video"], *figures["size"], figures["cores"], figures["rounds"]))
    for name, fps in figures["parts"].items():
        print("  %-22s %8.1f frames/s   %6.2f ms of processor a frame" % (
            name + " only", fps, figures[name + "_cpu_ms"]))
    for title, fps, cpu in (("ceiling of the parts", "ceiling", "parts_cpu_ms"),
                            ("ceiling of the chain", "chain", "chain_cpu_ms")):
        print("  %-22s %8.1f frames/s   %6.2f ms" % (title, figures[fps], figures[cpu]))
    print("  %-22s %8.1f frames/s   %6.2f ms, efficiency %.2f of the parts, %.2f of the chain" % (
        "graph", figures["graph"], figures["cpu_ms"], figures["efficiency"], figures["chain_efficiency"]))
    print("  %-22s %8.1f frames/s   efficiency %.2f of %.1f (parts), %.2f of %.1f (chain)" % (
        "graph, not recording", figures["seeing"], figures["seeing_efficiency"], figures["seeing_ceiling"],
        figures["seeing_chain_efficiency"], figures["seeing_chain"]))
    print("  %-22s %8.1f frames/s   the graph without recording, which does the same work, is %.2f times as fast" % (
        "plain loop", figures["plain"], figures["speedup"]))
    print("  %-22s %8.1f frames/s   %.2f times as fast" % (
        "plain loop, one thread", figures["plain_single"], figures["speedup_single"]))
    for title, key, drops in (("latency, full load", "latency_ms", "drops"),
                              ("latency, %.1f fps" % figures["paced_fps"], "paced_latency_ms", "paced_drops")):
        lost = ", ".join("%d %s" % (much, why) for why, much in figures[drops].items()) or "none"
        print("  %-22s p50 %.1f  p95 %.1f  p99 %.1f ms   drops: %s" % (
            title, *(figures[key][p] for p in ("p50", "p95", "p99")), lost))
