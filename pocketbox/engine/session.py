"""Sessions: one run of data through the graph, from a source or from the program, and how it is known to be over."""
from __future__ import annotations

from collections import deque
from typing import Any

from ..sdk.buffer import Device, handle
from ..sdk.buffer_list import BufferList
from ..sdk.configuration import Configuration
from ..sdk.private import DataMeta, FlowUnitError, SessionContext
from ..sdk.status import Status, StatusCode


class Session:
    """`ends` counts the stream ends that travel; the session is over when its input is closed and none is left.

    An end is always the last item of its stream, so when no end travels, no data does.
    """

    __slots__ = ("__weakref__", "closed", "context", "ends", "engine", "error", "feeds", "inputs_open", "over", "sink")

    def __init__(self, engine: Any) -> None:
        self.engine = engine
        self.context = SessionContext()
        self.ends = 0
        self.inputs_open = 0
        self.feeds: list[Any] = []  # what can close the inputs
        self.closed = False         # no further events: sources finish, what is on its way goes through
        self.over = False
        self.error: FlowUnitError | None = None
        self.sink: Any = None       # gets the buffers of output nodes and the end of the session

    def settle(self) -> None:
        """Called with the engine's lock after ends were consumed."""
        if not self.over and self.ends == 0 and self.inputs_open == 0:
            self.over = True
            self.engine.session_over(self)


class ExternalData:
    """What a source unit feeds itself with; one session and one stream. Collected as garbage, it closes itself."""

    def __init__(self, feed: Any, device: Device) -> None:
        self._feed = feed
        self._device = device

    def create_buffer_list(self) -> BufferList:
        return BufferList(self._device)

    def send(self, buffer_list: BufferList) -> Status:
        if not isinstance(buffer_list, BufferList):
            raise TypeError("send takes a BufferList (create_buffer_list()), not %s" % type(buffer_list).__name__)
        return self._feed.send([handle(b) for b in buffer_list])

    def get_session_context(self) -> SessionContext:
        return self._feed.session.context

    def get_session_config(self) -> Configuration:
        return self._feed.session.context.get_session_config()

    def set_output_meta(self, meta: DataMeta) -> Status:
        self._feed.set_meta(meta)
        return Status()

    def close(self) -> Status:
        self._feed.close()
        return Status()

    def shutdown(self) -> Status:
        self._feed.shutdown()
        return Status()

    def __del__(self) -> None:
        self._feed.close_later()


class Outlet:
    """Where the buffers of a session's output nodes wait for the program. Guarded by the engine's condition."""

    def __init__(self, condition: Any) -> None:
        self.condition = condition
        self.items: deque[Any] = deque()
        self.over = False

    def put(self, port: str, buffers: list) -> None:
        """With the lock held: failed buffers come out empty and without the mark, as on the real engine."""
        out = []
        for buffer in buffers:
            copy = handle(buffer)
            copy._error = None
            out.append(copy)
        self.items.append((port, out))
        self.condition.notify_all()

    def end(self) -> None:
        self.over = True
        self.condition.notify_all()


def eof_error() -> FlowUnitError:
    return FlowUnitError("EOF")


def invalid_port(port: str) -> Status:
    return Status(StatusCode.STATUS_INVALID, "Send Port %s is not exist" % port)
