"""Plays the person who labels: takes each hard picture that arrives and writes its labels to the dataset.

The labels come from the scene generator, which knows what it has drawn. On a real site this is a person's work
(`sednabox spool export --format labelstudio`, then `sednabox spool import-labels`).
"""
from __future__ import annotations

import json
import os
import threading
from typing import Any

import numpy as np

from edgevision.scenes import Camera, to_line
from edgevision.scenes.domain import Schedule
from sedna_bridge.datasets.append import append_lines
from sedna_bridge.errors import BridgeError

from .plan import Plan

LOOK_SECONDS = 6.0  # a person works in batches, and evaluation is on the last five of them


class Labeller:
    """A thread. `poison` makes the labels wrong from now on: boxes anywhere, classes at random."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.poison = False
        self.labelled = 0
        self.poisoned = 0
        self.trouble = ""
        self._camera = Camera(plan.seed, Schedule.parse(plan.schedule), plan.fps)
        self._chance = np.random.default_rng(plan.seed)
        self._seen: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="labeller", daemon=True)

    def start(self) -> Labeller:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            try:
                self.look()
                self.trouble = ""
            except (OSError, ValueError, BridgeError) as error:
                self.trouble = "%s; tried again" % error

    def look(self) -> int:
        """Label what has come since the last look; an example is complete when its sidecar is there."""
        folder = self.plan.hard / "sidecars"
        names = sorted(set(os.listdir(str(folder))) - self._seen) if folder.is_dir() else []
        names = [name for name in names if name.endswith(".json")]
        poison = self.poison
        lines = []
        for name in names:
            facts = json.loads((folder / name).read_text(encoding="utf-8"))
            rows: Any = self._camera.frame(int(facts["index"])).labels
            lines.append(to_line("hard/%s.jpg" % name[:-len(".json")], self._wrong(len(rows)) if poison else rows))
        append_lines(str(self.plan.dataset), lines)
        self._seen.update(names)
        self.labelled += len(lines)
        self.poisoned += len(lines) if poison else 0
        return len(lines)

    def _wrong(self, count: int) -> Any:
        width, height = self._camera.size
        rows = []
        for _ in range(max(1, count)):
            wide, high = int(self._chance.integers(20, 120)), int(self._chance.integers(20, 160))
            x, y = int(self._chance.integers(0, width - wide)), int(self._chance.integers(0, height - high))
            rows.append([x, y, x + wide, y + high, int(self._chance.integers(0, 4))])
        return rows
