"""The embedded `modelbox`: what ModelBox offers to a program that builds and feeds graphs."""
from pocketbox.dynamic import DataHandler, ModelBoxEngine
from pocketbox.engine.context import DataContext
from pocketbox.engine.session import ExternalData
from pocketbox.flow import ExternalDataMap, ExtOutputBufferList, Flow, FlowStreamIO
from pocketbox.flowdesc import FlowGraphDesc, FlowNodeDesc, FlowPortDesc
from pocketbox.model import Model
from pocketbox.sdk.buffer import Buffer, Device
from pocketbox.sdk.buffer_list import BufferList
from pocketbox.sdk.configuration import Configuration
from pocketbox.sdk.log import Log, Logger, debug, error, fatal, info, notice, set_log_level, warn
from pocketbox.sdk.private import DataMeta, FlowUnitError, FlowUnitEvent, SessionContext
from pocketbox.sdk.status import Status

__all__ = [
    "Buffer", "BufferList", "Configuration", "DataContext", "DataHandler", "DataMeta", "Device", "ExtOutputBufferList",
    "ExternalData", "ExternalDataMap", "Flow", "FlowGraphDesc", "FlowNodeDesc", "FlowPortDesc",
    "FlowStreamIO", "FlowUnitError", "FlowUnitEvent", "Log", "Logger", "Model", "ModelBoxEngine", "SessionContext",
    "Status", "debug", "error", "fatal", "info", "notice", "set_log_level", "warn",
]
