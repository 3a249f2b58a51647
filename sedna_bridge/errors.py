"""What can go wrong in the bridge.

BridgeError
 +- HardExampleError      a filter, its parameters or its expression cannot be used
 +- SpoolError            the spool cannot be used
 |   +- SpoolBusy         another process holds it
 |   +- SpoolDamaged      an entry or the index is not what was written
 +- StorageError          a target cannot be used as it is configured
 |   +- TargetAway        nothing wrong with the example: try again later
 |   +- TargetRefused     the target does not want this example: trying again as it is will not help
 +- LabelsError           labels or pictures that come or go cannot be read or written
"""
from __future__ import annotations


class BridgeError(Exception):
    """Base of every error of the bridge: says what was expected, what came, where, and what to do."""


class HardExampleError(BridgeError):
    """Raised when a filter, its parameters or its expression cannot be used."""


class SpoolError(BridgeError):
    """Raised when the spool cannot be used."""


class SpoolBusy(SpoolError):
    """Raised when another process holds the spool."""


class SpoolDamaged(SpoolError):
    """Raised when an entry or the index is not what was written."""


class StorageError(BridgeError):
    """Raised when a target cannot be used as it is configured."""


class TargetAway(StorageError):
    """Raised when a delivery did not succeed now but may succeed later.

    `retry_after` is the number of seconds for which the target asked, if it did.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TargetRefused(StorageError):
    """Raised when the target answered that it does not take this example."""


class LabelsError(BridgeError):
    """Raised when labels or pictures that come or go cannot be read or written."""
