"""What a reader gives: frames with their place in the stream, and at last why they ended."""
from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from edgevision.frame import Frame

USUAL_RATE = Fraction(25)  # frames per second of a source that does not say


class Shot(NamedTuple):
    """A frame with its place in the stream: number from 0, media time in ms, and how many degrees it is turned."""

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody asks of a frame
    timestamp: int
    frame: Frame
    rotation: int = 0


class End(NamedTuple):
    """Why the frames ended. reason: "end", "cut" (damaged or shorter than it says), "stalled" (read deadline),
    "failed" (the source broke off) or "closed"."""

    reason: str
    detail: str
