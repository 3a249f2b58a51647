"""The building site of a run on this machine: its folders, the job, and what has come of them so far."""
from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from typing import Any, Callable

from sedna_bridge.errors import BridgeError
from sedna_bridge.local_controller.store import Store

from .. import pack
from .plan import Plan

JOB = "helmet-loop"
KIND = "IncrementalLearningJob"


class LoopError(BridgeError):
    """The loop cannot go on; the message says why and where to look."""


class Site:
    """Lay out, start, look, stop. The job runs by `sednabox job`, in processes of its own."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._store: Store | None = None
        self._uid = ""

    def lay_out(self) -> None:
        """Fresh folders; what an earlier run left in this folder goes."""
        plan = self.plan
        plan.folder.mkdir(parents=True, exist_ok=True)
        for old in (plan.root, plan.state):
            shutil.rmtree(str(old), ignore_errors=True)
        for folder in (plan.dataset.parent, plan.hard, plan.results.parent, plan.state):
            folder.mkdir(parents=True)
        plan.dataset.touch()
        for folder in (plan.initial, plan.deployed):
            shutil.copytree(os.path.join(pack.folder("models"), "little"), str(folder))

    def start(self) -> None:
        plan = self.plan
        settings = {"SEED": plan.seed, "FPS": "%g" % plan.fps, "SCHEDULE": plan.schedule, "STEPS": plan.steps,
                    "SAMPLES": plan.samples}
        words = ["apply", "-f", os.path.join(pack.folder("jobs"), "helmet-loop.yaml"), "--root", str(plan.root),
                 "--port", str(_free_port()), "--runtime", "process"]
        for key, value in settings.items():
            words += ["--set", "%s=%s" % (key, value)]
        self.job(*words)
        self._store = Store(str(plan.state / "controller"))
        rows = self._store.resource_rows(KIND, "", JOB)
        self._uid = rows[0]["uid"]

    def job(self, *words: str) -> str:
        """`sednabox job ...` on this run's state."""
        done = subprocess.run([sys.executable, "-m", "sednabox", "job", "--state", str(self.plan.state), *words],
                              capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise LoopError("sednabox job %s: %s" % (words[0], (done.stderr or done.stdout).strip()))
        return done.stdout

    def stop(self, tell: Callable[[str], None]) -> None:
        """End the workers and the controller; files stay."""
        if not self._uid:
            return
        for words in (("delete", JOB, "--timeout", "60"), ("stop",)):
            try:
                self.job(*words)
            except (LoopError, subprocess.TimeoutExpired) as error:
                tell("warning: %s" % error)

    # -- what has come of it ------------------------------------------------------------------------------------------
    def rounds(self) -> list[dict[str, Any]]:
        """The rounds so far, as `sednabox job history --json` has them."""
        assert self._store is not None
        return self._store.rounds(self._uid)

    def stage(self) -> str:
        assert self._store is not None
        state = self._store.job_state(self._uid) or {}
        return "%s/%s" % (state.get("stage", ""), state.get("type", ""))

    def trouble(self) -> list[str]:
        """The warnings among the job's events."""
        assert self._store is not None
        return [str(row["message"]) for row in self._store.events(KIND, "", JOB) if row["type"] == "Warning"]

    def log_tail(self, lines: int = 3) -> str:
        """The newest lines of the training or evaluation that runs now."""
        assert self._store is not None
        for worker in reversed(self._store.workers(self._uid)):
            if worker["stage"] != "inference" and worker["state"] != "ended":
                try:
                    with open(worker["log"], encoding="utf-8", errors="replace") as log:
                        return "\n".join(log.read().splitlines()[-lines:])
                except OSError:
                    return ""
        return ""


class Frames:
    """What the pipeline has told of its frames, read on as the file grows."""

    def __init__(self, plan: Plan) -> None:
        self._path = plan.results
        self._position = 0
        self.rows: list[dict[str, Any]] = []

    def look(self) -> list[dict[str, Any]]:
        """The frames since the last look."""
        try:
            with open(self._path, "rb") as file:
                file.seek(self._position)
                data = file.read()
        except FileNotFoundError:
            return []
        whole = data[:data.rfind(b"\n") + 1]
        self._position += len(whole)
        new = [_slim(json.loads(line)) for line in whole.splitlines() if line.strip()]
        self.rows += new
        return new

    def swaps(self) -> list[tuple[int, str]]:
        """(place in rows, new version) of each change of the model that judges."""
        pairs = zip(self.rows, self.rows[1:])
        return [(place + 1, new["model"]) for place, (old, new) in enumerate(pairs) if new["model"] != old["model"]]

    def missing(self) -> int:
        """Frames that never came out, and those that came twice or out of order, together."""
        wrong = sum(abs(new["index"] - old["index"] - 1) for old, new in zip(self.rows, self.rows[1:]))
        return wrong + (self.rows[0]["index"] if self.rows else 0)


def _slim(row: dict[str, Any]) -> dict[str, Any]:
    """Of a frame's record only what the story needs."""
    return {"index": int(row["index"]), "timestamp": int(row["timestamp"]), "wall_time": row.get("wall_time", 0.0),
            "model": str(row.get("model", "")), "hard": bool(row.get("hard")), "latency_ms": row.get("latency_ms"),
            "found": len(row.get("detections") or ())}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
