"""Plots as SVG text: lines, marks and bands on axes. Small, without any library, and sharp in every browser."""
from __future__ import annotations

import math
from html import escape
from typing import Sequence

Points = Sequence[tuple]
WIDTH, HEIGHT = 720, 260
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 28, 40
COLOURS = {"day": "#d98e04", "night": "#3457a6", "plain": "#2b7a5b", "bad": "#c0392b", "quiet": "#999999"}


class Chart:
    """Axes of given ranges; what is added is drawn in that order."""

    def __init__(self, title: str, across: tuple[float, float], up: tuple[float, float], across_name: str = "",
                 up_name: str = "") -> None:
        self.title = title
        self.across = across if across[1] > across[0] else (across[0], across[0] + 1)
        self.up = up if up[1] > up[0] else (up[0], up[0] + 1)
        self._parts: list[str] = []
        self._legend: list[tuple[str, str]] = []
        self._axes(across_name, up_name)

    def x(self, value: float) -> float:
        low, high = self.across
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        low, high = self.up
        share = min(1.0, max(0.0, (value - low) / (high - low)))
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    def line(self, points: Points, colour: str, name: str = "", dots: bool = False) -> None:
        pairs = [(self.x(x), self.y(y)) for x, y in points if not math.isnan(y)]
        path = " ".join("%.1f,%.1f" % pair for pair in pairs)
        self._parts.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>' % (path, colour))
        if dots:
            self.dots(points, colour, 4)
        if name:
            self._legend.append((name, colour))

    def dots(self, points: Points, colour: str, radius: float = 2, name: str = "") -> None:
        for x, y in points:
            self._parts.append('<circle cx="%.1f" cy="%.1f" r="%.1f" fill="%s"><title>%g, %.4g</title></circle>' % (
                self.x(x), self.y(y), radius, colour, x, y))
        if name:
            self._legend.append((name, colour))

    def cross(self, x: float, y: float, text: str) -> None:
        left, top = self.x(x), self.y(y)
        self._parts.append('<path d="M%.1f %.1f l10 10 m0 -10 l-10 10" stroke="%s" stroke-width="3">'
                           "<title>%s</title></path>" % (left - 5, top - 5, COLOURS["bad"], escape(text)))

    def upright(self, x: float, text: str, colour: str = COLOURS["plain"]) -> None:
        """A line from top to bottom with a word at its head."""
        place = self.x(x)
        self._parts.append('<path d="M%.1f %d V%d" stroke="%s" stroke-dasharray="4 3"/>' % (
            place, TOP, HEIGHT - BOTTOM, colour))
        self._parts.append('<text x="%.1f" y="%d" fill="%s" text-anchor="middle">%s</text>' % (
            place, TOP - 4, colour, escape(text)))

    def band(self, start: float, end: float, colour: str, opacity: float = 0.12) -> None:
        self._parts.append('<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s" opacity="%.3f"/>' % (
            self.x(start), TOP, max(0.0, self.x(end) - self.x(start)), HEIGHT - TOP - BOTTOM, colour, opacity))

    def svg(self) -> str:
        legend = []
        place = LEFT + 8
        for name, colour in self._legend:
            legend.append('<rect x="%d" y="%d" width="12" height="4" fill="%s"/><text x="%d" y="%d">%s</text>' % (
                place, HEIGHT - 10, colour, place + 16, HEIGHT - 4, escape(name)))
            place += 34 + 7 * len(name)
        return ('<figure><figcaption>%s</figcaption><svg viewBox="0 0 %d %d" role="img" font-size="12" '
                'font-family="sans-serif">%s%s</svg></figure>' % (
                    escape(self.title), WIDTH, HEIGHT, "".join(self._parts), "".join(legend)))

    def _axes(self, across_name: str, up_name: str) -> None:
        for value in steps(*self.up):
            self._parts.append('<path d="M%d %.1f H%d" stroke="#e3e3e3"/><text x="%d" y="%.1f" text-anchor="end">%g'
                               "</text>" % (LEFT, self.y(value), WIDTH - RIGHT, LEFT - 6, self.y(value) + 4, value))
        for value in steps(*self.across, whole=across_name == "round"):
            self._parts.append('<text x="%.1f" y="%d" text-anchor="middle">%g</text>' % (
                self.x(value), HEIGHT - BOTTOM + 15, value))
        self._parts.append('<text x="%d" y="%d" text-anchor="end" fill="#666">%s</text>' % (
            WIDTH - RIGHT, HEIGHT - 6, escape(across_name)))
        self._parts.append('<text x="4" y="14" fill="#666">%s</text>' % escape(up_name))


def steps(low: float, high: float, about: int = 6, whole: bool = False) -> list[float]:
    """Round numbers that divide a range.

    >>> steps(0, 1)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = min((factor * power for factor in (1, 2, 5, 10)), key=lambda size: abs(size - raw))
    step = max(1.0, step) if whole else step
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 10) for number in range(first, math.floor(high / step + 1e-9) + 1)]
