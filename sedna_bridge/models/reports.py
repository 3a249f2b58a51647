"""Exactly one report per version, also across restarts: the intent is on disk before the hook is called, the done
mark after.

The hook is called once for each version. Only when the process dies inside the hook itself is it called again with
the same arguments after the restart; an outbox that keeps one entry per version (its key) makes that once, too.
"""

from __future__ import annotations

import hashlib
import logging
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Callable

from . import failpoints
from .durable import read_json, write_json

log = logging.getLogger(__name__)
COMPLETED = "completed"
FAILED = "failed"
Hook = Callable[[str, str, str], None]


@dataclass(frozen=True)
class Report:
    """What is to be said of one version."""

    version: str
    status: str
    reason: str
    at: float
    done: bool = False


class Reports:
    """The ledger of reports of one store."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "reports"
        self._not_before = 0.0
        self._wait = 1.0
        self._due = True

    def intend(self, version: str, status: str, reason: str = "") -> bool:
        """Promise a report; says False when this version was reported, or promised, before."""
        path = self._path(version)
        if isinstance(read_json(path), dict):
            return False
        write_json(path, asdict(Report(version, status, reason, round(time.time(), 3))))
        self._due = True
        return True

    def wake(self) -> None:
        """Look for due reports at the next delivery; somebody else may have promised one."""
        self._due = True

    def all(self) -> list[Report]:
        """All reports, oldest first."""
        found = [read_json(path) for path in self.folder.glob("*.json")]
        return sorted((Report(**value) for value in found if isinstance(value, dict)), key=lambda report: report.at)

    def deliver(self, hook: Hook | None) -> int:
        """Give what is due to the hook; a hook that raises is tried again later, with growing pauses."""
        if hook is None or not self._due or time.monotonic() < self._not_before:
            return 0
        count = 0
        for report in self.all():
            if report.done:
                continue
            try:
                hook(report.version, report.status, report.reason)
            except Exception as error:
                log.warning("the report of model %s was not taken (%s); it is tried again", report.version, error)
                self._not_before = time.monotonic() + self._wait
                self._wait = min(self._wait * 2, 60.0)
                return count
            failpoints.reach("reports.done")
            write_json(self._path(report.version), asdict(replace(report, done=True)))
            self._wait = 1.0
            count += 1
        self._due = False
        return count

    def _path(self, version: str) -> Path:
        return self.folder / (hashlib.sha256(version.encode("utf-8")).hexdigest()[:32] + ".json")
