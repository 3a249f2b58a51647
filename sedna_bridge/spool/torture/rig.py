"""The torture: cycles of work, each with a kill or a fault, and the count at the end.

Every cycle forks a worker that opens the spool, offers frames and delivers them to the receiving server. It is killed
with SIGKILL at a random moment or at one of the named steps; the server is killed at its steps, or stands still; the
disk fails; entries are damaged between two cycles. What every worker was told it accepted goes through a pipe into the
rig's books. In the end all that is left is delivered without faults, and the books are compared with what the server
has, what the spool dropped and with its own figures.
"""

from __future__ import annotations

import os
import random
import select
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any, Callable

from sedna_bridge.errors import SpoolDamaged, SpoolError
from sedna_bridge.spool.files import SpoolFiles
from sedna_bridge.spool.limits import Limits
from sedna_bridge.spool.survey import open_reader, survey
from sedna_bridge.spool.torture.children import Shift, cloud, fork, worker
from sedna_bridge.spool.torture.power import clean, cut
from sedna_bridge.storage.directory import DirectoryTarget

WORKER_STEPS = (
    "spool.begin",
    "spool.picture",
    "spool.written",
    "spool.renamed",
    "spool.synced",
    "index.commit",
    "spool.indexed",
    "courier.send",
    "courier.sent",
    "courier.settle",
    "spool.departed",
    "spool.removing",
    "spool.removed",
    "recovery.begin",
    "recovery.removed",
    "recovery.adopting",
)
CLOUD_STEPS = (
    "cloud.pieced",
    "cloud.received",
    "durable.written",
    "directory.picture",
    "directory.stored",
    "cloud.stored",
    "cloud.replied",
)
DISK_STEPS = ("spool.picture", "spool.written", "index.commit", "spool.synced")
STEPS = WORKER_STEPS + CLOUD_STEPS
LONGEST_CYCLE = 20.0


