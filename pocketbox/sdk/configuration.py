"""Configuration: texts under dotted keys, read as the type that the caller wants."""
from __future__ import annotations

import re
from typing import Any, Callable, Iterable, Mapping

from . import log

LIST_SIGN = "\x03"
INT64 = 1 << 63
INTEGER = re.compile(r"\s*[+-]?\d+\Z")


def _integer(text: str) -> int:
    if not INTEGER.match(text):
        raise ValueError("int64 failed, invalid")
    number = int(text)
    if not -INT64 <= number < INT64:
        raise ValueError("int64 failed, out of range")
    return number


def _double(text: str) -> float:
    try:
        return float(text) if text == text.rstrip() and "_" not in text else float("x")
    except ValueError:
        try:
            return float.fromhex(text) if re.match(r"\s*[+-]?0[xX]", text) else float("x")
        except ValueError:
            raise ValueError("double failed, invalid") from None


def _boolean(text: str) -> bool:
    if text in ("true", "1"):
        return True
    if text in ("false", "0"):
        return False
    raise ValueError("bool failed, invalid")


def _text(value: Any) -> str:
    """One value as the real engine writes it: true is 1, floats have 15 digits."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return "%.15g" % value
    return str(value)


def split_list(text: str) -> str:
    """A node attribute with commas as the list it means: parts trimmed, empty ones left out."""
    if "," not in text:
        return text
    return LIST_SIGN.join(part.strip(" ") for part in text.split(",") if part.strip(" "))


class Configuration:
    """A value that cannot be read as asked is logged as an error and the default returned, as on the real engine."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Configuration:
        """From flat dotted keys; lists become list values, nested mappings dotted keys."""
        new = cls()
        new.update(values)
        return new

    def update(self, values: Mapping[str, Any], prefix: str = "") -> None:
        for key, value in values.items():
            if isinstance(value, Mapping):
                self.update(value, "%s%s." % (prefix, key))
            elif isinstance(value, (list, tuple)):
                self._values[prefix + key] = LIST_SIGN.join(
                    ("true" if v else "false") if isinstance(v, bool) else str(v) for v in value)
            elif isinstance(value, bool):
                self._values[prefix + key] = "true" if value else "false"
            else:
                self._values[prefix + key] = str(value)

    # -- the SDK's methods -------------------------------------------------
    def set(self, key: str, value: Any) -> None:
        if isinstance(value, (bool, int, float, str)):
            self._values[key] = _text(value)
        elif isinstance(value, list) and all(isinstance(v, (bool, int, float, str)) for v in value) and value:
            kinds = {type(v) for v in value}
            if len(kinds) > 1 and kinds != {int, float}:
                raise RuntimeError("a list in a Configuration holds values of one type, not %r" % (value,))
            self._values[key] = LIST_SIGN.join(_text(v) for v in value)
        else:
            raise ValueError("invalid data type %s for key %s" % (value, key))

    def _read(self, key: str, default: Any, convert: Callable[[str], Any]) -> Any:
        text = self._values.get(key)
        if text is None:
            return default
        try:
            return convert(text)
        except ValueError as err:
            log.write(log.Level.ERROR, "Convert [%s : %s] to %s" % (key, text, err))
            return default

    def _read_list(self, key: str, default: Iterable[Any] | None, convert: Callable[[str], Any]) -> list[Any]:
        fallback = list(default or [])
        text = self._values.get(key)
        if text is None:
            return fallback
        out = []
        for part in text.split(LIST_SIGN) if text else []:
            try:
                out.append(convert(part))
            except ValueError as err:
                log.write(log.Level.ERROR, "Convert [%s : %s]::[%s] to %s" % (key, text, part, err))
                return fallback
        return out

    def get_string(self, key: str, default: str = "") -> str:
        return self._values.get(key, default)

    def get_bool(self, key: str, default: bool = False) -> bool:
        return self._read(key, default, _boolean)

    def get_int(self, key: str, default: int = 0) -> int:
        return self._read(key, default, _integer)

    def get_float(self, key: str, default: float = 0.0) -> float:
        return self._read(key, float(default), _double)

    def get_string_list(self, key: str, default: Iterable[str] = ()) -> list[str]:
        return self._read_list(key, default, str)

    def get_bool_list(self, key: str, default: Iterable[bool] = ()) -> list[bool]:
        return self._read_list(key, default, _boolean)

    def get_int_list(self, key: str, default: Iterable[int] = ()) -> list[int]:
        return self._read_list(key, default, _integer)

    def get_float_list(self, key: str, default: Iterable[float] = ()) -> list[float]:
        return self._read_list(key, default, _double)

    # -- for the engine ----------------------------------------------------
    def values(self) -> dict[str, str]:
        return dict(self._values)

    def sub(self, prefix: str) -> dict[str, str]:
        """The values below a prefix, with the prefix taken off."""
        head = prefix + "."
        return {k[len(head):]: v for k, v in self._values.items() if k.startswith(head)}
