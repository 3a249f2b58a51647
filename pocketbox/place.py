"""Where something stands: file, line and column, as an editor counts them."""
from __future__ import annotations

from typing import NamedTuple


class Place(NamedTuple):
    """A position in a text; line and column count from 1, 0 means unknown."""

    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        parts = [self.file or "<text>"]
        if self.line:
            parts.append(str(self.line))
            if self.column:
                parts.append(str(self.column))
        return ":".join(parts)


NOWHERE = Place()
