"""ModelBox's built-in CPU units, and inference with ONNX files: `descriptors()` lists them.

Listing is cheap: the module of a unit, and with it OpenCV, PyAV or onnxruntime, is imported when a graph opens it.
"""
from __future__ import annotations

from ..descriptor import Descriptor
from .table import UNITS, describe


def descriptors() -> list[Descriptor]:
    """The descriptors of all built-in units, in the order of their names."""
    return [describe(unit) for unit in UNITS]


__all__ = ["descriptors"]
