"""What became of an example that was offered to the spool."""

from __future__ import annotations

import threading

PENDING, ACCEPTED, DUPLICATE, REFUSED = "pending", "accepted", "duplicate", "refused"


class Offer:
    """The answer to `Spool.offer`: at once `pending` or `refused`, later `accepted`, `duplicate` or `refused`.

    Accepted means durable: the picture, the sidecar and the index entry are on the disk. A duplicate is an example
    that the spool has or delivered already.
    """

    __slots__ = ("_done", "id", "reason", "state")

    def __init__(self) -> None:
        self.state = PENDING
        self.reason = ""
        self.id = ""
        self._done = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until the answer is known; True if the example is durable. Not for the frame path."""
        self._done.wait(timeout)
        return self.state in (ACCEPTED, DUPLICATE)

    @property
    def done(self) -> bool:
        return self._done.is_set()

    def settle(self, state: str, reason: str = "", id: str = "") -> Offer:
        """Called once, by the spool."""
        self.state, self.reason = state, reason
        self.id = id or self.id
        self._done.set()
        return self

    def __repr__(self) -> str:
        return "<Offer %s%s>" % (self.state, ": " + self.reason if self.reason else "")
