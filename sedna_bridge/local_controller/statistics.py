"""Counting frames of a joint inference worker and offering the counts to the LC each LC_PERIOD seconds.

Each frame counts once, hard or not (Sedna's library counts hard ones twice); nothing is offered for a period without
frames; a missing LC never ends the reporting.
"""

from __future__ import annotations

import itertools
import threading
import time

from sedna_bridge.contract import InferenceStatistics
from sedna_bridge.local_controller.client import Client


class StatisticsReporter:
    """`count(hard)` on the frame path takes no lock and no time; a thread does the rest."""

    def __init__(self, client: Client, period: float | None = None) -> None:
        self._client = client
        self._period = client.environment.lc_period if period is None else period
        self._frames, self._hard = itertools.count(), itertools.count()
        self._reads = 0
        self._reported = 0
        self._since = time.time()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def count(self, hard: bool) -> None:
        """One frame was judged; `hard` when it went to the cloud."""
        next(self._frames)
        if hard:
            next(self._hard)

    def start(self) -> StatisticsReporter:
        self._thread = threading.Thread(target=self._run, name="lc-statistics", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def offer(self) -> bool:
        """Offer the counts now; False if no frame came since the last time."""
        # Reading a count advances it: `_reads` takes our own readings off again.
        frames, hard = next(self._frames) - self._reads, next(self._hard) - self._reads
        self._reads += 1
        if frames == self._reported:
            return False
        start, self._since, self._reported = self._since, time.time(), frames
        texts = [time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment)) for moment in (start, self._since)]
        self._client.statistics(InferenceStatistics(texts[0], texts[1], frames, hard))
        return True

    def _run(self) -> None:
        while not self._stop.wait(self._period):
            self.offer()
        self.offer()
