"""What a camera meets: the knobs of a scene, their presets, and schedules that drift from one to another."""
from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Sequence

from edgevision.errors import SceneError


@dataclass(frozen=True)
class Domain:
    """How hard the world is. Every knob runs from 0 (none) to 1 (as much as the generator has).

    night: darkness, lamps and the cold cast of a dark sensor.  rain: streaks and flat light.  haze: fog that grows with
    distance.  noise: sensor noise in good light.  new_colours: share of helmets in colours that the day set never has.
    traps: share of bare heads under a cap or a hood, and of round things that are no helmets.  crowding: people per
    picture and how close they stand.  distance: how far away they are.
    """

    night: float = 0.0
    rain: float = 0.0
    haze: float = 0.0
    noise: float = 0.25
    new_colours: float = 0.0
    traps: float = 0.25
    crowding: float = 0.45
    distance: float = 0.75

    def __post_init__(self) -> None:
        for knob in fields(self):
            value = getattr(self, knob.name)
            if not isinstance(value, (int, float)) or not 0 <= value <= 1:
                raise SceneError("domain knob %s: expected a number from 0 to 1, got %r" % (knob.name, value))

    def permille(self, knob: str) -> int:
        """A knob as a whole number, so that drawing never compares floats."""
        return int(getattr(self, knob) * 1000 + 0.5)

    def towards(self, other: Domain, share: float) -> Domain:
        """The domain `share` of the way (0 to 1) from this one to the other."""
        share = min(1.0, max(0.0, share))
        mixed = {k.name: getattr(self, k.name) + (getattr(other, k.name) - getattr(self, k.name)) * share
                 for k in fields(self)}
        return Domain(**{name: min(1.0, max(0.0, value)) for name, value in mixed.items()})

    def with_(self, **knobs: float) -> Domain:
        try:
            return replace(self, **knobs)
        except TypeError:
            known = [k.name for k in fields(self)]
            raise SceneError("unknown domain knob in %s; the knobs are %s" % (
                sorted(knobs), ", ".join(known))) from None

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


PRESETS: dict[str, Domain] = {
    "day": Domain(),
    "dusk": Domain(night=0.5, noise=0.35),
    "night": Domain(night=1.0, noise=0.45),
    "rain": Domain(rain=0.9, haze=0.3, noise=0.25),
    "haze": Domain(haze=0.9),
    "noisy": Domain(noise=1.0),
    "new_colours": Domain(new_colours=1.0),
    "traps": Domain(traps=0.8),
    "crowd": Domain(crowding=1.0),
    "far": Domain(distance=1.0),
    "rainy_night": Domain(night=0.85, rain=0.8, haze=0.3, noise=0.4),
}


def domain_of(name: str | Domain) -> Domain:
    """A preset by its name; a Domain passes through."""
    if isinstance(name, Domain):
        return name
    if name not in PRESETS:
        raise SceneError("unknown domain %r; the presets are %s" % (name, ", ".join(PRESETS)))
    return PRESETS[name]


class Schedule:
    """Which domain holds at which second: straight lines between stated points, flat outside them.

    >>> Schedule([(0, "day"), (60, "night")]).at(30).night
    0.5
    """

    def __init__(self, points: Sequence[tuple[float, str | Domain]]) -> None:
        if not points:
            raise SceneError("a schedule needs at least one (second, domain) point")
        self.points: list[tuple[float, Domain]] = [(float(second), domain_of(domain)) for second, domain in points]
        if any(later[0] <= earlier[0] for earlier, later in zip(self.points, self.points[1:])):
            raise SceneError("a schedule's seconds must grow: got %s" % [second for second, _ in self.points])

    @classmethod
    def of(cls, what: Schedule | Domain | str | Sequence[tuple[float, str | Domain]]) -> Schedule:
        if isinstance(what, Schedule):
            return what
        if isinstance(what, (str, Domain)):
            return cls([(0.0, what)])
        return cls(what)

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """From a domain's name, or SECOND:DOMAIN points with commas or semicolons between them.

        >>> Schedule.parse("0:day, 60:night").at(30).night
        0.5
        """
        points = [point.strip() for point in text.replace(";", ",").split(",") if point.strip()]
        if len(points) == 1 and ":" not in points[0]:
            return cls.of(points[0])
        split = [point.partition(":") for point in points]
        try:
            return cls([(float(second), domain.strip()) for second, _, domain in split])
        except ValueError:
            raise SceneError("schedule %r: expected a domain, or SECOND:DOMAIN,SECOND:DOMAIN" % text) from None

    def at(self, second: float) -> Domain:
        before = self.points[0]
        for point in self.points:
            if point[0] > second:
                span = point[0] - before[0]
                return before[1] if span <= 0 else before[1].towards(point[1], (second - before[0]) / span)
            before = point
        return before[1]
