"""A fetch runs beside the swap machine, so that a person's order never waits for a slow link."""

from __future__ import annotations

import logging
import threading
import time

from .errors import ModelError, SourceError
from .offers import Offer
from .record import VersionRecord
from .store import ModelStore

log = logging.getLogger(__name__)

TOLD_EVERY = 10.0
"""Seconds between two lines of the log about a fetch that takes long."""


class Fetch:
    """One running fetch of an offer."""

    def __init__(self, store: ModelStore, offer: Offer) -> None:
        self.offer = offer
        self._store = store
        self._told = time.monotonic()
        self._cancelled = threading.Event()
        self._done = threading.Event()
        self._record: VersionRecord | None = None
        self._error: BaseException | None = None
        threading.Thread(target=self._work, name="model-fetch", daemon=True).start()

    def _work(self) -> None:
        try:
            self._record = self.offer.fetch(self._store, self._progress)
        except (ModelError, OSError) as error:
            self._error = error
        except Exception as error:
            self._error = SourceError("%s: %s: %s" % (self.offer.source, type(error).__name__, error))
        self._done.set()

    def _progress(self, done: int, total: int | None) -> None:
        if self._cancelled.is_set():
            raise SourceError("the fetch of %s was cancelled; what has come is kept for later." % self.offer.version)
        if time.monotonic() - self._told >= TOLD_EVERY:
            self._told = time.monotonic()
            of_all = " of %.1f" % (total / 1e6) if total else ""
            log.info("fetching model %s: %.1f%s MB", self.offer.version, done / 1e6, of_all)

    @property
    def done(self) -> bool:
        return self._done.is_set()

    def wait(self, timeout: float) -> bool:
        return self._done.wait(timeout)

    def cancel(self) -> None:
        self._cancelled.set()

    def result(self) -> VersionRecord:
        """The record, or what went wrong."""
        if self._error is not None:
            raise self._error
        if self._record is None:
            raise SourceError("the fetch of %s has not ended." % self.offer.version)
        return self._record
