"""Datasets: read, check, count, show, convert, split and append, in the formats that people and Sedna have."""

from sedna_bridge.datasets.errors import DatasetFormatError, Problem
from sedna_bridge.datasets.formats import FORMATS, convert, guess, read, read_samples
from sedna_bridge.datasets.samples import HELMET_CLASSES, Box, LabelledSet, Sample

__all__ = [
    "FORMATS",
    "HELMET_CLASSES",
    "Box",
    "DatasetFormatError",
    "LabelledSet",
    "Problem",
    "Sample",
    "convert",
    "guess",
    "read",
    "read_samples",
]
