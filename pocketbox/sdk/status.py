"""Status: what every flowunit method returns, a code with a message."""
from __future__ import annotations

import enum
from typing import Any, ClassVar


class StatusCode(enum.IntEnum):
    """The codes of ModelBox's Python SDK; there is no STATUS_OK."""

    STATUS_SUCCESS = 0
    STATUS_FAULT = 1
    STATUS_NOTFOUND = 2
    STATUS_INVALID = 3
    STATUS_AGAIN = 4
    STATUS_BADCONF = 5
    STATUS_NOMEM = 6
    STATUS_RANGE = 7
    STATUS_EXIST = 8
    STATUS_INTERNAL = 9
    STATUS_BUSY = 10
    STATUS_PERMIT = 11
    STATUS_NOTSUPPORT = 12
    STATUS_NODATA = 13
    STATUS_NOSPACE = 14
    STATUS_NOBUFS = 15
    STATUS_OVERFLOW = 16
    STATUS_INPROGRESS = 17
    STATUS_ALREADY = 18
    STATUS_TIMEDOUT = 19
    STATUS_NOSTREAM = 20
    STATUS_RESET = 21
    STATUS_CONTINUE = 22
    STATUS_EDQUOT = 23
    STATUS_STOP = 24
    STATUS_SHUTDOWN = 25
    STATUS_EOF = 26

    def __str__(self) -> str:
        return "StatusCode." + self.name

    def __eq__(self, other: object) -> bool:
        # On the real SDK a code on the left is never equal to a Status on the right.
        return int(self) == other if isinstance(other, int) else False

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return int.__hash__(self)


TEXTS = (
    "Success", "Fault", "Not found", "Invalid argument", "Try again", "Bad config", "Out of memory", "Out of range",
    "Already exists", "Internal error", "Device or resource busy", "Operation not permitted", "Not supported",
    "No data available", "No space left", "No buffer space available", "Value too large for defined data type",
    "Operation now in progress", "Operation already in progress", "Operation timed out", "Out of streams resources",
    "Request reset", "Continue operation", "Quota exceeded", "Stop operation", "Shutdown operation", "End of file",
)


class Status:
    """A code and a message; true when the code is SUCCESS. May wrap the status that caused it."""

    __slots__ = ("_code", "_message", "_wrapped")
    StatusCode: ClassVar[Any] = StatusCode

    def __init__(self, status: Any = StatusCode.STATUS_SUCCESS, errmsg: str | None = None) -> None:
        self._wrapped: Status | None = None
        self._message = "" if errmsg is None else errmsg
        if isinstance(status, StatusCode):
            self._code = status
        elif isinstance(status, Status):
            # Status(status) alone keeps the code only, as the real SDK does.
            self._code = status._code
            if errmsg is not None:
                self._wrapped = status.copy()
        elif errmsg is None and hasattr(status, "__bool__"):
            self._code = StatusCode.STATUS_SUCCESS if status else StatusCode.STATUS_FAULT
        else:
            raise TypeError("Status takes a Status.StatusCode, a Status or a bool, not %s" % type(status).__name__)
        if not isinstance(self._message, str):
            raise TypeError("the message of a Status is a text, not %s" % type(errmsg).__name__)

    def copy(self) -> Status:
        other = Status(self._code, self._message)
        other._wrapped = self._wrapped
        return other

    def assign(self, other: Status) -> None:
        """Take over the code and message of another status (out-parameters such as wait's retval)."""
        self._code, self._message, self._wrapped = other._code, other._message, other._wrapped

    def code(self) -> Any:
        return self._code

    def errormsg(self) -> str:
        return self._message

    def set_errormsg(self, errmsg: str) -> None:
        if not isinstance(errmsg, str):
            raise TypeError("the message of a Status is a text, not %s" % type(errmsg).__name__)
        self._message = errmsg

    def str_code(self) -> str:
        return TEXTS[self._code]

    def unwrap(self) -> Status | None:
        return self._wrapped

    def wrap_errormsgs(self) -> str:
        """Code, own message and the messages of the wrapped ones, outermost first."""
        texts, inner = [], self._wrapped
        while inner is not None:
            if inner._message:
                texts.append(inner._message)
            inner = inner._wrapped
        own = "%s, %s" % (self.str_code(), self._message) if self._message else self.str_code()
        return " -> ".join([own, *texts])

    def __bool__(self) -> bool:
        return self._code == 0

    def __str__(self) -> str:
        return "code: %s, errmsg: %s" % (self.str_code(), self._message) if self._message else self.str_code()

    def __repr__(self) -> str:
        return "<Status %s>" % self

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Status):
            return self._code == other._code
        if isinstance(other, StatusCode):
            return self._code == other
        if other is None or isinstance(other, bool):
            return bool(self) == bool(other)    # the real SDK takes None for False
        return False

    def __ne__(self, other: object) -> bool:
        # Only statuses and codes compare as unequal; against anything else the real SDK always says True.
        return not self == other if isinstance(other, (Status, StatusCode)) else True

    __hash__ = None  # type: ignore[assignment]
