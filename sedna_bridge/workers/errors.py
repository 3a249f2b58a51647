"""What can go wrong in a worker."""

from __future__ import annotations

from sedna_bridge.errors import BridgeError


class WorkerError(BridgeError):
    """Raised when a worker cannot do its stage."""
