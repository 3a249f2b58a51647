"""Everything that belongs to one line of frames: its store, sessions, switchboard and settings, in one place."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Callable, Sequence

from .ending import conclude
from .errors import ModelError
from .journal import Journal, Swap
from .judging import Gate
from .offers import OfferLedger
from .orders import Orders
from .probation import Terms
from .probe import ProbeLimits
from .reports import Hook, Reports
from .runtime import Runtime
from .sessions import Sessions
from .store import ModelStore
from .switchboard import Switchboard

AVAILABILITY = "availability"
MEMORY = "memory"


def always(source: str) -> bool:
    """Every source wants reports."""
    return True


@dataclass
class Line:
    """Settings of a line. The rest is made from them.

    `policy`: "availability" keeps old and new model in memory until probation is over; "memory" releases the old one
    first, while frames wait. `wants_report(source)` says whether versions of a source are reported. `recent_frames`
    gives frames of this site (spooled hard examples, for example) on which a new model is judged beside those that it
    brings.
    """

    store: ModelStore
    runtime: Runtime
    board: Switchboard = field(default_factory=Switchboard)
    policy: str = AVAILABILITY
    gate: Gate = field(default_factory=Gate)
    terms: Terms = field(default_factory=Terms)
    probe_limits: ProbeLimits = field(default_factory=ProbeLimits)
    on_report: Hook | None = None
    wants_report: Callable[[str], bool] = always
    recent_frames: Callable[[], Sequence[Any]] = tuple
    max_starts: int = 2
    keep_versions: int = 3
    keep_seconds: float = 3600.0
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        if self.policy not in (AVAILABILITY, MEMORY):
            raise ModelError("policy %r: expected %r or %r." % (self.policy, AVAILABILITY, MEMORY))
        self.board.max_boxes = self.gate.max_boxes
        self.board.keep_frame = self.runtime.keep_frame
        self.sessions = Sessions(self.store, self.runtime, self.board, self.gate, self.probe_limits)
        self.journal = Journal(self.store.root)
        self.orders = Orders(self.store)
        self.offers = OfferLedger(self.store)
        self.reports = Reports(self.store.root)

    def conclude(self, swap: Swap, figures: dict[str, Any]) -> None:
        """Carry out the end of a swap, and look for the report that comes of it."""
        conclude(self.store, swap, figures, self.keep_versions, self.keep_seconds)
        self.reports.wake()
