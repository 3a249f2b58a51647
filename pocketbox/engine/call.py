"""Calling a unit's methods: what they may return, and what becomes of exceptions."""
from __future__ import annotations

import threading
import traceback
from typing import Any

from ..errors import RunError
from ..place import Place
from ..sdk import log
from ..sdk.status import Status, StatusCode

SUCCESS, CONTINUE = int(StatusCode.STATUS_SUCCESS), int(StatusCode.STATUS_CONTINUE)
FAULT, STOP, SHUTDOWN = int(StatusCode.STATUS_FAULT), int(StatusCode.STATUS_STOP), int(StatusCode.STATUS_SHUTDOWN)
FIRST_REPEATS = 5   # a unit that fails on every frame logs the first failures, then each time the count doubles


class StopAsked(Exception):
    """A unit returned STOP or SHUTDOWN: the graph ends, and that is no failure."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = StatusCode(code)


class Caller:
    """Calls one unit's methods and tells its failures to the log without flooding it."""

    def __init__(self, node_name: str, unit_name: str, unit: Any) -> None:
        self.node_name = node_name
        self.unit_name = unit_name
        self.unit = unit
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def place(self, method: str) -> Place:
        """Where the unit defines a method, for messages."""
        code = getattr(getattr(type(self.unit), method, None), "__code__", None)
        return Place(code.co_filename, code.co_firstlineno) if code else Place()

    def process(self, ctx: Any) -> tuple[int, str]:
        """The code and message of one process call; an exception is FAULT with an empty message."""
        try:
            result = self.unit.process(ctx)
        except BaseException as error:
            self.failed("process", error)
            return FAULT, ""
        if type(result) is StatusCode:
            if result >= STOP and result <= SHUTDOWN:
                raise StopAsked(result)
            if result != SUCCESS and result != CONTINUE:
                self.returned("process", Status(result))
            return int(result), ""
        if type(result) is Status:
            code = int(result._code)
            if code in (STOP, SHUTDOWN):
                raise StopAsked(code)
            if code != SUCCESS and code != CONTINUE:
                self.returned("process", result)
            return code, result._message
        raise RunError("process of unit %s (node %s) returned %s" % (self.unit_name, self.node_name, _what(result)),
                       self.place("process"), "Every path of process has to return a Status or a Status.StatusCode")

    def stage(self, method: str, ctx: Any) -> tuple[int, str]:
        """data_pre or data_post: the code and message; STOP and SHUTDOWN are given back, exceptions are FAULT."""
        try:
            result = getattr(self.unit, method)(ctx)
        except BaseException as error:
            self.failed(method, error)
            return FAULT, ""
        if isinstance(result, StatusCode):
            result = Status(result)
        if not isinstance(result, Status):
            raise RunError("%s of unit %s (node %s) returned %s" % (
                method, self.unit_name, self.node_name, _what(result)), self.place(method),
                "Return a Status or a Status.StatusCode")
        if not result and result.code() not in (StatusCode.STATUS_STOP, StatusCode.STATUS_SHUTDOWN):
            self.returned(method, result)
        return int(result.code()), result.errormsg()

    def close(self) -> None:
        try:
            self.unit.close()
        except BaseException as error:
            self.failed("close", error)

    def failed(self, method: str, error: BaseException) -> None:
        text = "node %s: %s of unit %s raised %s: %s" % (
            self.node_name, method, self.unit_name, type(error).__name__, error)
        if self._often("%s %s" % (method, type(error).__name__)):
            trace = "".join(traceback.format_exception(type(error), error, error.__traceback__)).rstrip()
            log.write(log.Level.WARN, "%s\n%s" % (text, trace), 2)

    def returned(self, method: str, status: Status) -> None:
        if self._often("%s %s" % (method, status)):
            log.write(log.Level.WARN, "node %s: %s of unit %s returned %s" % (
                self.node_name, method, self.unit_name, status), 2)

    def _often(self, key: str) -> bool:
        with self._lock:
            count = self._counts[key] = self._counts.get(key, 0) + 1
        return count <= FIRST_REPEATS or count & (count - 1) == 0


def _what(result: Any) -> str:
    return "None" if result is None else "%s (%r)" % (type(result).__name__, result)


def defining_place(unit: Any) -> Place | None:
    """File of the unit's class, for messages about the unit as a whole."""
    module = __import__("sys").modules.get(type(unit).__module__)
    name = getattr(module, "__file__", None)
    return Place(name) if name else None
