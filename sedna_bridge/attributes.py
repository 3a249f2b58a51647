"""The attributes of a graph's node, read through the engine's Configuration."""
from __future__ import annotations

from typing import Any, Iterable


def read(config: Any, names: Iterable[str]) -> dict[str, str]:
    """The texts of those attributes that are set.

    The engine cuts a value at its commas; the parts are put together again, so that "a, b" is "a, b" on every engine.
    """
    out = {}
    for name in names:
        text = ", ".join(config.get_string_list(name, []))
        if text:
            out[name] = text
    return out


def meta(buffer: Any, names: Iterable[str]) -> dict[str, Any]:
    """Those meta values of a buffer that are there; the engine cannot list them."""
    out = {}
    for name in names:
        try:
            out[name] = buffer.get(name)
        except ValueError:
            continue
    return out
