"""Where hard examples go: a directory, an HTTP server, an S3 bucket, all behind one interface."""

from sedna_bridge.storage.bandwidth import Bandwidth
from sedna_bridge.storage.circuit import Circuit
from sedna_bridge.storage.directory import DirectoryTarget
from sedna_bridge.storage.example import Example, make_example
from sedna_bridge.storage.open import open_target, target_url
from sedna_bridge.storage.target import Target
from sedna_bridge.storage.windows import TransferWindows

__all__ = [
    "Bandwidth",
    "Circuit",
    "DirectoryTarget",
    "Example",
    "Target",
    "TransferWindows",
    "make_example",
    "open_target",
    "target_url",
]
