"""What can be wrong with a resource."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sedna_bridge.errors import BridgeError

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True)
class Finding:
    """One thing said about a resource: an error is what `kubectl apply` refuses, a warning is what fails later."""

    level: str
    where: str
    message: str
    rule: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.level}: {self.message}"


class ResourceError(BridgeError):
    """Raised when a yaml text or a resource in it cannot be used; it carries every finding."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = list(findings)
        super().__init__("\n".join(str(finding) for finding in findings))
