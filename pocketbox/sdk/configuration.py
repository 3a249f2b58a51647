"""Configuration: texts under dotted keys, read as the type that the caller wants."""
from __future__ import annotations

import math
import re
from typing import Any, Callable, Iterable, Mapping

from . import log
from .metavalue import freeze, thaw

LIST_SIGN = "\x03"
INT64 = 1 << 63
INTEGER = re.compile(r"\s*[+-]?\d+\Z")
HEXADECIMAL = re.compile(r"\s*[+-]?0[xX]")


def _integer(text: str) -> int:
    if not INTEGER.match(text):
        raise ValueError("int64 failed, invalid")
    number = int(text)
    if not -INT64 <= number < INT64:
        raise ValueError("int64 failed, out of range")
    return number


def _double(text: str) -> float:
    if text != text.rstrip() or "_" in text:
        raise ValueError("double failed, invalid")
    try:
        number = float.fromhex(text) if HEXADECIMAL.match(text) else float(text)
    except (ValueError, OverflowError):
        raise ValueError("double failed, invalid") from None
    if math.isinf(number) and "inf" not in text.lower():
        raise ValueError("double failed, out of range")
    return number


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


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError("a key is a text, not %s" % type(key).__name__)
    return key


def _default(value: Any, kind: type) -> Any:
    """A default as the type that is asked for; TypeError where the real SDK would not convert it."""
    fits = {str: isinstance(value, str), bool: hasattr(value, "__bool__"),
            int: hasattr(value, "__index__") and not isinstance(value, float),
            float: hasattr(value, "__float__") or hasattr(value, "__index__")}[kind]
    if not fits:
        raise TypeError("the default %r is not of type %s" % (value, kind.__name__))
    return kind(value)


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
            self._values[key] = _text(freeze(value))
        elif isinstance(value, list) and value and isinstance(value[0], (bool, int, float, str)):
            self._values[key] = LIST_SIGN.join(_text(v) for v in thaw(freeze(value)))
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

    def _read_list(self, key: str, default: Iterable[Any] | None, convert: Callable[[str], Any],
                   kind: type) -> list[Any]:
        fallback = [_default(value, kind) for value in default or ()]
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
        return self._read(_key(key), _default(default, str), str)

    def get_bool(self, key: str, default: bool = False) -> bool:
        return self._read(_key(key), _default(default, bool), _boolean)

    def get_int(self, key: str, default: int = 0) -> int:
        return self._read(_key(key), _default(default, int), _integer)

    def get_float(self, key: str, default: float = 0.0) -> float:
        return self._read(_key(key), _default(default, float), _double)

    def get_string_list(self, key: str, default: Iterable[str] = ()) -> list[str]:
        return self._read_list(_key(key), default, str, str)

    def get_bool_list(self, key: str, default: Iterable[bool] = ()) -> list[bool]:
        return self._read_list(_key(key), default, _boolean, bool)

    def get_int_list(self, key: str, default: Iterable[int] = ()) -> list[int]:
        return self._read_list(_key(key), default, _integer, int)

    def get_float_list(self, key: str, default: Iterable[float] = ()) -> list[float]:
        return self._read_list(_key(key), default, _double, float)

    # -- for the engine ----------------------------------------------------
    def values(self) -> dict[str, str]:
        return dict(self._values)

    def sub(self, prefix: str) -> dict[str, str]:
        """The values below a prefix, with the prefix taken off."""
        head = prefix + "."
        return {k[len(head):]: v for k, v in self._values.items() if k.startswith(head)}
