"""Memory over frames and reconnects: `python -m bench.streams [--frames 100000] [--reconnects 1000]`.

The graph of a film that loops (decode, detect with a model of no work, results) runs for so many frames; a camera over
http that hangs up after a few frames is opened again so many times. Printed: resident memory along the way, and its
growth in MB per 1000; the first fifth warms up and does not count.
"""
from __future__ import annotations

import argparse
import gc
import http.server
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from edgevision.encode import Writer
from edgevision.stream import FileStream, Habits, LiveStream

PAGE = os.sysconf("SC_PAGE_SIZE")


def resident() -> float:
    """MB."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1e6


def film(path: Path, frames: int) -> Path:
    with Writer(path, 25) as writer:
        for k in range(frames):
            writer.write(np.full((360, 640, 3), 40 + k % 150, np.uint8))
    return path


def growth(name: str, marks: list[tuple[int, float]]) -> float:
    """MB per 1000, by a straight line through what comes after the first fifth."""
    late = [mark for mark in marks if mark[0] >= marks[-1][0] / 5]
    counts, sizes = np.array(late, float).T
    slope = float(np.polyfit(counts, sizes, 1)[0]) * 1000
    print("%-12s %7d: %.1f MB at first, %.1f MB at the end, %+.3f MB per 1000" % (
        name, marks[-1][0], marks[0][1], marks[-1][1], slope), flush=True)
    return slope


def over_frames(folder: Path, frames: int) -> float:
    """A graph on the engine, with a real detector, until so many frames have come to its end."""
    from pocketbox import flow, graphfile, sdkpath
    from pocketbox.sdk import log
    log.set_log_level(log.Level.WARN)
    home = Path(__file__).parents[1]
    text = """[driver]
dir = ["%s"]
[graph]
format = "graphviz"
graphconf = '''digraph g {
  video [type=flowunit, flowunit=video_decode, source="%s", loop=true]
  detect [type=flowunit, flowunit=helmet_detect, model="%s"]
  draw [type=flowunit, flowunit=draw_detections]
  results [type=flowunit, flowunit=results_output, target="/dev/null"]
  video:out_video_frame -> detect:in_image
  detect:out_image -> draw:in_image
  draw:out_image -> results:in_image
}'''""" % (home / "flowunits", film(folder / "loop.mp4", 200), home / "models" / "little")
    sdkpath.enter()
    engine = flow.build(graphfile.loads(text, "streams.toml"))
    engine.start()
    marks: list[tuple[int, float]] = []
    done = 0
    while done < frames and not engine.wait(0.5):
        done = next(node["processed"] for node in engine.stats() if node["node"] == "results")
        marks.append((done, resident()))
    engine.stop()
    sdkpath.leave()
    return growth("frames", marks)


def over_loops(folder: Path, loops: int) -> float:
    """A file that is opened again and again."""
    stream = FileStream(str(film(folder / "short.mp4", 3)), habits=Habits(loop=True))
    marks = []
    for k in range(loops * 3):
        stream.take()
        if k % 150 == 0:
            marks.append((k // 3, resident()))
    stream.close()
    return growth("file loops", marks)


def over_reconnects(folder: Path, count: int) -> float:
    """A camera that sends a few frames and hangs up."""
    data = film(folder / "camera.ts", 10).read_bytes()

    class Camera(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stream = LiveStream("http://127.0.0.1:%d/live.ts" % server.server_address[1],
                        habits=Habits(retry_first=0.001, retry_longest=0.002))
    marks: list[tuple[int, float]] = []
    while stream.reconnects < count:
        stream.take(0.05)
        if not marks or stream.reconnects >= marks[-1][0] + count // 50:
            marks.append((stream.reconnects, resident()))
    stream.close()
    server.shutdown()
    return growth("reconnects", marks)


def main(args: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=5000)
    parser.add_argument("--reconnects", type=int, default=500)
    options = parser.parse_args(args)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        over_reconnects(Path(name), options.reconnects)
        over_loops(Path(name), options.reconnects)
        over_frames(Path(name), options.frames)
    print("took %.0f s" % (time.monotonic() - began))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
