"""Somebody without a helmet, for too long, in a zone: an event. One Alarm per stream.

A zone is a polygon in shares of the picture ("0 0, 1 0, 1 1, 0 1" is all of it), so it holds for any resolution. A
detection is in the zone when the middle of its lower edge is. Time is media time, so a recorded video and a camera give
the same events. A detector misses a head now and then: gaps shorter than `gap` seconds do not end a sighting.
"""
from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Sequence, Tuple

import numpy as np

from edgevision.detections import Detections
from edgevision.errors import VisionError

Polygon = Tuple[Tuple[float, float], ...]
WHOLE: Polygon = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def polygon(text: str) -> Polygon:
    """A zone from its text: x y pairs in shares of the picture; empty text is the whole picture.

    >>> polygon("0 0.5; 1 0.5; 1 1; 0 1")
    ((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0))
    """
    words = [word for word in re.split(r"[\s,;\x03]+", text.strip()) if word]
    if not words:
        return WHOLE
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        numbers = []
    if len(numbers) < 6 or len(numbers) % 2 or not all(0 <= n <= 1 for n in numbers):
        raise VisionError("zone: expected at least three points such as \"0 0.5; 1 0.5; 1 1\", each number a share of "
                          "the picture from 0 to 1, got %r" % text)
    return tuple(zip(numbers[::2], numbers[1::2]))


def inside(points: np.ndarray, zone: Polygon) -> np.ndarray:
    """Which of the points (n, 2) lie in the polygon (even-odd rule)."""
    x, y = points[:, 0], points[:, 1]
    found = np.zeros(len(points), bool)
    for (x1, y1), (x2, y2) in zip(zone, zone[1:] + zone[:1]):
        if y1 == y2:
            continue
        crosses = (y1 > y) != (y2 > y)
        found ^= crosses & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return found


@dataclass(frozen=True)
class AlarmRule:
    """`seconds` is how long it must last; `again` how long the same alarm is silent afterwards."""

    watched: tuple[str, ...] = ("helmet_off",)
    zone: Polygon = WHOLE
    seconds: float = 3.0
    gap: float = 1.0
    again: float = 60.0
    score: float = 0.0

    def __post_init__(self) -> None:
        for name in ("seconds", "gap", "again", "score"):
            if getattr(self, name) < 0:
                raise VisionError("%s: expected a number of at least 0, got %r" % (name, getattr(self, name)))
        if not self.watched:
            raise VisionError("classes: expected at least one class to watch for")


@dataclass(frozen=True)
class Event:
    """Raised when a sighting has lasted long enough: since when (media time in ms), how long, what is seen now."""

    since: int
    timestamp: int
    seconds: float
    detections: Detections


class Alarm:
    """Told of every frame's detections, in order of time."""

    def __init__(self, rule: AlarmRule) -> None:
        self.rule = rule
        self._since: int | None = None
        self._seen = 0
        self._silent_until = float("-inf")

    def look(self, timestamp: int, detections: Detections, classes: Sequence[str], width: int,
             height: int) -> Event | None:
        """The event that this frame raises, if any."""
        found = self.watched(detections, classes, width, height)
        if self._since is not None and timestamp - self._seen > self.rule.gap * 1000:
            self._since = None
        if self._since is not None and timestamp < self._seen:  # the source began anew
            self._since, self._silent_until = None, float("-inf")
        if not len(found):
            return None
        if self._since is None:
            self._since = timestamp
        self._seen = timestamp
        lasted = (timestamp - self._since) / 1000
        if lasted < self.rule.seconds or timestamp < self._silent_until:
            return None
        self._silent_until = timestamp + self.rule.again * 1000
        return Event(self._since, timestamp, lasted, found)

    def watched(self, detections: Detections, classes: Sequence[str], width: int, height: int) -> Detections:
        """The detections of the watched classes in the zone."""
        numbers: list[int] = [k for k, name in enumerate(classes) if name in self.rule.watched]
        chosen = detections.pick(np.isin(detections.classes, numbers)).above(self.rule.score)
        if not len(chosen):
            return chosen
        feet = np.stack(((chosen.boxes[:, 0] + chosen.boxes[:, 2]) / 2 / width,
                         np.minimum(chosen.boxes[:, 3], height - 0.5) / height), axis=1)
        return chosen.pick(inside(feet, self.rule.zone))
