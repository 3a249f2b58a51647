"""Attribute values as the real engine understands them: all are texts, a comma makes a list, few texts are booleans."""
from __future__ import annotations

import re
from typing import Any

LIST_SIGN = "\x03"      # joins the items of a list where one text is asked for; the real engine's own choice
_WHOLE = re.compile(r"\s*[+-]?[0-9]+\s*\Z")


def split(value: str) -> list[str]:
    """The parts of a node attribute. Quotes and backslashes protect a comma and vanish; empty parts are dropped.

    >>> split("a, b ,,c"), split("'1,2',3")
    (['a', 'b', 'c'], ['1,2', '3'])
    """
    parts: list[str] = []
    part, quote = "", ""
    for char in value:
        if quote == "\\":
            part += char
            quote = ""
        elif quote and char != quote:
            part += char
        elif char in "'\"\\":
            quote = "" if quote else char
        elif char == ",":
            if part:
                parts.append(part)
            part = ""
        else:
            part += char
    if part:
        parts.append(part)
    return [part.strip() for part in parts]


def setting(value: str) -> str | list[str]:
    """A node attribute as a Configuration holds it: one text, or a list where commas split it."""
    parts = split(value)
    if len(parts) > 1:
        return parts
    return parts[0] if parts else ""


def text(value: str) -> str:
    """A node attribute read as one text: trimmed and without its quotes, the parts of a list joined.

    >>> text(" 'cf_pass' ")
    'cf_pass'
    """
    return LIST_SIGN.join(split(value))


def boolean(value: Any, default: bool) -> bool:
    """Only true and 1 are true, only false and 0 are false; anything else counts as not given."""
    text = str(value).strip() if not isinstance(value, bool) else ("true" if value else "false")
    if text in ("true", "1"):
        return True
    return False if text in ("false", "0") else default


def whole(value: Any) -> int | None:
    """A whole number, or None for a text that is none."""
    return int(str(value)) if len(str(value)) < 20 and _WHOLE.match(str(value)) else None
