"""Tests for flowunits: drive one unit in a plain test, or a whole graph between a source and a sink of your own.

    unit = UnitUnderTest("flowunits/invert", config={"by": 255})
    out = unit.process({"in": [picture]})["out"]

The rules are those of the engine, because the engine's own nodes apply them: ports, batches, counts, return types, the
order of data_pre, process and data_post. What a unit does wrong is raised as an error that names it.
"""
from __future__ import annotations

from .clock import FakeClock
from .graph import Sink, Source, run_graph
from .numbered import frames, number_in, numbers
from .sdk import sdk
from .unit import UnitStream, UnitUnderTest

__all__ = ["FakeClock", "Sink", "Source", "UnitStream", "UnitUnderTest", "frames", "number_in", "numbers", "run_graph",
           "sdk"]
