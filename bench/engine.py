"""What the embedded engine costs: frames/s and CPU per frame of small graphs, and per hop, beside a bare queue hop.

    python -m bench.engine [--runs 5] [--engine NAME="COMMAND"] [--json FILE] [GRAPH ...]

Each graph runs as `COMMAND flow -run FILE`; runs of several engines alternate, so that a noisy machine treats them
alike; figures are medians. `pass1` and `pass5` hand 640 x 480 frames through one and five Python units that do nothing;
`invert3` through three numpy units; `decode` decodes a made-up video. Ceilings: the same work in plain Python without
an engine.
"""
from __future__ import annotations

import argparse
import json
import os
import queue
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any

import numpy as np

UNITS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "engine_units")
COUNTS = {"pass1": 4000, "pass5": 2000, "invert3": 600, "decode": 300}
# ModelBox 1.0.0 on a shared machine with two cores; only a comparison in one session means anything.
RECORDED = {"pass1": (10570.3, 122.6), "pass5": (3293.3, 412.1), "invert3": (1291.8, 1403.4), "decode": (944.4, 1272.9)}


def dot(name: str, count: int, video: str) -> str:
    if name == "decode":
        nodes = ['vin[flowunit=video_input, source_url="%s"]' % video, "dem[flowunit=video_demuxer]",
                 'dec[flowunit=video_decoder, pix_fmt="bgr"]', "p[flowunit=pf_pass]", "sink[flowunit=pf_sink]"]
        edges = ["vin:out_video_url -> dem:in_video_url", "dem:out_video_packet -> dec:in_video_packet",
                 "dec:out_video_frame -> p:in", "p:out -> sink:in"]
    else:
        unit, length = ("pf_invert", 3) if name == "invert3" else ("pf_pass", int(name[4:]))
        chain = ["src"] + ["n%d" % i for i in range(length)] + ["sink"]
        nodes = ["src[flowunit=pf_src, count=%d]" % count, "sink[flowunit=pf_sink]"]
        nodes += ["n%d[flowunit=%s]" % (i, unit) for i in range(length)]
        edges = ["%s:out -> %s:in" % pair for pair in zip(chain, chain[1:])]
    body = "\n".join(["queue_size = 32", "batch_size = 1", *nodes, *edges])
    return ('[driver]\ndir = ["%s"]\nskip-default = false\n[graph]\nformat = "graphviz"\n'
            'graphconf = """digraph g {\n%s\n}"""\n' % (UNITS, body))


def make_video(path: str, frames: int) -> None:
    import av
    with av.open(path, "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        stream.options = {"preset": "veryfast"}
        y, x = np.mgrid[0:480, 0:640]
        for i in range(frames):
            picture = np.stack([(x + 3 * i) % 256, (y + 2 * i) % 256, (x + y + i) % 256], 2).astype(np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, "bgr24")):
                out.mux(packet)
        for packet in stream.encode():
            out.mux(packet)


def run(command: str, text: str, folder: str, limit: float) -> Any:
    graph, result = os.path.join(folder, "graph.toml"), os.path.join(folder, "result.json")
    with open(graph, "w", encoding="utf-8") as f:
        f.write(text)
    if os.path.exists(result):
        os.remove(result)
    env = dict(os.environ, PERF_RESULT=result, PYTHONDONTWRITEBYTECODE="1")
    process = subprocess.Popen([*shlex.split(command), "flow", "-run", graph], env=env, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        process.wait(limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    try:
        with open(result, encoding="utf-8") as f:
            return json.load(f)
    except (OSError, ValueError):
        return None


def queue_hop(count: int = 20000) -> float:
    """Microseconds of CPU for handing one object from one thread to another through a queue."""
    q: Any = queue.Queue(32)

    def consume() -> None:
        for _ in range(count):
            q.get()

    thread = threading.Thread(target=consume)
    began = time.process_time()
    thread.start()
    for i in range(count):
        q.put(i)
    thread.join()
    return 1e6 * (time.process_time() - began) / count


def plain_decode(video: str) -> tuple[float, float]:
    """Frames/s and CPU microseconds per frame of decoding to bgr in a plain loop."""
    import av
    with av.open(video) as source:
        source.streams.video[0].thread_type = "AUTO"
        began, cpu, frames = time.perf_counter(), time.process_time(), 0
        for frame in source.decode(video=0):
            frame.to_ndarray(format="bgr24")
            frames += 1
        return frames / (time.perf_counter() - began), 1e6 * (time.process_time() - cpu) / frames


def plain_invert(count: int = 300) -> tuple[float, float]:
    began, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        a = np.empty((480, 640, 3), np.uint8)
        for _ in range(3):
            a = 255 - a
    return count / (time.perf_counter() - began), 1e6 * (time.process_time() - cpu) / count


def main(args: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--engine", action="append", default=[], metavar="NAME=COMMAND",
                        help="another engine, run in turn")
    parser.add_argument("--limit", type=float, default=120, help="seconds for one run")
    parser.add_argument("--json", default="", metavar="FILE", help="also write the figures here")
    parser.add_argument("graphs", nargs="*", metavar="GRAPH", help=", ".join(COUNTS))
    options = parser.parse_args(args)
    engines = [("pocketbox", "%s -m pocketbox.tool" % shlex.quote(sys.executable))]
    engines += [tuple(e.split("=", 1)) for e in options.engine]  # type: ignore[misc]
    table: dict[str, Any] = {}
    hop = statistics.median(queue_hop() for _ in range(3))
    with tempfile.TemporaryDirectory() as folder:
        video = os.path.join(folder, "video.mp4")
        make_video(video, COUNTS["decode"])
        for name in options.graphs or COUNTS:
            text = dot(name, COUNTS[name], video)
            got: dict[str, list[Any]] = {n: [] for n, _ in engines}
            for _ in range(options.runs):
                for engine, command in engines:
                    result = run(command, text, folder, options.limit)
                    if result and result["frames"] > 1:
                        got[engine].append(result)
            for engine, rows in got.items():
                if not rows:
                    print("%-8s %-10s no result" % (name, engine))
                    continue
                fps = statistics.median(r["frames"] / r["wall"] for r in rows)
                cpu = statistics.median(1e6 * r["cpu"] / r["frames"] for r in rows)
                ordered = all(r["ordered"] for r in rows)
                table.setdefault(name, {})[engine] = {"fps": fps, "cpu_us": cpu, "ordered": ordered}
                print("%-8s %-10s %9.1f frames/s  %7.1f us CPU/frame   (ModelBox 1.0.0, elsewhere: %.0f, %.0f)%s" % (
                    name, engine, fps, cpu, *RECORDED[name], "" if ordered else "  OUT OF ORDER"), flush=True)
        if "pass1" in table and "pass5" in table:
            for engine, _ in engines:
                if engine in table["pass1"] and engine in table["pass5"]:
                    each = (table["pass5"][engine]["cpu_us"] - table["pass1"][engine]["cpu_us"]) / 4
                    print("one hop  %-10s %7.1f us CPU   (a queue.Queue hop between two threads: %.1f us)" % (
                        engine, each, hop))
        if "decode" in table:
            print("ceiling of decode: a plain loop gives %.1f frames/s, %.1f us CPU/frame" % plain_decode(video))
        if "invert3" in table:
            print("ceiling of invert3, a plain loop on one core: %.1f frames/s, %.1f us CPU/frame" % plain_invert())
    if options.json:
        with open(options.json, "w", encoding="utf-8") as f:
            json.dump(table, f, indent=1, sort_keys=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
