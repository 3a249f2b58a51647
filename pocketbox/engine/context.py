"""DataContext: what a unit's methods get. Inputs and outputs of one call, and what lasts as long as the stream."""
from __future__ import annotations

from typing import Any

from ..sdk.buffer import Buffer
from ..sdk.buffer_list import BufferList, of
from ..sdk.configuration import Configuration
from ..sdk.private import DataMeta, FlowUnitEvent, Private, SessionContext
from .seat import Seat


class DataContext(Private):
    """One object per stream for units that see streams, one per call for normal units.

    `node` gives the names of the ports. `seat` is the place of the first buffer of the call (session, stream, meta).
    """

    __slots__ = ("__weakref__", "_event", "_external", "_has_error", "_inputs", "_lane", "_meta", "_node", "_outputs",
                 "_seat")

    def __init__(self, node: Any, seat: Seat, lane: Any = None, values: dict[str, Any] | None = None) -> None:
        self._values = {} if values is None else values
        self._node = node
        self._seat = seat
        self._lane = lane
        self._inputs: list[list[Buffer]] | None = None
        self._outputs: list[BufferList] | None = None
        self._external: list[Buffer] | None = None
        self._event: FlowUnitEvent | None = None
        self._has_error = False
        self._meta: dict[str, DataMeta] | None = None

    # -- data of the call --------------------------------------------------
    def input(self, port: str) -> BufferList | None:
        """The buffers at a port; None for an unknown port, and in calls that an event caused."""
        if not isinstance(port, str):
            raise TypeError("a port is named by a text, not by %r" % (port,))
        if self._inputs is None:
            return None
        index = self._node.in_index.get(port)
        return None if index is None else of(self._inputs[index])

    def output(self, port: str) -> BufferList | None:
        """The list to push results to; None for an unknown port."""
        if self._outputs is None:
            return None
        index = self._node.out_index.get(port)
        return None if index is None else self._outputs[index]

    def external(self) -> BufferList | None:
        """What was sent through the unit's ExternalData; None for a unit with input ports."""
        return None if self._external is None else of(self._external)

    def event(self) -> FlowUnitEvent | None:
        return self._event

    def has_error(self) -> bool:
        """Whether an error buffer is among the inputs of this call."""
        return self._has_error

    # -- for the whole stream ----------------------------------------------
    def send_event(self, event: FlowUnitEvent) -> None:
        """Ask to be called again for this stream; of several events in one call the last one arrives."""
        if not isinstance(event, FlowUnitEvent):
            raise TypeError("send_event takes a FlowUnitEvent, not %s" % type(event).__name__)
        if self._lane is not None:
            self._lane.send_event(event)

    def set_private(self, key: str, obj: Any) -> None:
        self._values[key] = obj

    def get_private(self, key: str) -> Any:
        """What was stored; a missing key raises ValueError (the real engine crashes)."""
        try:
            return self._values[key]
        except KeyError:
            raise ValueError("nothing is stored in the context under %r; store it in data_pre first" % (key,)) from None

    def get_input_meta(self, port: str) -> DataMeta | None:
        """Meta of the stream at a port, as units upstream set it; None for an unknown port."""
        index = self._node.in_index.get(port)
        if index is None:
            return None
        seat = self._inputs[index][0].seat if self._inputs and self._inputs[index] else self._seat
        meta = seat.meta
        return meta if meta is not None else DataMeta()

    get_input_group_meta = get_input_meta

    def set_output_meta(self, port: str, meta: DataMeta) -> None:
        """Meta of the stream that leaves at a port; what is set first stays."""
        if meta is None:
            return
        if not isinstance(meta, DataMeta):
            raise TypeError("set_output_meta takes a DataMeta, not %s" % type(meta).__name__)
        if self._meta is None:
            self._meta = {}
        self._meta.setdefault(port, meta)

    # -- for the session ---------------------------------------------------
    def get_session_context(self) -> SessionContext:
        return self._seat.session.context

    def get_session_config(self) -> Configuration:
        """The session's settings for this node: node.NAME over flowunit.NAME over nodes."""
        config = self._seat.session.context.get_session_config()
        out = Configuration()
        for prefix in ("nodes", "flowunit." + self._node.unit_name, "node." + self._node.name):
            out.update(config.sub(prefix))
        return out
