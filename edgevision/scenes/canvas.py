"""The drawing board: twice as fine as the picture, with a fourth channel that says to which object a pixel belongs.

Drawing colour and owner in one stroke makes occlusion exact and free: what is left of an object's owner pixels at the
end is what can be seen of it.
"""
from __future__ import annotations

from typing import NamedTuple, Sequence, Tuple

import cv2
import numpy as np

Colour = Tuple[int, int, int]
FINE = 2  # drawing board pixels per picture pixel
GROUND = 0  # the owner of what is nobody's


class Label(NamedTuple):
    """One object in a picture: pixel edges, x2 and y2 just outside, and the number of its class."""

    x1: int
    y1: int
    x2: int
    y2: int
    cls: int


class _Thing:
    """An object while it is drawn: where its strokes went and how many pixels they left."""

    __slots__ = ("area", "box", "cls", "inside", "owners")

    def __init__(self, cls: int, owners: tuple[int, ...]) -> None:
        self.cls = cls
        self.owners = owners
        self.box = (0, 0, 0, 0)
        self.area = 0
        self.inside = 1000


_ANGLES = 24
_CIRCLE = [(round(1000 * float(np.cos(2 * np.pi * k / _ANGLES))), round(1000 * float(np.sin(2 * np.pi * k / _ANGLES))))
           for k in range(_ANGLES)]
CIRCLE = np.array(_CIRCLE, np.int64)
DOME = np.array([(x, y) for x, y in [*_CIRCLE[12:], _CIRCLE[0]]], np.int64)  # the upper half: y is negative


class Canvas:
    """Draws filled shapes in board pixels; `thing` opens an object, `labels` says what can still be seen."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width * FINE
        self.height = height * FINE
        self.board = np.zeros((self.height, self.width, 4), np.uint8)
        self._things: list[_Thing] = []
        self._owner = GROUND
        self._next = 1
        self._extent: list[int] = []

    def begin(self) -> int:
        """From here on strokes belong to a new owner, whose number is returned."""
        if self._next > 255:
            raise ValueError("a canvas holds at most 255 owners")
        self._owner = self._next
        self._next += 1
        self._extent = [1 << 30, 1 << 30, -(1 << 30), -(1 << 30)]
        return self._owner

    @property
    def room(self) -> int:
        """How many owners can still be drawn."""
        return 256 - self._next

    def resume(self, owner: int) -> None:
        """Strokes belong to an earlier owner again (its extent starts anew)."""
        self._owner = owner
        self._extent = [1 << 30, 1 << 30, -(1 << 30), -(1 << 30)]

    def end(self) -> tuple[int, int, int, int]:
        """Strokes are nobody's again; returns the extent of the strokes since begin, also outside the picture."""
        extent = self._extent
        self._owner = GROUND
        self._extent = []
        return extent[0], extent[1], extent[2], extent[3]

    def label(self, cls: int, owners: tuple[int, ...], extents: Sequence[tuple[int, int, int, int]]) -> None:
        """Declare an object of a class, made of owners whose strokes reached `extents`. Call right after drawing it."""
        thing = _Thing(cls, owners)
        x1 = min(e[0] for e in extents)
        y1 = min(e[1] for e in extents)
        x2 = max(e[2] for e in extents)
        y2 = max(e[3] for e in extents)
        cx1, cy1, cx2, cy2 = max(0, x1), max(0, y1), min(self.width, x2), min(self.height, y2)
        if cx2 <= cx1 or cy2 <= cy1:
            return
        thing.box = (cx1, cy1, cx2, cy2)
        thing.inside = 1000 * (cx2 - cx1) * (cy2 - cy1) // max(1, (x2 - x1) * (y2 - y1))
        thing.area = self._count(thing)
        self._things.append(thing)

    def polygon(self, points: np.ndarray, colour: Colour) -> None:
        """Fill a convex polygon given as an (n, 2) array of board pixels.

        fillConvexPoly and not fillPoly: the edges of the latter differ between OpenCV 4 and 5.
        """
        shape = np.ascontiguousarray(points, np.int32)
        cv2.fillConvexPoly(self.board, shape, (colour[0], colour[1], colour[2], self._owner))
        if self._extent:
            low = shape.min(axis=0)
            high = shape.max(axis=0)
            self._grow(int(low[0]), int(low[1]), int(high[0]) + 1, int(high[1]) + 1)

    def quad(self, points: Sequence[tuple[int, int]], colour: Colour) -> None:
        """Fill a convex polygon given as corners."""
        cv2.fillConvexPoly(self.board, np.array(points, np.int32), (colour[0], colour[1], colour[2], self._owner))
        if self._extent:
            xs = [p[0] for p in points]
            ys = [p[1] for p in points]
            self._grow(min(xs), min(ys), max(xs) + 1, max(ys) + 1)

    def limb(self, x1: int, y1: int, x2: int, y2: int, thick: int, colour: Colour) -> None:
        """A straight limb with flat ends, as a polygon: line widths differ between OpenCV releases, polygons do not."""
        dx, dy = x2 - x1, y2 - y1
        length = max(1, round((dx * dx + dy * dy) ** 0.5))
        nx, ny = -dy * thick // (2 * length), dx * thick // (2 * length)
        self.quad([(x1 + nx, y1 + ny), (x2 + nx, y2 + ny), (x2 - nx, y2 - ny), (x1 - nx, y1 - ny)], colour)

    def ellipse(self, x: int, y: int, rx: int, ry: int, colour: Colour, outline: np.ndarray = CIRCLE) -> None:
        self.polygon(outline * (rx, ry) // 1000 + (x, y), colour)

    def rect(self, x1: int, y1: int, x2: int, y2: int, colour: Colour) -> None:
        """Fill x1 <= x < x2, y1 <= y < y2."""
        board = self.board
        if x2 > x1 and y2 > y1:
            board[max(0, y1):max(0, y2), max(0, x1):max(0, x2)] = (colour[0], colour[1], colour[2], self._owner)
            if self._extent:
                self._grow(x1, y1, x2, y2)

    def _grow(self, x1: int, y1: int, x2: int, y2: int) -> None:
        extent = self._extent
        extent[0] = min(extent[0], x1)
        extent[1] = min(extent[1], y1)
        extent[2] = max(extent[2], x2)
        extent[3] = max(extent[3], y2)

    def _count(self, thing: _Thing) -> int:
        x1, y1, x2, y2 = thing.box
        part = self.board[y1:y2, x1:x2, 3]
        return sum(int(np.count_nonzero(part == owner)) for owner in thing.owners)

    def labels(self, keep: dict[int, int], smallest: int) -> list[Label]:
        """What can be seen: `keep` is the least visible share (in 1000) for each class, `smallest` the least height.

        The box is the whole object's, cut at the picture's edges, as a person would draw it; a hidden part counts.
        """
        seen = []
        for thing in self._things:
            share = thing.inside * self._count(thing) // max(1, thing.area)
            x1, y1, x2, y2 = thing.box
            box = (x1 // FINE, y1 // FINE, -(-x2 // FINE), -(-y2 // FINE))
            if thing.area and share >= keep[thing.cls] and box[3] - box[1] >= smallest and box[2] - box[0] >= smallest:
                seen.append(Label(*box, thing.cls))
        return seen

    def picture(self) -> np.ndarray:
        """The board at the picture's own size: each pixel the rounded mean of its FINE x FINE board pixels."""
        small = cv2.resize(self.board, (self.width // FINE, self.height // FINE), interpolation=cv2.INTER_AREA)
        return cv2.cvtColor(small, cv2.COLOR_BGRA2BGR)
