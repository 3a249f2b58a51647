"""Runs a swap machine beside the frames: one thread asks the sources, one walks the machine."""

from __future__ import annotations

import gc
import logging
import threading
import time
from typing import Sequence

from .errors import ModelError
from .machine import SwapMachine
from .sources.base import Source

log = logging.getLogger(__name__)


class SwapWorker:
    """`start` brings the active model up and returns; swaps happen beside until `stop`."""

    def __init__(self, machine: SwapMachine, sources: Sequence[Source] = (), tick: float = 0.1) -> None:
        self.machine = machine
        self.sources = list(sources)
        self.tick = tick
        self._end = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> str:
        """Bring the active version up and begin to watch; the id of that version. Raises ModelError when none can
        run."""
        version = self.machine.start()
        # A full garbage collection stops every thread for as long as it takes to look at all that was imported (12 ms);
        # swaps bring one on. What there is now will stay, so it need not be looked at again.
        gc.freeze()
        threads = [(self._walk, "model-swap")] + ([(self._ask, "model-sources")] if self.sources else [])
        for target, name in threads:
            thread = threading.Thread(target=target, name=name, daemon=True)
            thread.start()
            self._threads.append(thread)
        return version

    def stop(self, timeout: float = 10.0) -> None:
        """End both threads and release every session."""
        self._end.set()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self.machine.close()

    def _walk(self) -> None:
        while not self._end.is_set():
            try:
                moved = self.machine.step()
            except Exception:
                log.exception("the swap machine stumbled; the model in use keeps judging")
                moved = False
                self._end.wait(1.0)
            if not moved:
                self._end.wait(self.tick)

    def _ask(self) -> None:
        due = [0.0] * len(self.sources)
        failures = [0] * len(self.sources)
        while not self._end.is_set():
            for number, source in enumerate(self.sources):
                if time.monotonic() < due[number]:
                    continue
                pause = source.period
                try:
                    offer = source.poll(self.machine.line.store)
                    failures[number] = 0
                    if offer:
                        self.machine.propose(offer)
                    pause = source.period
                except (ModelError, OSError) as error:
                    failures[number] += 1
                    log.warning("source %s: %s", source.name, error)
                    pause = min(max(pause, 1.0) * 2 ** min(failures[number], 6), 600.0)
                except Exception:
                    log.exception("source %s stumbled", source.name)
                    pause = 60.0
                due[number] = time.monotonic() + pause
            self._end.wait(max(0.02, min(due) - time.monotonic()) if due else 1.0)
