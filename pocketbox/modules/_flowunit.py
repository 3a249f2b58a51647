"""The embedded `_flowunit`: what ModelBox offers inside a flowunit."""
from pocketbox.engine.context import DataContext
from pocketbox.engine.session import ExternalData
from pocketbox.sdk.buffer import Buffer, Device
from pocketbox.sdk.buffer_list import BufferList
from pocketbox.sdk.configuration import Configuration
from pocketbox.sdk.flowunit import FlowUnit
from pocketbox.sdk.log import debug, error, fatal, info, notice, set_log_level, warn
from pocketbox.sdk.private import DataMeta, FlowUnitError, FlowUnitEvent, SessionContext
from pocketbox.sdk.status import Status

__all__ = [
    "Buffer", "BufferList", "Configuration", "DataContext", "DataMeta", "Device", "ExternalData", "FlowUnit",
    "FlowUnitError", "FlowUnitEvent", "SessionContext", "Status", "debug", "error", "fatal", "info", "notice",
    "set_log_level", "warn",
]
