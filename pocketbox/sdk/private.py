"""Small value carriers of the SDK: events, stream meta, errors, and what a session keeps."""
from __future__ import annotations

import threading
import uuid
from typing import Any

from .configuration import Configuration
from .metavalue import freeze, thaw
from .status import Status


class Private:
    """Integers and texts under names; reading one that is not there is a RuntimeError."""

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def set_private_int(self, key: str, value: int) -> None:
        if isinstance(value, float) or not hasattr(value, "__index__"):
            raise TypeError("set_private_int takes an int, not %s" % type(value).__name__)
        self._values[key] = int(value)

    def get_private_int(self, key: str) -> int:
        return self._typed(key, int)

    def set_private_string(self, key: str, value: str) -> None:
        if isinstance(value, bytes):
            value = value.decode("utf-8")
        if not isinstance(value, str):
            raise TypeError("set_private_string takes a text, not %s" % type(value).__name__)
        self._values[key] = value

    def get_private_string(self, key: str) -> str:
        return self._typed(key, str)

    def _typed(self, key: str, kind: type) -> Any:
        value = self._values.get(key)
        if not isinstance(value, kind):
            raise RuntimeError("invalid key. Nothing is stored under %r as %s" % (key, kind.__name__))
        return value


class FlowUnitEvent(Private):
    """What a stream unit sends to itself to be called again."""

    __slots__ = ()


class DataMeta(Private):
    """Meta of a whole stream, set in data_pre with set_output_meta and inherited downstream."""

    __slots__ = ()

    @classmethod
    def merged(cls, upper: DataMeta | None, own: DataMeta | None) -> DataMeta | None:
        if own is None or upper is None:
            return own if upper is None else upper
        new = cls()
        new._values.update(upper._values)
        new._values.update(own._values)
        return new


class FlowUnitError:
    """FlowUnitError(description) or FlowUnitError(node, position, status)."""

    def __init__(self, desc: str, error_pos: str | None = None, error_status: Status | None = None) -> None:
        if error_pos is not None and error_status is not None:
            desc = "node:%s error pos:%s status:%s error:%s" % (
                desc, error_pos, error_status.str_code(), error_status.errormsg())
        self._desc = desc

    def get_description(self) -> str:
        return self._desc


class SessionContext(Private):
    """Shared by all nodes of one session: values of any kind, the session's configuration and its id."""

    __slots__ = ("_config", "_id", "_lock")

    def __init__(self) -> None:
        super().__init__()
        self._config = Configuration()
        self._id = str(uuid.uuid4())
        self._lock = threading.Lock()

    def set_private(self, key: str, obj: Any) -> None:
        stored = freeze(obj)
        with self._lock:
            self._values[key] = stored

    def get_private(self, key: str) -> Any:
        with self._lock:
            if key not in self._values:
                raise ValueError("invalid data type %s: nothing is stored in the session under this name" % key)
            return thaw(self._values[key])

    def get_session_config(self) -> Configuration:
        return self._config

    def get_session_id(self) -> str:
        return self._id
