"""What each code of the checker means: why it matters, and what to do. The texts stand in codes.toml."""
from __future__ import annotations

import functools
import os
from typing import NamedTuple

from .. import tomltext
from ..source import read_text


class Code(NamedTuple):
    """One code's texts."""

    title: str
    why: str
    cure: str


GROUPS = (
    ("SB0", "Graphs that cannot be built", "The real engine refuses these, and so does the embedded one."),
    ("SB1", "Descriptors", "What the .toml of a flowunit says, and how the real engine reads it."),
    ("SB2", "The code of flowunits", "Found by reading the Python, never by running it."),
    ("SB3", "Graphs that build but surprise", "They start, and then do not do what their author thinks."),
)


@functools.lru_cache(maxsize=1)
def table() -> dict[str, Code]:
    """All codes."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "codes.toml")
    values = tomltext.loads(read_text(path, "the table of codes"), path).values
    return {code: Code(**texts) for code, texts in sorted(values.items())}


def explain(code: str) -> str:
    """The text of `sednabox check --explain CODE`."""
    entry = table()[code]
    return "%s  %s\n\n%s\n\nWhat to do: %s" % (code, entry.title, entry.why, entry.cure)


def markdown() -> str:
    """The table of all codes, as docs/check.md holds it."""
    lines: list[str] = []
    for prefix, title, text in GROUPS:
        lines += ["### %s" % title, "", text, "", "| code | what | why | what to do |", "|---|---|---|---|"]
        lines += ["| %s | %s | %s | %s |" % (code, *entry) for code, entry in table().items()
                  if code.startswith(prefix)]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"