class Torture:
    """Runs cycles in a directory of its own and gives the figures."""

    def __init__(
        self, directory: Path, cycles: int, seed: int = 1, progress: Callable[[int], None] = lambda done: None
    ) -> None:
        self._spool = directory / "spool"
        self._store = directory / "store"
        self._worker_steps = directory / "worker-steps"
        self._cloud_steps = directory / "server-steps"
        self._cycles = cycles
        self._chance = random.Random(seed)
        self._progress = progress
        self._accepted: set[str] = set()
        self._puts: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._events: Counter[str] = Counter()
        self._at_step: Counter[str] = Counter()
        self._may_adopt = False
        self._cloud = 0
        self._cloud_faults = ""
        self._port = 0
        if self._spool.exists():
            raise SpoolError("the torture needs a directory of its own, but %s has a spool already" % directory)
        directory.mkdir(parents=True, exist_ok=True)

    def run(self) -> dict[str, Any]:
        """All cycles, the clean end, and the report."""
        began = time.monotonic()
        try:
            for cycle in range(self._cycles):
                self._cycle(cycle)
                self._progress(cycle + 1)
            took = time.monotonic() - began
            self._last_shift()
        finally:
            self._kill_cloud()
        return self._report(took)

    def _cycle(self, cycle: int) -> None:
        plan = cycle % 8
        kind = ("moment", "step", "step", "cloud", "step", "moment", "disk", "mixed")[plan]
        cloud_faults = worker_faults = ""
        if kind in ("cloud", "mixed"):
            step = CLOUD_STEPS[(cycle // 8) % len(CLOUD_STEPS)]
            cloud_faults = "%s=kill@%d" % (step, self._chance.randint(1, 6))
        if kind in ("step", "mixed"):
            step = WORKER_STEPS[(cycle * 5 // 8) % len(WORKER_STEPS)]
            worker_faults = "%s=kill@%d" % (step, 1 if step.startswith("recovery") else self._chance.randint(1, 4))
        if self._may_adopt:
            # Only after a kill between the names and the index is there something to adopt.
            worker_faults = "recovery.adopting=kill@1"
        self._may_adopt = worker_faults.startswith(("spool.synced=kill", "index.commit=kill"))
        if kind == "disk" and not worker_faults:
            fault = self._chance.choice(("enospc", "erofs", "eio"))
            worker_faults = "%s=%s@%d" % (self._chance.choice(DISK_STEPS), fault, self._chance.randint(1, 4))
            self._events["disk faults: " + fault] += 1
        self._ensure_cloud(cloud_faults)
        still = cycle % 40 == 39
        if still:
            os.kill(self._cloud, signal.SIGSTOP)
            self._events["server stood still"] += 1
        if cycle % 25 == 24:
            self._damage_one()
        moment = self._chance.random() * 0.35 if kind == "moment" else None
        self._work(self._shift(cycle), worker_faults, moment)
        if still:
            os.kill(self._cloud, signal.SIGCONT)

    def _shift(self, cycle: int, frames: int = -1, drain: float = 0.15) -> Shift:
        policy = self._chance.choice(("block", "drop_oldest", "drop_easiest"))
        small = cycle % 10 == 9
        limits = Limits(most_entries=150 if small else 0, free_floor=0, when_full=policy)
        return Shift(
            cycle,
            self._chance.randint(5, 20) if frames < 0 else frames,
            self._chance.getrandbits(32),
            limits,
            self._chance.choice(("oldest", "newest", "hardest")),
            "http://127.0.0.1:%d/examples" % self._port,
            drain,
        )

    def _work(self, shift: Shift, faults: str, moment: float | None, longest: float = LONGEST_CYCLE) -> None:
        pid, journal = fork(worker(self._spool, shift), faults, self._worker_steps)
        deadline = time.monotonic() + longest
        kill_at: float | None = None
        rest = b""
        while True:
            wait = min(0.05, max(0.0, kill_at - time.monotonic())) if kill_at else 0.05
            if select.select([journal], [], [], wait)[0]:
                data = os.read(journal, 65536)
                if not data:
                    break
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    if line == b"open" and moment is not None:
                        kill_at = time.monotonic() + moment
                    self._note(line.decode("utf-8", "replace"))
            now = time.monotonic()
            if (kill_at and now >= kill_at) or now > deadline:
                self._events["killed at a random moment" if kill_at else "killed because it took too long"] += 1
                os.kill(pid, signal.SIGKILL)
                kill_at, deadline = None, now + longest
            self._reap_cloud()
        os.close(journal)
        _, status = os.waitpid(pid, 0)
        self._power_cut(self._worker_steps, os.WIFSIGNALED(status))
        if os.WIFSIGNALED(status) and faults:
            self._events["killed at a named step"] += 1
            self._at_step[faults.split("=")[0]] += 1
        elif not os.WIFSIGNALED(status):
            self._events["ended by itself" if not status else "gave up: could not open or write"] += 1

    def _power_cut(self, steps: Path, killed: bool) -> None:
        """After every second kill the power is gone too, and with it what was not synced."""
        if killed and self._chance.random() < 0.5:
            self._events["power cuts"] += 1
            self._events["steps undone by power cuts"] += cut(steps, self._chance)
        else:
            clean(steps)

    def _note(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word == "accepted":
            self._accepted.add(rest)
        elif word == "put":
            id, _, answer = rest.partition(" ")
            self._puts[id] += 1
            self._events["put answered " + answer] += 1
        elif word == "refused":
            self._refused[rest.partition(" ")[2]] += 1

    def _ensure_cloud(self, faults: str) -> None:
        self._reap_cloud()
        if self._cloud and (faults or self._cloud_faults):
            self._kill_cloud()
        if not self._cloud:
            self._cloud, journal = fork(cloud(self._store, self._port), faults, self._cloud_steps)
            self._cloud_faults = faults
            self._port = int(os.read(journal, 100).split()[1])
            os.close(journal)

    def _reap_cloud(self) -> None:
        if self._cloud and os.waitpid(self._cloud, os.WNOHANG)[0]:
            self._events["server killed at a named step"] += 1
            self._at_step[self._cloud_faults.split("=")[0]] += 1
            self._cloud = 0
            self._power_cut(self._cloud_steps, True)
            self._ensure_cloud("")

    def _kill_cloud(self) -> None:
        if self._cloud:
            os.kill(self._cloud, signal.SIGKILL)
            os.waitpid(self._cloud, 0)
            self._events["server killed between two cycles"] += 1
            self._cloud = 0
            self._power_cut(self._cloud_steps, True)

    def _damage_one(self) -> None:
        """Flips a bit of one entry, or cuts it short."""
        files = SpoolFiles(self._spool)
        if not files.entries.is_dir():
            return
        found = [path for segment in files.segments() for path in (files.entries / ("%08d" % segment)).iterdir()]
        if not found:
            return
        path = self._chance.choice(sorted(found))
        data = bytearray(path.read_bytes())
        if self._chance.random() < 0.5 and data:
            data[self._chance.randrange(len(data))] ^= 1 << self._chance.randrange(8)
        else:
            del data[len(data) // 2 :]
        path.write_bytes(bytes(data))
        self._events["entries damaged by hand"] += 1

    def _last_shift(self) -> None:
        """Delivers what is left, without faults."""
        self._ensure_cloud("")
        for _ in range(5):
            self._work(self._shift(self._cycles, 0, 15.0)._replace(limits=Limits(free_floor=0)), "", None, 30.0)
            if not survey(self._spool)["waiting"]:
                return

    def _report(self, seconds: float) -> dict[str, Any]:
        figures = survey(self._spool)
        store = DirectoryTarget(str(self._store))
        stored: set[str] = set()
        frames: Counter[int] = Counter()
        wrong = 0
        for id in store.ids():
            try:
                frames[store.read(id).facts["index"]] += 1
                stored.add(id)
            except SpoolDamaged:
                wrong += 1
        reader = open_reader(self._spool)
        try:
            spooled = {entry.id for entry in reader.entries()}
            dropped = {gone["id"] for gone in reader.gone(("dropped",))}
        finally:
            reader.close()
        lost = self._accepted - stored - spooled - dropped
        return {
            "cycles": self._cycles,
            "seconds": round(seconds, 1),
            "told_accepted": len(self._accepted),
            "accepted": figures["accepted"],
            "delivered": figures["delivered"],
            "still_spooled": figures["waiting"] + figures["held"],
            "dropped": figures["dropped"],
            "dropped_by_reason": figures["dropped_by_reason"],
            "adds_up": figures["adds_up"],
            "adopted": figures["adopted"],
            "refused": dict(self._refused),
            "stored": len(stored),
            "stored_wrong": wrong,
            "stored_twice": sum(1 for count in frames.values() if count > 1),
            "put_more_than_once": sum(1 for count in self._puts.values() if count > 1),
            "lost": len(lost),
            "lost_names": sorted(lost)[:10],
            "events": dict(sorted(self._events.items())),
            "kills_by_step": dict(sorted(self._at_step.items())),
            "holds": not lost
            and figures["dropped_by_reason"].get("damaged", 0) <= self._events["entries damaged by hand"]
            and not wrong
            and figures["adds_up"]
            and figures["delivered"] <= len(stored)
            and all(count == 1 for count in frames.values()),
        }
