"""A text that a person wrote, as bytes on disk and as lines and columns."""
from __future__ import annotations

import bisect
from typing import Callable

from .errors import FormatError
from .place import Place

Locate = Callable[[int], Place]


def read_text(path: str, what: str) -> str:
    """The text of a file, or a FormatError that says why there is none. A byte order mark is dropped."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FormatError(f"{what} cannot be read: {reason}", Place(path)) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise FormatError(f"{what} is not UTF-8 text: byte 0x{data[error.start]:02x}", Place(path, line),
                          "Save the file as UTF-8") from None
    return text


class Lines:
    """Turns an offset in a text into a place."""

    def __init__(self, text: str, file: str = "") -> None:
        self.file = file
        self._starts: list[int] = [0]
        at = text.find("\n")
        while at >= 0:
            self._starts.append(at + 1)
            at = text.find("\n", at + 1)

    def place(self, offset: int) -> Place:
        line = bisect.bisect_right(self._starts, offset) - 1
        return Place(self.file, line + 1, offset - self._starts[line] + 1)
