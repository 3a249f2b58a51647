"""graphs/helmet_hard_examples.toml through the real command, with a receiving server that is killed and comes back."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sedna_bridge.spool.source import Examples
from sedna_bridge.storage.directory import SIDECARS

ROOT = Path(__file__).resolve().parents[2]
FRAMES = 125


class Box:
    """A box that runs the graph, and the cloud at the other end."""

    def __init__(self, folder):
        self.folder = folder
        self.store = folder / "store"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = "http://127.0.0.1:%d/examples" % self.port
        self.running = []
        self.log = folder / "cloud.log"

    def start(self, *words, log="log"):
        with open(str(self.folder / log), "ab") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "sednabox", *words], cwd=str(self.folder), stdout=out, stderr=subprocess.STDOUT,
                env=dict(os.environ, SEDNABOX_STATE=str(self.folder / "state"), PYTHONPATH=str(ROOT)))
        self.running.append(process)
        return process

    def cloud(self):
        process = self.start("cloud", "--store", str(self.store), "--port", str(self.port), "--no-token", "--verbose",
                             log="cloud.log")
        self.until(self.cloud_answers, "the cloud answers")
        return process

    def cloud_answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1.0).close()
        except OSError:
            return False
        return True

    def graph(self, *sets):
        words = [word for text in sets for word in ("--set", text)]
        return self.start(
            "run", "--engine", "pocketbox", str(ROOT / "graphs" / "helmet_hard_examples.toml"), "--quiet",
            "--set", "upload.target=" + self.address, *words, log="graph.log")

    def stored(self):
        return len(list(Examples(self.store))) if (self.store / SIDECARS).is_dir() else 0

    def records(self):
        path = self.folder / "helmet_hard_examples.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    def spool(self, *words):
        done = subprocess.run(
            [sys.executable, "-m", "sednabox", "spool", "--state", str(self.folder / "state"), *words],
            capture_output=True, text=True, timeout=100, env=dict(
                os.environ, PYTHONPATH=str(ROOT)))
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def until(self, true, what, seconds=60.0):
        end = time.monotonic() + seconds
        while not true():
            if time.monotonic() > end:
                pytest.fail("%s: not within %.0f s\n%s" % (what, seconds, self.told()))
            time.sleep(0.05)

    def told(self):
        return "\n".join(p.read_text(encoding="utf-8")[-3000:] for p in self.folder.glob("*log"))


@pytest.fixture
def box(tmp_path):
    made = Box(tmp_path)
    yield made
    for process in made.running:
        if process.poll() is None:
            process.kill()
        process.wait()


def test_the_cloud_is_killed_and_comes_back_in_the_middle(box):
    server = box.cloud()
    run = box.graph("video.paced=true", "filter.filter=CloudOnly", "upload.order=newest", "upload.spool_entries=25",
                    "upload.when_full=drop_oldest")
    box.until(lambda: box.stored() >= 10, "ten examples have arrived")
    server.send_signal(signal.SIGKILL)
    server.wait()
    box.until(lambda: json.loads(box.spool("stats", "--json"))["dropped"] > 0, "the spool has been full")
    assert run.poll() is None, "the cloud was away in the middle of the run\n" + box.told()
    before = box.stored()
    box.cloud()
    assert run.wait(60) == 0, box.told()

    records = box.records()
    assert [r["index"] for r in records] == list(range(FRAMES)), "frames never wait for the cloud"
    assert all(r["hard"] and r["hard_reasons"] == ["CloudOnly"] for r in records)
    figures = json.loads(box.spool("stats", "--json"))
    told = (figures, box.told())
    assert figures["accepted"] + sum(figures["refused_by_reason"].values()) == FRAMES, told
    assert figures["accepted"] == figures["delivered"] + figures["waiting"] + figures["held"] + figures["dropped"], told
    assert figures["dropped_by_reason"] == {"spool full": figures["dropped"]}, told
    delivered_here = figures["delivered"]

    box.spool("flush", "--target", box.address)
    after = json.loads(box.spool("stats", "--json"))
    assert after["waiting"] == after["held"] == 0, after
    assert after["accepted"] == after["delivered"] + after["dropped"]
    assert after["delivered"] - delivered_here == figures["waiting"] and box.stored() > before
    store = Examples(box.store)
    indices = [json.loads(example.sidecar)["index"] for example in store]
    assert store.damaged == 0
    assert len(indices) == len(set(indices)), "each arrived once"
    dropped = [json.loads(line) for line in box.spool("ls", "--gone", "dropped", "--json").splitlines()]
    assert all(item["reason"] == "spool full" for item in dropped)
    known = set(indices) | {item["index"] for item in dropped}
    refused = sum(figures["refused_by_reason"].values())    # on a busy machine: the memory before the spool was full
    assert known <= set(range(FRAMES)) and len(known) == FRAMES - refused, "delivered, or dropped and listed"


def test_the_graph_as_it_is_marks_the_same_frames_each_time_and_keeps_them_without_a_cloud(box):
    marked = []
    for _ in range(2):
        run = box.graph()
        assert run.wait(60) == 0, box.told()
        records = box.records()
        assert [r["index"] for r in records] == list(range(FRAMES))
        assert all(r["hard_reasons"] for r in records if r["hard"])
        marked.append([r["index"] for r in records if r["hard"]])
    assert marked[0] == marked[1] and marked[0]
    figures = json.loads(box.spool("stats", "--json"))
    assert figures["waiting"] == figures["accepted"] == 2 * len(marked[0])
