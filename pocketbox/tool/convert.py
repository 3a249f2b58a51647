"""TOML to JSON and back."""
from __future__ import annotations

import datetime
import json
from typing import Any

import tomlkit

from .. import jsontext, tomltext
from ..errors import FormatError
from ..place import Place
from ..source import read_text


def convert(path: str, form: str) -> str:
    """The text of a settings file in the other format (json or toml); whatever the file is in now."""
    text = read_text(path, "the file")
    reader = jsontext.loads if text.lstrip()[:1] == "{" else tomltext.loads
    values = reader(text, path, "the file").values
    if form == "json":
        return json.dumps(values, indent=4, ensure_ascii=False, default=_plain)
    try:
        return tomlkit.dumps(_table(values)).rstrip("\n")
    except (TypeError, ValueError) as error:
        raise FormatError("the file cannot be written as TOML: %s" % error, Place(path)) from None


def _plain(value: Any) -> str:
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    raise TypeError("a %s has no form in JSON" % type(value).__name__)


def _table(values: dict[str, Any]) -> Any:
    """A TOML table, plain values before tables; null has no form in TOML and is left out."""
    table = tomlkit.document()
    for key, value in sorted(values.items(), key=lambda item: isinstance(item[1], dict)):
        if value is not None:
            table.add(key, _item(value))
    return table


def _item(value: Any) -> Any:
    if isinstance(value, dict):
        table = tomlkit.table()
        for key, sub in sorted(value.items(), key=lambda item: isinstance(item[1], dict)):
            if sub is not None:
                table.add(key, _item(sub))
        return table
    if isinstance(value, list):
        return tomlkit.item([_inside(item) for item in value if item is not None])
    if isinstance(value, str) and "\n" in value:
        return _long_text(value)
    return tomlkit.item(value)


def _inside(value: Any) -> Any:
    """A value inside an array: tables there are written inline."""
    if isinstance(value, dict):
        table = tomlkit.inline_table()
        for key, sub in value.items():
            if sub is not None:
                table.append(key, _inside(sub))
        return table
    return [_inside(item) for item in value if item is not None] if isinstance(value, list) else value


def _long_text(value: str) -> Any:
    """A text of several lines, such as a graph, written as lines."""
    plain = "'''" not in value and not value.endswith("'") and all(c in "\n\t" or 32 <= ord(c) != 127 for c in value)
    return tomlkit.string(value, literal=plain, multiline=True)
