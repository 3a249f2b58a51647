"""The other end: a small server that receives hard examples and keeps each once."""

from sedna_bridge.cloud.server import CloudServer
from sedna_bridge.cloud.store import ExampleStore

__all__ = ["CloudServer", "ExampleStore"]
