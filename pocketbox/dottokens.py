"""The words of the DOT language, each with its offset."""
from __future__ import annotations

import re
from typing import NamedTuple

from .errors import FormatError
from .source import Locate

QUOTE_IT = 'Put quotes around names and values that hold more than letters, digits and _: "..."'
KEYWORDS = ("digraph", "graph", "subgraph", "node", "edge", "strict")

_ID = re.compile(r"[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_\u0080-\U0010ffff]*")
_NUMBER = re.compile(r"-?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)")
_BLANK = re.compile(r"(?:[ \t\r\n\f\v\ufeff]|//[^\n]*|#[^\n]*|/\*.*?\*/)+", re.S)


class Token(NamedTuple):
    """kind: id, text (quoted), html, mark (punctuation), end, or bad (where the text cannot be split any further)."""

    kind: str
    value: str
    offset: int
    error: FormatError | None = None

    @property
    def is_atom(self) -> bool:
        return self.kind in ("id", "text", "html")

    @property
    def keyword(self) -> str:
        """The keyword that this is, in lower case, else ""; a quoted word never is one."""
        word = self.value.lower() if self.kind == "id" else ""
        return word if word in KEYWORDS else ""

    def __str__(self) -> str:
        if self.kind == "end":
            return "the end of the graph text"
        shown = self.value if len(self.value) <= 30 else self.value[:27] + "..."
        return f'"{shown}"' if self.kind == "text" else f"'{shown}'"


def split(text: str, locate: Locate) -> list[Token]:
    """The tokens of a DOT text, with an `end` token last, or a `bad` one that carries the error.

    The error is for the parser to raise when it gets there: nobody minds what stands behind the graph.
    """
    tokens: list[Token] = []
    at = 0
    try:
        while True:
            at = _skip(text, at, locate)
            if at >= len(text):
                tokens.append(Token("end", "", len(text)))
                return tokens
            token, at = _next(text, at, locate)
            tokens.append(token)
    except FormatError as error:
        tokens.append(Token("bad", "", at, error))
        return tokens


def _next(text: str, at: int, locate: Locate) -> tuple[Token, int]:
    """The token that starts here, and where it ends."""
    char = text[at]
    if char == '"':
        return _quoted(text, at, locate)
    if char == "<":
        return _html(text, at, locate)
    if text.startswith(("->", "--"), at):
        return Token("mark", text[at:at + 2], at), at + 2
    if char in "{}[]=;,:+@":
        return Token("mark", char, at), at + 1
    match = _ID.match(text, at) or _NUMBER.match(text, at)
    if match is None:
        raise FormatError(f"character {char!r} cannot stand here in a graph", locate(at), QUOTE_IT, "FAULT", "build")
    return Token("id", match.group(), at), match.end()


def _skip(text: str, at: int, locate: Locate) -> int:
    while at < len(text):
        match = _BLANK.match(text, at)
        if match is not None:
            at = match.end()
        elif text.startswith("/*", at):
            raise FormatError("a comment that starts with /* has no end", locate(at), "Add */", "FAULT", "build")
        else:
            break
    return at


def _quoted(text: str, begin: int, locate: Locate) -> tuple[Token, int]:
    """A text in double quotes: only \\" and a backslash at the end of a line mean something, all else stays."""
    out: list[str] = []
    at = begin + 1
    while at < len(text):
        char = text[at]
        if char == '"':
            return Token("text", "".join(out), begin), at + 1
        if char == "\\" and at + 1 < len(text):
            follows = text[at + 1]
            if follows == '"':
                out.append('"')
                at += 2
                continue
            if follows == "\n" or text.startswith("\r\n", at + 1):
                at += 2 if follows == "\n" else 3
                continue
            if follows == "\\":
                out.append("\\\\")
                at += 2
                continue
        out.append(char)
        at += 1
    raise FormatError("a quoted text has no closing quote", locate(begin), 'Add the missing "', "FAULT", "build")


def _html(text: str, begin: int, locate: Locate) -> tuple[Token, int]:
    """A label between < and >; the brackets inside must balance. The value is what stands between the outer ones."""
    depth = 0
    for at in range(begin, len(text)):
        if text[at] == "<":
            depth += 1
        elif text[at] == ">":
            depth -= 1
            if depth == 0:
                return Token("html", text[begin + 1:at], begin), at + 1
    raise FormatError("a label that starts with < has no end", locate(begin), "Add the missing >", "FAULT", "build")
