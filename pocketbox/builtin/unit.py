"""What the built-in units have in common: empty stages, and one way to say no."""
from __future__ import annotations

from typing import Any

from ..errors import RunError
from ..sdk.buffer import Buffer
from ..sdk.flowunit import FlowUnit
from ..sdk.status import Status, StatusCode

OK = StatusCode.STATUS_SUCCESS
GO_ON = StatusCode.STATUS_CONTINUE
BAD_CONFIG = StatusCode.STATUS_BADCONF
FAULT = StatusCode.STATUS_FAULT
INVALID = StatusCode.STATUS_INVALID
UNSUPPORTED = StatusCode.STATUS_NOTSUPPORT


class Refusal(Exception):
    """Raised inside a built-in unit that cannot do what was asked; becomes the status of the call."""

    def __init__(self, code: StatusCode, message: str = "") -> None:
        super().__init__(message)
        self.status = Status(code, message)


class BuiltinUnit(FlowUnit):
    """Subclasses define `configure` and `work` (and `begin`, `end` where they see streams) and may raise Refusal."""

    def configure(self, config: Any) -> None:
        """Read the options."""

    def work(self, ctx: Any) -> Any:
        """One call; None stands for success."""
        raise NotImplementedError

    def begin(self, ctx: Any) -> None:
        """A stream starts."""

    def end(self, ctx: Any) -> None:
        """A stream is over."""

    def node_name(self) -> str:
        """The node that this unit belongs to, for messages."""
        return str(getattr(self.__dict__.get("_node"), "name", "?"))

    def fail(self, message: str) -> None:
        """Have the run count as failed, without stopping the other streams."""
        node = self.__dict__.get("_node")
        engine = getattr(node, "engine", None)
        if engine is not None:
            with engine.condition:
                engine.failure = engine.failure or RunError("node %s: %s" % (self.node_name(), message))

    def open(self, config: Any) -> Any:
        return _status(self.configure, config)

    def process(self, data_context: Any) -> Any:
        return _status(self.work, data_context)

    def data_pre(self, data_context: Any) -> Any:
        return _status(self.begin, data_context)

    def data_post(self, data_context: Any) -> Any:
        return _status(self.end, data_context)

    def close(self) -> Any:
        return Status()


def _status(step: Any, argument: Any) -> Any:
    try:
        result = step(argument)
    except Refusal as refusal:
        return refusal.status
    return OK if result is None else result


# -- options -----------------------------------------------------------------
def unsigned(config: Any, key: str, default: int = 0) -> int:
    """A whole number that is not negative; anything else counts as not given."""
    number = config.get_int(key, default)
    return number if number >= 0 else default


def choice(config: Any, key: str, default: str, choices: Any) -> str:
    """One of several texts; Refusal (bad config) that lists them otherwise."""
    value = config.get_string(key, default)
    if value not in choices:
        raise Refusal(BAD_CONFIG, "option %s is '%s'; it can be %s" % (key, value, ", ".join(choices)))
    return value


# -- meta --------------------------------------------------------------------
def number_of(buffer: Buffer, key: str) -> int | None:
    """A whole number in a buffer's meta; None when there is none under this name."""
    value = buffer._meta.get(key)
    return value if type(value) is int else None


def text_of(buffer: Buffer, key: str) -> str | None:
    """A text in a buffer's meta; None when there is none under this name."""
    value = buffer._meta.get(key)
    return value if type(value) is str else None


def type_of(buffer: Buffer) -> Any:
    """The element type that a buffer says it has; None when it says nothing."""
    try:
        return buffer.get("type")
    except ValueError:
        return None
