"""Figures of the hard-example path, each with its ceiling measured in the same run: `python -m bench.spool`.

All disk figures are of the disk under --dir. Nothing here is a test: it prints and never fails.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Callable

import numpy as np

from sedna_bridge.cloud import CloudServer, ExampleStore
from sedna_bridge.hard_examples import FrameFacts, HardExampleFilter
from sedna_bridge.spool import Courier, Limits, Spool
from sedna_bridge.spool.index import Index
from sedna_bridge.storage import Bandwidth, DirectoryTarget, open_target
from sedna_bridge.storage.durable import sync_directory, write_synced

JPEG = 60_000
SIDECAR = 900
BATCH = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dir", default=None, help="where to write (default: the temporary directory)")
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--entries", type=int, default=1_000_000, help="size of the large backlog")
    parser.add_argument("--only", default="", help="durable, frame, backlog, delivery, link or filters")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="bench-spool-", dir=args.dir) as made:
        root = Path(made)
        parts: dict[str, Callable[[], list[dict[str, Any]]]] = {
            "durable": lambda: durable(root, args.frames),
            "frame": lambda: frame_path(root),
            "backlog": lambda: backlog(root, args.entries),
            "delivery": lambda: delivery(root, args.frames // 2),
            "link": lambda: link(root),
            "filters": filters,
        }
        for name, part in parts.items():
            if args.only in ("", name):
                for row in part():
                    rows.append(row)
                    if not args.json:
                        print("%-58s %12s   %s" % (row["what"], row["figure"], row["beside"]), flush=True)
    if args.json:
        print(json.dumps(rows))


def row(what: str, figure: str, beside: str) -> dict[str, Any]:
    return {"what": what, "figure": figure, "beside": beside}


def durable(root: Path, frames: int) -> list[dict[str, Any]]:
    """Durable examples a second, between two measurements of what the disk can do."""
    before = disk_alone(root / "a", frames // 2), disk_batched(root / "b", frames)
    rng = np.random.default_rng(0)
    pictures = [b"\xff\xd8\xff" + rng.bytes(JPEG - 3) for _ in range(frames)]
    with Spool(str(root / "durable"), Limits(free_floor=0), memory=2**30) as spool:
        began = time.perf_counter()
        offers = [spool.offer(picture, facts(number)) for number, picture in enumerate(pictures)]
        accepted = sum(offer.wait(600) for offer in offers)
        rate = accepted / (time.perf_counter() - began)
    after = disk_alone(root / "c", frames // 2), disk_batched(root / "d", frames)
    rows = [
        row(
            "durable examples, JPEGs of 60 kB, burst of %d" % frames,
            "%.0f /s" % rate,
            "ceiling: two files of each, fsync, rename, batches of %d, no index: %.0f and %.0f /s"
            % (BATCH, before[1], after[1]),
        ),
        row(
            "the disk's own rate, one file, fsync, rename, directory",
            "%.0f /s" % ((before[0] + after[0]) / 2),
            "measured before and after: %.0f and %.0f /s" % (before[0], after[0]),
        ),
    ]
    for width, height, count in ((640, 352, 400), (1920, 1080, 100)):
        picture = scene(height, width)
        with Spool(str(root / ("durable-%d" % width)), Limits(free_floor=0), memory=2**30) as spool:
            spool.expect(picture.nbytes)
            began = time.perf_counter()
            offers = [spool.offer(picture, facts(number)) for number in range(count)]
            accepted = sum(offer.wait(600) for offer in offers)
            rate = accepted / (time.perf_counter() - began)
        rows.append(
            row(
                "durable frames of %d x %d, encoded beside" % (width, height),
                "%.0f /s" % rate,
                "ceiling: encoding alone on one core: %.0f /s" % encoding(picture),
            )
        )
    return rows


def frame_path(root: Path) -> list[dict[str, Any]]:
    """What `offer` costs the frame path at 25 frames/s, every frame hard, the cloud away."""
    rows = []
    for width, height in ((640, 352), (1280, 720), (1920, 1080)):
        picture = scene(height, width)
        took = []
        with Spool(str(root / ("frame-%d" % width)), Limits(free_floor=0)) as spool:
            courier = Courier(spool, open_target("http://127.0.0.1:9/x", {"timeout": 1}, {})).start()
            spool.expect(picture.nbytes)
            for number in range(75):
                began = time.perf_counter()
                spool.offer(picture, facts(number))
                took.append(time.perf_counter() - began)
                time.sleep(0.04)
            courier.stop(2)
        took.sort()
        target = np.empty_like(picture)
        target[:] = 1
        copies = []
        for _ in range(20):
            began = time.perf_counter()
            np.copyto(target, picture)
            copies.append(time.perf_counter() - began)
        rows.append(
            row(
                "offer of a %d x %d frame, median / 95 %% / longest" % (width, height),
                "%.2f ms" % (took[37] * 1e3),
                "95 %%: %.2f ms, longest: %.2f ms; ceiling: the copy alone %.2f ms"
                % (took[71] * 1e3, took[-1] * 1e3, sorted(copies)[10] * 1e3),
            )
        )
    return rows


def backlog(root: Path, entries: int) -> list[dict[str, Any]]:
    """Opening and listing a large backlog."""
    path = root / "backlog"
    path.mkdir()
    Index(path / "index.db").close()
    db = sqlite3.connect(str(path / "index.db"))
    db.execute("PRAGMA synchronous = OFF")
    db.execute("PRAGMA journal_mode = OFF")
    db.executemany(
        "INSERT INTO entries(id, segment, state, size, score, camera, frame, wall, reasons, model, accepted, born)"
        " VALUES(?,?,?,?,?,?,?,?,?,?,?,?)",
        (
            (
                os.urandom(32),
                n // 1000 + 1,
                0,
                JPEG,
                n % 997 / 997,
                "gate-%d" % (n % 8),
                n,
                1e9 + n,
                "IBT",
                "3",
                1e9,
                0.0,
            )
            for n in range(entries)
        ),
    )
    db.executemany(
        "INSERT OR REPLACE INTO figures VALUES(?, ?)",
        [("accepted", entries), ("waiting", entries), ("bytes", entries * JPEG)],
    )
    db.commit()
    db.close()
    for number in range(1, entries // 1000 + 1):
        (path / "entries" / ("%08d" % number)).mkdir(parents=True)
    began = time.perf_counter()
    spool = Spool(str(path), Limits(most_bytes=0, free_floor=0))
    opened = time.perf_counter() - began
    began = time.perf_counter()
    for order in ("oldest", "newest", "hardest"):
        spool.next(order, 4)
    chosen = time.perf_counter() - began
    spool.close()
    code = (
        "import sys; from pathlib import Path; from sedna_bridge.spool.index_reader import IndexReader;"
        "import resource;"
        "r = IndexReader(Path(sys.argv[1])); next(r.entries());"
        "a = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; n = sum(1 for _ in r.entries());"
        "print(n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - a)"
    )
    began = time.perf_counter()
    told = subprocess.run(
        [sys.executable, "-c", code, str(path / "index.db")], capture_output=True, text=True, check=True
    ).stdout
    listed = time.perf_counter() - began
    size = (path / "index.db").stat().st_size
    return [
        row("opening a backlog of %d entries" % entries, "%.2f s" % opened, "the index has %.0f MB" % (size / 1e6)),
        row("choosing the next entries in three orders", "%.1f ms" % (chosen * 1e3), ""),
        row("listing %s entries" % told.split()[0], "%.1f s" % listed, "memory grew by %s kB" % told.split()[1]),
    ]


def delivery(root: Path, count: int) -> list[dict[str, Any]]:
    """From spool to receiving server on this machine; both ends make everything durable on the same disk."""
    server = CloudServer(ExampleStore(str(root / "store"), floor=0), token="x")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    rng = np.random.default_rng(0)
    with Spool(str(root / "delivery"), Limits(free_floor=0), memory=2**30) as spool:
        for offer in [spool.offer(b"\xff\xd8\xff" + rng.bytes(JPEG - 3), facts(n)) for n in range(count)]:
            offer.wait(600)
        began = time.perf_counter()
        left = Courier(spool, open_target(server.url, {"token": "x"}, {})).drain(600)
        took = time.perf_counter() - began
    server.shutdown()
    server.server_close()
    store = DirectoryTarget(str(root / "alone"))
    rng = np.random.default_rng(1)
    from sedna_bridge.storage import make_example

    examples = [make_example(rng.bytes(JPEG), facts(n)) for n in range(100)]
    began = time.perf_counter()
    for example in examples:
        store.put(example)
    return [
        row(
            "delivery to the receiving server, %d examples, 4 at a time" % count,
            "%.0f /s" % ((count - left) / took),
            "ceiling: the server's store alone, one at a time: %.0f /s" % (100 / (time.perf_counter() - began)),
        )
    ]


def link(root: Path) -> list[dict[str, Any]]:
    """A link of 64 kbit/s that breaks every 40 kB: is the limit held, and does everything arrive once?"""
    server = CloudServer(ExampleStore(str(root / "link-store"), floor=0), token="x")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    meter = BrokenLink(server.server_address[1], 8000, 40_000)
    rng = np.random.default_rng(0)
    with Spool(str(root / "link"), Limits(free_floor=0)) as spool:
        for offer in [spool.offer(b"\xff\xd8\xff" + rng.bytes(30_000), facts(n)) for n in range(12)]:
            offer.wait(600)
        target = open_target(
            "http://127.0.0.1:%d/examples" % meter.port, {"token": "x", "piece": 8192}, {}, Bandwidth(64_000).take
        )
        began = time.perf_counter()
        left = Courier(spool, target, parallel=2).drain(240)
        took = time.perf_counter() - began
    stored = server.store.stats()["examples"]
    server.shutdown()
    server.server_close()
    return [
        row(
            "12 examples of 31 kB over 64 kbit/s, cut %d times" % meter.cuts,
            "%.0f kbit/s" % (meter.bytes * 8 / took / 1000),
            "%d stored, %d left, %.0f s; %.2f times the bytes went over the link"
            % (stored, left, took, meter.bytes / (12 * 30_700)),
        )
    ]


def filters() -> list[dict[str, Any]]:
    """What judging costs for one frame with eight boxes."""
    rng = np.random.default_rng(0)
    picture = scene(1080, 1920)
    rows = []
    for expression in (
        "IBT",
        "Threshold",
        "flicker",
        "vanish",
        "drift",
        "novel",
        "(IBT or flicker or vanish) and novel",
    ):
        judge = HardExampleFilter(expression).judge
        began = time.thread_time()
        for index in range(500):
            found = [[60 * k + index % 40, 50, 60 * k + 40, 120, float(rng.random()), k % 4] for k in range(8)]
            judge(FrameFacts(detections=found, index=index, width=1920, height=1080, picture=picture))
        rows.append(
            row(
                "judging by %s" % expression,
                "%.0f us" % ((time.thread_time() - began) / 500 * 1e6),
                "processor time; eight boxes, 1920 x 1080",
            )
        )
    return rows


class BrokenLink:
    """A TCP link of so many bytes a second that is cut after so many bytes."""

    def __init__(self, to: int, rate: int, cut_every: int) -> None:
        import socket

        self._socket = socket
        self._to, self._rate, self._cut_every = to, rate, cut_every
        self.bytes = self.cuts = self._since = 0
        self._next = 0.0
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            near, _ = self._listening.accept()
            far = self._socket.create_connection(("127.0.0.1", self._to))
            threading.Thread(target=self._carry, args=(near, far, True), daemon=True).start()
            threading.Thread(target=self._carry, args=(far, near, False), daemon=True).start()

    def _carry(self, here: Any, there: Any, shaped: bool) -> None:
        try:
            while True:
                data = here.recv(1024 if shaped else 65536)
                if not data or (shaped and not self._pass(len(data))):
                    break
                there.sendall(data)
        except OSError:
            pass
        for end in (here, there):
            try:
                end.shutdown(self._socket.SHUT_RDWR)
            except OSError:
                continue

    def _pass(self, size: int) -> bool:
        with self._lock:
            now = time.perf_counter()
            self._next = max(now, self._next) + size / self._rate
            self.bytes += size
            self._since += size
            cut = self._since > self._cut_every
            if cut:
                self._since = 0
                self.cuts += 1
        time.sleep(max(0.0, self._next - time.perf_counter()))
        return not cut


def disk_alone(path: Path, count: int) -> float:
    path.mkdir()
    data = os.urandom(JPEG)
    began = time.perf_counter()
    for number in range(count):
        write_synced(path / "t", data)
        os.replace(str(path / "t"), str(path / str(number)))
        sync_directory(path)
    return count / (time.perf_counter() - began)


def disk_batched(path: Path, count: int) -> float:
    path.mkdir()
    picture, sidecar = os.urandom(JPEG), os.urandom(SIDECAR)
    began = time.perf_counter()
    for first in range(0, count, BATCH):
        for number in range(first, min(count, first + BATCH)):
            for suffix, data in ((".jpg", picture), (".json", sidecar)):
                write_synced(path / ("t" + suffix), data)
                os.replace(str(path / ("t" + suffix)), str(path / (str(number) + suffix)))
        sync_directory(path)
    return count / (time.perf_counter() - began)


def encoding(picture: np.ndarray) -> float:
    from sedna_bridge.spool.encoder import Encoder

    encoder = Encoder()
    began = time.perf_counter()
    for _ in range(20):
        encoder.encode(picture, "bgr")
    return 20 / (time.perf_counter() - began)


def scene(height: int, width: int) -> np.ndarray:
    """A picture with structure, as large in JPEG as a camera's."""
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 255, (height // 16 + 1, width // 16 + 1, 3), dtype=np.uint8)
    picture = np.kron(coarse, np.ones((16, 16, 1), np.uint8))[:height, :width]
    return np.clip(picture.astype(np.int16) + rng.integers(-6, 7, picture.shape), 0, 255).astype(np.uint8)


def facts(number: int) -> dict[str, Any]:
    return {
        "camera": "gate",
        "index": number,
        "wall_time": 1e9 + number,
        "model": "3",
        "hard_reasons": ["IBT"],
        "hard_score": number % 100 / 100,
        "detections": [[10.0, 20.0, 110.0, 220.0, 0.41, 2]] * 6,
    }


if __name__ == "__main__":
    main()
