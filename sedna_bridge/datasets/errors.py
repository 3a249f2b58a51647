"""What can be wrong with a dataset."""

from __future__ import annotations

from dataclasses import dataclass

from sedna_bridge.errors import BridgeError


class DatasetFormatError(BridgeError):
    """Raised when a dataset cannot be read or written at all; single bad lines are problems and not errors."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong at one place (file:line, or a file)."""

    where: str
    message: str
    fatal: bool = True

    def __str__(self) -> str:
        return f"{self.where}: {'error' if self.fatal else 'warning'}: {self.message}"
