"""JSON with places: the same view of a file as `tomltext` gives, for graphs written as JSON."""
from __future__ import annotations

import json
import re

from .errors import FormatError
from .place import Place
from .source import Lines
from .tomltext import Span, TextFile

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.S)
_SCALAR = re.compile(r"[^\s,\]}]+")


def loads(text: str, file: str = "", what: str = "the file") -> TextFile:
    """Read JSON; a FormatError (status BADCONF, as on the real engine) names line and column."""
    lines = Lines(text, file)
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise FormatError(f"{what} is not valid JSON: {error.msg}", Place(file, error.lineno, error.colno),
                          status="BADCONF") from None
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{what} is not valid JSON: {error}", Place(file), status="BADCONF") from None
    if not isinstance(values, dict):
        raise FormatError(f"{what} must be a JSON object, not a {type(values).__name__}", Place(file, 1, 1),
                          status="BADCONF")
    found = TextFile(values, lines)
    try:
        _Scan(text, found).value("", [])
    except (IndexError, AssertionError, ValueError, RecursionError):
        pass        # places are a courtesy
    return found


class _Scan:
    """Walks a valid JSON text and notes offsets."""

    def __init__(self, text: str, found: TextFile) -> None:
        self.text = text
        self.found = found
        self.at = 0

    def skip(self, blanks: str = " \t\r\n,:") -> None:
        while self.at < len(self.text) and self.text[self.at] in blanks:
            self.at += 1

    def string(self) -> Span:
        match = _STRING.match(self.text, self.at)
        assert match is not None
        self.at = match.end()
        return Span(self.text, match.start() + 1, match.end() - 1, "json")

    def value(self, name: str, path: list[str]) -> None:
        self.skip()
        char = self.text[self.at]
        if char == '"':
            self.found.strings[name] = self.string()
        elif char == "{":
            self.at += 1
            self.skip()
            while self.text[self.at] != "}":
                start = self.at
                span = self.string()
                parts = [*path, json.loads(f'"{self.text[span.begin:span.end]}"')]
                self.found.keys.setdefault(".".join(parts), start)
                self.value(".".join(parts), parts)
                self.skip()
            self.at += 1
        elif char == "[":
            self.at += 1
            count = 0
            self.skip()
            while self.text[self.at] != "]":
                self.value("%s[%d]" % (name, count), path)
                count += 1
                self.skip()
            self.at += 1
        else:
            match = _SCALAR.match(self.text, self.at)
            assert match is not None
            self.at = match.end()
