"""TOML with places: what each key holds, and where in the file each key and each character of a string stands.

tomlkit reads the values; it does not say where they stood. A graph is a DOT text inside a TOML string, so a mistake in
the DOT must be shown as a line and column of the TOML file. `_Scan` walks the text (which tomlkit has found valid) and
remembers where the keys and the bodies of the strings begin.
"""
from __future__ import annotations

import datetime
from typing import Any

import tomlkit
from tomlkit.exceptions import ParseError, TOMLKitError

from .errors import FormatError
from .place import Place
from .source import Lines


class TextFile:
    """A settings file that was read: nested `values`, and places. TOML and JSON files look alike from outside."""

    def __init__(self, values: dict[str, Any], lines: Lines) -> None:
        self.values = values
        self.lines = lines
        self.keys: dict[str, int] = {}                      # dotted key -> offset
        self.strings: dict[str, Span] = {}                # dotted key (or key[0]) -> where its text stands
        self.tables: dict[str, int] = {}                    # dotted key of a [[table]] -> offset

    def place(self, key: str) -> Place:
        """Where a key stands; for a missing one, the nearest table around it."""
        name = key
        while name:
            if name in self.keys:
                return self.lines.place(self.keys[name])
            name = name.rpartition(".")[0]
        return Place(self.lines.file, 1 if key else 0)

    def locate(self, key: str, index: int, value: str) -> Place:
        """Where character `index` of the string under `key` stands in the file."""
        span = self.strings.get(key)
        if span is None:
            return self.place(key)
        offsets = span.offsets()
        if abs(len(offsets) - len(value)) > 0 or not offsets:
            return self.lines.place(span.begin)
        return self.lines.place(offsets[index] if index < len(offsets) else span.end)

    def flat(self) -> dict[str, Any]:
        """All values under dotted keys, as texts and lists of texts, like the real engine's Configuration."""
        out: dict[str, Any] = {}
        _flatten("", self.values, out)
        return out

    def odd_arrays(self) -> list[str]:
        """Keys of arrays whose items are not all strings: the real engine aborts when it meets one."""
        found: list[str] = []
        _find_odd("", self.values, found)
        return found


class Span:
    """The body of one string in the file; `kind` says how its characters are written."""

    __slots__ = ("_offsets", "_text", "begin", "end", "kind")

    def __init__(self, text: str, begin: int, end: int, kind: str) -> None:
        self._text = text
        self.begin = begin
        self.end = end
        self.kind = kind        # basic, literal, multi-basic, multi-literal, json
        self._offsets: list[int] = []

    def offsets(self) -> list[int]:
        """The offset in the file of each character of the string's value."""
        if not self._offsets:
            self._offsets = self._walk()
        return self._offsets

    def _walk(self) -> list[int]:
        if "literal" in self.kind:
            return list(range(self.begin, self.end))
        text, at, out = self._text, self.begin, []
        while at < self.end:
            if text[at] != "\\":
                out.append(at)
                at += 1
                continue
            mark = text[at + 1] if at + 1 < self.end else ""
            if mark in "uU" and mark:
                digits = 4 if mark == "u" else 8
                code = int(text[at + 2:at + 2 + digits] or "0", 16)
                if self.kind == "json" and 0xDC00 <= code < 0xE000 and out and text[out[-1]:out[-1] + 2] == "\\u":
                    at += 2 + digits
                    continue
                out.append(at)
                at += 2 + digits
            elif mark in " \t\r\n" and self.kind == "multi-basic":
                at += 1
                while at < self.end and text[at] in " \t\r\n":
                    at += 1
            else:
                out.append(at)
                at += 2
        return out


