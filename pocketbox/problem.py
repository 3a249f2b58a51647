"""One thing that is wrong with a graph, a descriptor or a unit's code, as the checker lists it."""
from __future__ import annotations

from typing import Any

from .errors import BuildError, FormatError, PocketboxError
from .place import Place

ERROR = "error"
WARNING = "warning"


class Problem:
    """`status` is the real engine's status for it; `after_open` tells that it looks only once all units are open."""

    __slots__ = ("after_open", "code", "cure", "message", "node", "place", "port", "severity", "stage", "status")

    def __init__(self, code: str, severity: str, message: str, place: Place | None = None, node: str = "",
                 port: str = "", cure: str = "", status: str = "BADCONF", stage: str = "build",
                 after_open: bool = False) -> None:
        self.code = code
        self.severity = severity
        self.message = message
        self.place = place or Place()
        self.node = node
        self.port = port
        self.cure = cure
        self.status = status
        self.stage = stage
        self.after_open = after_open

    @classmethod
    def of(cls, code: str, error: PocketboxError, severity: str = ERROR, node: str = "") -> Problem:
        return cls(code, severity, error.message, error.place, node, "", error.cure, error.status, error.stage)

    def error(self) -> PocketboxError:
        """The exception that stops a build for this problem."""
        kind = FormatError if self.stage == "init" else BuildError
        return kind(self.message, self.place if self.place != Place() else None, self.cure, self.status, self.stage)

    def as_dict(self) -> dict[str, Any]:
        return {"code": self.code, "severity": self.severity, "message": self.message, "file": self.place.file,
                "line": self.place.line, "column": self.place.column, "node": self.node, "port": self.port,
                "cure": self.cure}

    def __str__(self) -> str:
        where = f"{self.place!s}: " if self.place != Place() else ""
        cure = f". {self.cure}" if self.cure else ""
        return "{}{} {}: {}{}".format(where, self.severity, self.code, self.message.rstrip("."), cure)

    def __repr__(self) -> str:
        return f"Problem({self})"
