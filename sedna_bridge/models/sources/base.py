"""Where models come from. A source is asked from time to time and answers at once with what it has, or with nothing."""

from __future__ import annotations

from abc import ABC, abstractmethod

from ..offers import Offer
from ..store import ModelStore


class Source(ABC):
    """`poll` never waits long (a short network deadline at most), never raises for "nothing there yet" and may be
    called as often as one likes: the same thing gives the same offer key."""

    period: float = 10.0

    @abstractmethod
    def poll(self, store: ModelStore) -> Offer | None:
        """The newest thing that this source has, or None. Raises SourceError when it cannot be asked."""

    def wait(self, period: float) -> None:
        """Ask every `period` seconds."""
        self.period = period

    @property
    @abstractmethod
    def name(self) -> str:
        """What the source is called in records and logs; never holds a password."""
