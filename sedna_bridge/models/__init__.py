"""The model store, and the swap machine that brings its versions into use between two frames.

    store    ModelStore: versions by content, one atomic pointer, pins, leases; `take_in` is its only door
    sources  where models come from; `source_from` makes one from a text
    swap     SwapMachine walks the table in states.py; SwapWorker runs it beside the frames, which see a Switchboard
    runtime  Runtime: what a user of this package implements to load models and judge frames

docs/hot-swap.md tells the whole story.
"""

from .archive import Limits, pack, unpack
from .download import Patience, download
from .errors import (
    BadArchive,
    BadModelFile,
    BadSignature,
    ModelError,
    RejectedModel,
    SourceError,
    StoreBusy,
    StoreError,
)
from .intake import Parcel, seed, take_in
from .judging import Gate
from .line import AVAILABILITY, MEMORY, Line
from .machine import SwapMachine
from .offers import Offer
from .onnx_wire import inspect_bytes, inspect_onnx
from .orders import ACTIVATE, ROLLBACK, Order, Orders, apply_at_rest
from .probation import Terms
from .probe import ProbeLimits, probe
from .record import FileEntry, VersionRecord
from .reports import Reports
from .runtime import Judged, Runtime
from .sources import DropFolder, HotUpdateFile, InferenceModel, Source, WebModel, source_from
from .store import ModelFolder, ModelStore, Pointer
from .sweep import sweep
from .switchboard import Stamp, Switchboard, publish, published, withdraw
from .trust import Trust
from .worker import SwapWorker

__all__ = [
    "ACTIVATE",
    "AVAILABILITY",
    "MEMORY",
    "ROLLBACK",
    "BadArchive",
    "BadModelFile",
    "BadSignature",
    "DropFolder",
    "FileEntry",
    "Gate",
    "HotUpdateFile",
    "InferenceModel",
    "Judged",
    "Limits",
    "Line",
    "ModelError",
    "ModelFolder",
    "ModelStore",
    "Offer",
    "Order",
    "Orders",
    "Parcel",
    "Patience",
    "Pointer",
    "ProbeLimits",
    "RejectedModel",
    "Reports",
    "Runtime",
    "Source",
    "SourceError",
    "Stamp",
    "StoreBusy",
    "StoreError",
    "SwapMachine",
    "SwapWorker",
    "Switchboard",
    "Terms",
    "Trust",
    "VersionRecord",
    "WebModel",
    "apply_at_rest",
    "download",
    "inspect_bytes",
    "inspect_onnx",
    "pack",
    "probe",
    "publish",
    "published",
    "seed",
    "source_from",
    "sweep",
    "take_in",
    "unpack",
    "withdraw",
]
