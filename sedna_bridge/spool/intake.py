"""From an offered frame to a durable entry, beside the frame path.

offer() -> [frames in memory] -> encoders -> [JPEGs in memory] -> one writer: files, fsync, names, index, answer

The writer takes all that waits as one batch, so the more frames come, the more of them share the cost of one commit.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import Any, Callable, Mapping, NamedTuple

import numpy as np

from sedna_bridge.spool.encoder import Encoder, FramePool, check_picture, jpeg_size
from sedna_bridge.spool.offer import REFUSED, Offer
from sedna_bridge.storage.example import Example, make_example

log = logging.getLogger(__name__)

LARGEST_BATCH = 64
IDLE = 1.0


class Pending(NamedTuple):
    """An example on its way to the disk, with the answer that somebody waits for."""

    offer: Offer
    example: Example
    facts: Mapping[str, Any]


class _Frame(NamedTuple):
    offer: Offer
    picture: Any
    facts: Mapping[str, Any]
    color: str
    pooled: bool
    size: int
    number: int


class Intake:
    """Takes frames without ever blocking, and hands batches to `write`.

    What waits in memory is bounded by `memory` bytes; what comes on top is refused. `idle` is called about once a
    second when nothing comes, and `refuse` with every refusal.
    """

    def __init__(
        self,
        encoder: Encoder,
        write: Callable[[list[Pending]], None],
        idle: Callable[[], None],
        refuse: Callable[[str, Mapping[str, Any]], None],
        memory: int,
        encoders: int,
    ) -> None:
        self._encoder = encoder
        self._write = write
        self._idle = idle
        self._refuse = refuse
        self._memory = memory
        self._pool = FramePool()
        self._frames: deque[_Frame] = deque()
        self._ready: dict[int, Pending | None] = {}
        self._offered = self._taken = 0
        self._held = 0
        self._under_way = 0
        self._open = True
        self._lock = threading.Lock()
        self._frame_came = threading.Condition(self._lock)
        self._ready_came = threading.Condition(self._lock)
        self._threads = [
            threading.Thread(target=self._encode, name="spool-encoder", daemon=True) for _ in range(encoders)
        ]
        self._threads.append(threading.Thread(target=self._commit, name="spool-writer", daemon=True))
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """Examples in memory: offered, but neither accepted nor refused."""
        return self._under_way

    def offer(self, picture: Any, facts: Mapping[str, Any], color: str, copy: bool) -> Offer:
        offer = Offer()
        wrong = check_picture(picture, color)
        if wrong:
            return self._answer(offer, wrong, facts)
        size = picture.nbytes if isinstance(picture, np.ndarray) else len(picture)
        with self._lock:
            if not self._open:
                reason = "the spool is closed"
            elif self._held + size > self._memory and self._held:
                reason = "memory full"
            else:
                reason = ""
                self._held += size
                self._under_way += 1
        if reason:
            return self._answer(offer, reason, facts)
        pooled = copy and isinstance(picture, np.ndarray)
        if pooled:
            picture = self._pool.copy(picture)
        with self._lock:
            self._frames.append(_Frame(offer, picture, dict(facts), color, pooled, size, self._offered))
            self._offered += 1
            self._frame_came.notify()
        return offer

    def expect(self, size: int) -> None:
        self._pool.expect(size)

    def close(self, timeout: float) -> bool:
        """Takes nothing more, finishes what is in memory; False if that took too long."""
        with self._lock:
            self._open = False
            self._frame_came.notify_all()
            self._ready_came.notify_all()
        for thread in self._threads:
            thread.join(timeout)
        return not any(thread.is_alive() for thread in self._threads)

    def _answer(self, offer: Offer, reason: str, facts: Mapping[str, Any]) -> Offer:
        self._refuse(reason, facts)
        return offer.settle(REFUSED, reason)

    def _encode(self) -> None:
        while True:
            with self._lock:
                while not self._frames:
                    if not self._open:
                        return
                    self._frame_came.wait(IDLE)
                frame = self._frames.popleft()
            pending, wrong = None, ""
            try:
                pending = self._seal(frame)
            except Exception as error:
                log.warning("a frame of %s cannot be encoded", frame.facts.get("camera"), exc_info=True)
                wrong = "cannot be encoded: %s" % str(error).strip().splitlines()[-1][:120]
            finally:
                if frame.pooled:
                    self._pool.give_back(frame.picture)
            with self._lock:
                self._held -= frame.size
                if pending is not None:
                    self._held += pending.example.size
                else:
                    self._under_way -= 1
                self._ready[frame.number] = pending
                self._ready_came.notify()
            if pending is None:
                self._answer(frame.offer, wrong, frame.facts)

    def _seal(self, frame: _Frame) -> Pending:
        facts = dict(frame.facts)
        if isinstance(frame.picture, np.ndarray):
            rows, columns = frame.picture.shape[:2]
            facts.setdefault("width", columns)
            facts.setdefault("height", rows * 2 // 3 if frame.color == "nv12" else rows)
            jpeg, width, height = self._encoder.encode(frame.picture, frame.color)
        else:
            jpeg = bytes(frame.picture)
            width, height = jpeg_size(jpeg)
            facts.setdefault("width", width)
            facts.setdefault("height", height)
        return Pending(frame.offer, make_example(jpeg, facts, width, height), facts)

    def _next_batch(self) -> list[Pending]:
        """What is ready, in the order in which it was offered: the oldest stays the oldest."""
        batch: list[Pending] = []
        while self._taken in self._ready and len(batch) < LARGEST_BATCH:
            pending = self._ready.pop(self._taken)
            self._taken += 1
            if pending is not None:
                batch.append(pending)
        return batch

    def _commit(self) -> None:
        while True:
            with self._lock:
                if self._taken not in self._ready:
                    if not self._open and not self._under_way:
                        return
                    self._ready_came.wait(IDLE if self._open else 0.05)
                batch = self._next_batch()
            try:
                if batch:
                    self._write(batch)
                else:
                    self._idle()
            except Exception as error:
                log.exception("the spool's writer met a fault")
                for pending in batch:
                    if not pending.offer.done:
                        self._answer(pending.offer, "fault: %s" % error, pending.facts)
            with self._lock:
                self._held -= sum(pending.example.size for pending in batch)
                self._under_way -= len(batch)
