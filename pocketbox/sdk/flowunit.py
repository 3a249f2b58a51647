"""FlowUnit: the base class of every Python unit."""
from __future__ import annotations

from typing import Any

import numpy as np

from .buffer import Buffer, Device


class FlowUnit:
    """Override open, process and close; units that see streams also data_pre and data_post.

    A class that defines `__init__` calls `super().__init__()` first.
    """

    def __init__(self) -> None:
        self.__dict__["_pocketbox_made"] = True

    def _bind(self, node: Any, device: Device, is_source: bool) -> None:
        self.__dict__["_node"] = node
        self.__dict__["_device"] = device
        self.__dict__["_is_source"] = is_source

    def open(self, config: Any) -> Any:
        raise _pure("FlowUnit::open")

    def close(self) -> Any:
        raise _pure("FlowUnit::close")

    def process(self, data_context: Any) -> Any:
        raise _pure("IFlowUnit::process")

    def data_pre(self, data_context: Any) -> Any:
        raise _pure("IFlowUnit::data_pre")

    def data_post(self, data_context: Any) -> Any:
        raise _pure("IFlowUnit::data_post")

    def data_group_pre(self, data_context: Any) -> Any:
        raise _pure("IFlowUnit::data_group_pre")

    def data_group_post(self, data_context: Any) -> Any:
        raise _pure("IFlowUnit::data_group_post")

    def get_bind_device(self) -> Device:
        return self.__dict__.get("_device") or Device()

    def create_buffer(self, data: Any) -> Buffer:
        """A buffer around an array or another object with memory (for a text, use Buffer)."""
        if isinstance(data, (str, list)) and not isinstance(data, np.generic):
            raise TypeError("create_buffer takes an array; use Buffer(self.get_bind_device(), data) for the rest")
        return Buffer(self.get_bind_device(), data)

    def create_external_data(self) -> Any:
        """A way to feed data in, for a unit without input ports; None for the others."""
        if not self.__dict__.get("_is_source"):
            return None
        return self.__dict__["_node"].create(self.get_bind_device())


def _pure(name: str) -> RuntimeError:
    return RuntimeError('Tried to call pure virtual function "%s"' % name)
