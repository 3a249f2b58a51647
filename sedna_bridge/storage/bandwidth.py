"""A token bucket: how many bytes may leave in how much time."""

from __future__ import annotations

import threading
import time
from typing import Callable

from sedna_bridge.errors import TargetAway

WIRE = 1.06
HEAD = 600
BURST_SECONDS = 0.25


class Bandwidth:
    """Holds all transfers together below a number of bits per second, as the link counts them.

    A link also carries what wraps the bytes: each piece is counted with 6 % for the headers of TCP, IP and TLS, and
    each request with 600 bytes for its own. After a silence a quarter of a second's worth may leave at once.
    """

    def __init__(
        self, bits_per_second: float, stop: threading.Event | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.bytes_per_second = bits_per_second / 8
        self._burst = max(2048.0, self.bytes_per_second * BURST_SECONDS)
        self._tokens = self._burst
        self._clock = clock
        self._at = clock()
        self._lock = threading.Lock()
        self._stop = stop or threading.Event()

    def take(self, size: int) -> None:
        """Waits until so many bytes may leave. Raises TargetAway when the transfers are to stop."""
        wait = self.claim(size)
        if (wait > 0 and self._stop.wait(wait)) or self._stop.is_set():
            raise TargetAway("the transfer was stopped")

    def claim(self, size: int) -> float:
        """Takes the tokens, if need be those of the future, and says how long to wait for them."""
        with self._lock:
            now = self._clock()
            self._tokens = min(self._burst, self._tokens + max(0.0, now - self._at) * self.bytes_per_second)
            self._at = now
            self._tokens -= size * WIRE
            return max(0.0, -self._tokens / self.bytes_per_second)
