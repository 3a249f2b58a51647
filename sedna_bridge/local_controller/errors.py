"""What can go wrong between a worker, a controller and this machine."""

from __future__ import annotations

from sedna_bridge.errors import BridgeError


class ControllerError(BridgeError):
    """Raised when the local controller cannot do what it was asked."""


class ControllerBusy(ControllerError):
    """Raised when another controller, or another program on the port, is in the way."""


class OutboxError(BridgeError):
    """Raised when a report cannot be kept on disk."""


class PodError(ControllerError):
    """Raised when a pod template cannot be run on this machine."""
