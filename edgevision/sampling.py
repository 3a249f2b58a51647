"""Which frames of a stream go on, and why the others do not. One Sampler per stream."""
from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable

import cv2
import numpy as np

from edgevision.errors import VisionError
from edgevision.frame import Frame

MODES = ("every", "fps", "motion", "newest")
_WIDTH = 96  # motion is looked for in a picture of this width


@dataclass(frozen=True)
class Rule:
    """every: each n-th. fps: so many a second of media time. motion: where at least `area` of the picture changed by
    `level` grey levels, and in any case once in `quiet` seconds. newest: nothing older than `age` seconds, and of the
    frames that wait together only the newest."""

    mode: str = "every"
    n: int = 1
    fps: float = 5.0
    area: float = 0.005
    level: int = 20
    quiet: float = 10.0
    age: float = 0.5

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise VisionError("mode: expected one of %s, got %r" % (", ".join(MODES), self.mode))
        for name, low in (("n", 1), ("fps", 0), ("quiet", 0), ("age", 0)):
            got = getattr(self, name)
            if got < low or (name != "n" and got == 0):
                raise VisionError("%s: expected a number above 0, got %r" % (name, got))
        if not 0 < self.area <= 1:
            raise VisionError("area: expected a share of the picture, above 0 and at most 1, got %r" % self.area)
        if not 1 <= self.level <= 255:
            raise VisionError("level: expected grey levels from 1 to 255, got %r" % self.level)


class Sampler:
    """Asked about each frame in turn; gives the reason why a frame is dropped, or "" when it goes on.

    >>> sampler = Sampler(Rule("every", n=3))
    >>> [sampler.reason(k) for k in range(4)]
    ['', 'sampled', 'sampled', '']
    """

    def __init__(self, rule: Rule, clock: Callable[[], float] = time.time) -> None:
        self.rule = rule
        self._clock = clock
        self._seen = 0
        self._due = float("-inf")
        self._last_passed = float("-inf")
        self._before: np.ndarray | None = None

    def reason(self, timestamp: int, wall_time: float | None = None, frame: Frame | None = None,
               newer: int = 0) -> str:
        """`timestamp` is media time in ms, `newer` how many newer frames of the stream wait already."""
        rule = self.rule
        self._seen += 1
        if rule.mode == "every":
            return "" if (self._seen - 1) % rule.n == 0 else "sampled"
        if rule.mode == "fps":
            return self._by_rate(timestamp)
        if rule.mode == "newest":
            if newer:
                return "overtaken"
            return "stale" if wall_time is not None and self._clock() - wall_time > rule.age else ""
        return self._by_motion(timestamp, frame)

    def _by_rate(self, timestamp: int) -> str:
        step = 1000.0 / self.rule.fps
        late = timestamp - self._due
        if -2 * step < late < -0.5:
            return "sampled"
        # On to the next place in the raster, so that 10 of 25 frames a second are exactly 10, not 8.3; a gap or a
        # source that began anew starts a new raster.
        self._due = self._due + step if -0.5 <= late < step else timestamp + step
        return ""

    def _by_motion(self, timestamp: int, frame: Frame | None) -> str:
        if frame is None:
            raise VisionError("motion needs the frame itself")
        small = self._small(frame)
        before, self._before = self._before, small if self._before is None else self._before
        since = (timestamp - self._last_passed) / 1000
        moved = before is None or before.shape != small.shape or self._changed(before, small)
        if moved or since >= self.rule.quiet or since < 0:
            self._before = small
            self._last_passed = timestamp
            return ""
        return "still"

    def _changed(self, before: np.ndarray, now: np.ndarray) -> bool:
        # Light that grows or fades over the whole picture is no motion: its mean is taken out.
        shift = float(now.mean()) - float(before.mean())
        difference = np.abs(now.astype(np.float32) - before - shift)
        return float((difference > self.rule.level).mean()) >= self.rule.area

    @staticmethod
    def _small(frame: Frame) -> np.ndarray:
        grey = frame.gray()
        height = max(1, round(frame.height * _WIDTH / frame.width))
        small = cv2.resize(np.ascontiguousarray(grey), (min(_WIDTH, frame.width), min(height, frame.height)),
                           interpolation=cv2.INTER_AREA)
        return cv2.GaussianBlur(small, (3, 3), 0)
