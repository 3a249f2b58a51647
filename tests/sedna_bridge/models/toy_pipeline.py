"""A pipeline in a process of its own, to be killed: frames flow, the swap machine walks, what happened goes to a file.

python toy_pipeline.py STORE OUT [--policy P] [--seconds S] [--until EVENT VERSION] [--hot CONFIG]
"""

import argparse
import json
import os
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import toy_models

from sedna_bridge.models import (
    Gate,
    HotUpdateFile,
    Line,
    ModelStore,
    SwapMachine,
    SwapWorker,
    Terms,
)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("store")
    parser.add_argument("out")
    parser.add_argument("--policy", default="availability")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--until", nargs=2, default=None)
    parser.add_argument("--hot", default="")
    options = parser.parse_args()
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    store = ModelStore(options.store)

    def report(version, status, reason):
        """An outbox that keeps one file per version."""
        path = out / ("report-%s.json" % version.replace("/", "_"))
        try:
            fd = os.open(str(path), os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            return
        os.write(fd, json.dumps([version, status, reason]).encode())
        os.close(fd)

    line = Line(
        store,
        toy_models.ToyRuntime(),
        policy=options.policy,
        gate=Gate(drain_seconds=1.0),
        terms=Terms(frames=60, seconds=5.0, min_frames=10),
        on_report=report,
        recent_frames=lambda: ["recent"],
    )
    sources = [HotUpdateFile(Path(options.hot), period=0.1, settle=0.15, patience=2.0)] if options.hot else []

    class Machine(SwapMachine):
        def start(self):
            """Notes what the disk says before the worker's thread may go on."""
            version = super().start()
            self.pointer = store.pointer().active
            return version

    worker = SwapWorker(Machine(line), sources, tick=0.01)
    started = worker.start()
    log = open(str(out / ("frames-%d.jsonl" % os.getpid())), "w", encoding="utf-8")  # noqa: SIM115 - closed by the end
    log.write(json.dumps({"started": started, "pointer": worker.machine.pointer}) + "\n")
    log.flush()
    queue, numbers = [], iter(range(1 << 60))
    more = threading.Condition()
    ended = threading.Event()

    def judge():
        while True:
            with more:
                more.wait_for(lambda: queue or ended.is_set())
                if not queue:
                    return
                number, stamp = queue.pop(0)
            _, by = line.board.judge(stamp.version, [number], lambda session, frames: session.detect(frames))
            log.write(json.dumps([number, stamp.serial, stamp.version, by]) + "\n")
            log.flush()

    thread = threading.Thread(target=judge)
    thread.start()
    deadline = time.monotonic() + options.seconds
    while time.monotonic() < deadline:
        if options.until and any(
            e["event"] == options.until[0] and e["version"] == options.until[1] for e in store.history.read()
        ):
            break
        stamp = line.board.stamp()
        with more:
            queue.append((next(numbers), stamp))
            more.notify()
        time.sleep(0.005)
    ended.set()
    with more:
        more.notify()
    thread.join()
    for _ in range(200):
        if all(item.done for item in line.reports.all()):
            break
        time.sleep(0.01)
    worker.stop()
    log.write(json.dumps({"late": line.board.counts.late, "open": line.runtime.open}) + "\n")


if __name__ == "__main__":
    main()