def text_of(value: Any) -> str:
    """A value as the real engine's Configuration stores it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    return str(value)


def _flatten(key: str, value: Any, out: dict[str, Any]) -> None:
    if isinstance(value, dict):
        for name, sub in value.items():
            _flatten(f"{key}.{name}" if key else str(name), sub, out)
    elif isinstance(value, (list, tuple)):
        out[key] = [text_of(item) for item in value]
    else:
        out[key] = text_of(value)


def _find_odd(key: str, value: Any, found: list[str]) -> None:
    if isinstance(value, dict):
        for name, sub in value.items():
            _find_odd(f"{key}.{name}" if key else str(name), sub, found)
    elif isinstance(value, list) and not all(isinstance(item, str) for item in value):
        found.append(key)


def loads(text: str, file: str = "", what: str = "the file") -> TextFile:
    """Read TOML; a FormatError (status FAULT, as on the real engine) names line and column."""
    lines = Lines(text, file)
    try:
        values = tomlkit.parse(text).unwrap()
    except ParseError as error:
        place = Place(file, int(error.line), int(error.col) + 1)
        reason = str(error).split(" at line ")[0].strip()
        if "\\x00" in reason or "end of file" in reason:     # tomlkit's words for the same
            reason = "it ends in the middle of a value"
        raise FormatError(f"{what} is not valid TOML: {reason}", place, status="FAULT") from None
    except (TOMLKitError, ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError,
            AssertionError, ArithmeticError) as error:
        reason = str(error).strip() or type(error).__name__
        raise FormatError(f"{what} is not valid TOML: {reason}", Place(file), status="FAULT") from None
    found = TextFile(values, lines)
    try:
        _Scan(text, found).run()
    except (IndexError, ValueError, RecursionError):
        pass        # places are a courtesy: a text that tomlkit accepts is read without them
    return found


class _Scan:
    """Walks a valid TOML text and notes offsets."""

    def __init__(self, text: str, found: TextFile) -> None:
        self.text = text
        self.found = found
        self.at = 0

    def run(self) -> None:
        prefix: tuple[str, ...] = ()
        while True:
            self.skip(" \t\r\n")
            if self.at >= len(self.text):
                return
            start = self.at
            if self.text[start] == "[":
                double = self.text.startswith("[[", start)
                self.at += 2 if double else 1
                prefix = self.key()
                self.at = self.text.index("]", self.at) + (2 if double else 1)
                name = ".".join(prefix)
                self.found.keys.setdefault(name, start)
                if double:
                    self.found.tables.setdefault(name, start)
            else:
                self.pair(prefix)

    def skip(self, blanks: str) -> None:
        """Go past blanks, and past comments where a line may end."""
        while self.at < len(self.text):
            char = self.text[self.at]
            if char in blanks:
                self.at += 1
            elif char == "#" and "\n" in blanks:
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            else:
                return

    def key(self) -> tuple[str, ...]:
        parts: list[str] = []
        while True:
            self.skip(" \t")
            char = self.text[self.at]
            if char in "\"'":
                begin = self.at + 1
                self.string("")
                parts.append(self.text[begin:self.at - 1])
            else:
                begin = self.at
                while self.text[self.at] not in " \t.=]\r\n":
                    self.at += 1
                parts.append(self.text[begin:self.at])
            self.skip(" \t")
            if self.text[self.at] != ".":
                return tuple(parts)
            self.at += 1

    def pair(self, prefix: tuple[str, ...]) -> None:
        start = self.at
        parts = prefix + self.key()
        for count in range(len(prefix) + 1, len(parts) + 1):
            self.found.keys.setdefault(".".join(parts[:count]), start)
        self.at = self.text.index("=", self.at) + 1
        self.value(".".join(parts), parts)

    def value(self, name: str, parts: tuple[str, ...]) -> None:
        self.skip(" \t\r\n")
        char = self.text[self.at]
        if char in "\"'":
            self.string(name)
        elif char == "[":
            self.array(name, parts)
        elif char == "{":
            self.at += 1
            while True:
                self.skip(" \t\r\n,")
                if self.text[self.at] == "}":
                    self.at += 1
                    return
                self.pair(parts)
        else:
            while self.at < len(self.text) and self.text[self.at] not in ",]}\r\n#":
                self.at += 1

    def array(self, name: str, parts: tuple[str, ...]) -> None:
        self.at += 1
        count = 0
        while True:
            self.skip(" \t\r\n,")
            if self.text[self.at] == "]":
                self.at += 1
                return
            self.value("%s[%d]" % (name, count), parts)
            count += 1

    def string(self, name: str) -> None:
        text, quote = self.text, self.text[self.at]
        multi = text.startswith(quote * 3, self.at)
        begin = self.at + (3 if multi else 1)
        if multi:
            begin += 2 if text.startswith("\r\n", begin) else 1 if text.startswith("\n", begin) else 0
        at = begin
        closing = quote * 3 if multi else quote
        while not text.startswith(closing, at):
            if at >= len(text):
                raise ValueError("open string")
            at += 2 if quote == '"' and text[at] == "\\" else 1
        while multi and text.startswith(quote, at + 3):     # up to two quotes may stand before the closing three
            at += 1
        kind = ("multi-" if multi else "") + ("basic" if quote == '"' else "literal")
        if name:
            self.found.strings[name] = Span(text, begin, at, kind)
        self.at = at + len(closing)
