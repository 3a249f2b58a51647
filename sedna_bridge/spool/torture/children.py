"""The two processes that the torture kills: a worker with spool and courier, and the receiving server."""

from __future__ import annotations

import logging
import os
import random
import signal
import time
from pathlib import Path
from typing import Any, Callable, NamedTuple

from sedna_bridge.cloud import CloudServer, ExampleStore
from sedna_bridge.errors import BridgeError
from sedna_bridge.spool.courier import Courier
from sedna_bridge.spool.limits import Limits
from sedna_bridge.spool.offer import ACCEPTED, DUPLICATE, Offer
from sedna_bridge.spool.spool import Spool
from sedna_bridge.spool.torture.power import Recorder
from sedna_bridge.storage import failpoints
from sedna_bridge.storage.circuit import Circuit
from sedna_bridge.storage.example import Example
from sedna_bridge.storage.http import HttpTarget
from sedna_bridge.storage.target import Target

TOKEN = "torture"


class Shift(NamedTuple):
    """What a worker does in one cycle before it ends or is killed."""

    cycle: int
    frames: int
    seed: int
    limits: Limits
    order: str
    url: str
    drain: float


class Journal:
    """What a child says happened, line by line, in a pipe that outlives it."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def say(self, *words: Any) -> None:
        os.write(self._handle, (" ".join(map(str, words)) + "\n").encode("utf-8"))


def fork(work: Callable[[Journal], None], faults: str = "", steps: Path | None = None) -> tuple[int, int]:
    """Starts a real process that does the work; returns its pid and the reading end of its journal.

    Where `steps` is given, its steps on the disk are recorded there for a power cut.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    status = 70
    try:
        os.close(reading)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        logging.disable(logging.CRITICAL)
        failpoints.configure(faults)
        if steps is not None:
            Recorder(steps)
        work(Journal(writing))
        status = 0
    except BridgeError as error:
        Journal(writing).say("error", error)
        status = 69
    finally:
        os._exit(status)


def worker(spool: Path, shift: Shift) -> Callable[[Journal], None]:
    """Offers frames, delivers, and tells every answer at the moment when it is known."""

    def work(journal: Journal) -> None:
        chance = random.Random(shift.seed)
        with Spool(str(spool), shift.limits, memory=2**22, encoders=1) as opened:
            journal.say("open")
            target = _Told(HttpTarget(shift.url, token=TOKEN, timeout=1.0, piece=8192), journal)
            circuit = Circuit(first=0.02, longest=0.1)
            courier = Courier(opened, target, order=shift.order, parallel=3, circuit=circuit).start()
            offers: list[tuple[int, Offer]] = []
            for number in range(shift.frames):
                picture, facts = frame(shift.cycle, number, chance)
                offers.append((number, opened.offer(picture, facts)))
                offers = _answered(offers, journal)
                time.sleep(chance.random() * 0.004)
            deadline = time.monotonic() + 5
            while offers and time.monotonic() < deadline:
                offers = _answered(offers, journal)
                time.sleep(0.001)
            deadline = time.monotonic() + shift.drain
            while opened.backlog and time.monotonic() < deadline:
                time.sleep(0.005)
            courier.stop(1.0)
        journal.say("closed")

    return work


def cloud(store: Path, port: int) -> Callable[[Journal], None]:
    """Receives until it is killed."""

    def work(journal: Journal) -> None:
        for _ in range(200):
            try:
                server = CloudServer(ExampleStore(str(store), floor=0), port=port, token=TOKEN, timeout=5)
                break
            except BridgeError:
                time.sleep(0.01)
        journal.say("port", server.server_address[1])
        server.serve_forever()

    return work


def frame(cycle: int, number: int, chance: random.Random) -> tuple[bytes, dict[str, Any]]:
    """A picture that no other frame has, and its facts. Some are large enough to go in pieces."""
    size = chance.choice((300, 2000, 6000, 20000))
    picture = b"\xff\xd8\xff\xe0" + bytes(chance.getrandbits(8) for _ in range(64)) * (size // 64) + b"\xff\xd9"
    return picture, {
        "camera": "torture-%d" % (number % 3),
        "index": cycle * 10000 + number,
        "wall_time": time.time(),
        "model": "1",
        "hard_reasons": ["IBT"],
        "hard_score": chance.random(),
        "detections": [[1, 2, 30, 40, 0.4, 1]],
    }


def _answered(offers: list[tuple[int, Offer]], journal: Journal) -> list[tuple[int, Offer]]:
    for number, offer in offers:
        if offer.done:
            kept = offer.state in (ACCEPTED, DUPLICATE)
            journal.say(*("accepted", offer.id) if kept else ("refused", number, offer.reason))
    return [(number, offer) for number, offer in offers if not offer.done]


class _Told(Target):
    """A target whose answers are told."""

    def __init__(self, target: Target, journal: Journal) -> None:
        self._target = target
        self._journal = journal
        self.where = target.where

    def put(self, example: Example) -> bool:
        new = self._target.put(example)
        self._journal.say("put", example.id, "new" if new else "known")
        return new

    def close(self) -> None:
        self._target.close()
