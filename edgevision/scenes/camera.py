"""A camera on a building site: numbered frames in which people walk about, take helmets off, and night falls.

Every frame is a function of its number alone. So a video can be entered anywhere, two processes can share one camera,
and a frame that was lost can be drawn again.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, Sequence

import numpy as np

from edgevision.errors import SceneError
from edgevision.scenes import site, weather
from edgevision.scenes.canvas import Canvas, Label
from edgevision.scenes.dice import Dice
from edgevision.scenes.domain import Domain, Schedule
from edgevision.scenes.people import CLASSES, LEFT, RIGHT, Look, Pose, draw_person, helmet_colour
from edgevision.scenes.scene import (
    SIZE,
    Job,
    check_size,
    crowd_size,
    finish,
    lying_helmet,
    nearest,
    person_height,
    render,
    thing,
)

_LIFE = 14_000  # ms that one person is on the site before another takes the place


@dataclass(frozen=True)
class CameraFrame:
    """One frame: its number, its time in ms, its pixels, what can be seen in it, and the domain it was drawn in."""

    index: int
    timestamp: int
    bgr: np.ndarray
    labels: list[Label]
    domain: Domain


class Camera:
    """A fixed camera. `schedule` is a domain, a preset's name, or (second, domain) points to drift through.

    >>> for frame in Camera(3, [(0, "day"), (60, "night")], fps=10, frames=2):
    ...     print(frame.index, frame.timestamp)
    0 0
    1 100
    """

    classes = CLASSES

    def __init__(self, seed: int, schedule: Schedule | Domain | str | Sequence[tuple[float, str | Domain]] = "day",
                 fps: float = 25.0, size: tuple[int, int] = SIZE, frames: int | None = None) -> None:
        if not 0 < fps <= 1000:
            raise SceneError("a camera's fps must be above 0 and at most 1000, got %r" % (fps,))
        self.seed = int(seed)
        self.schedule = Schedule.of(schedule)
        self.fps = fps
        self.size = check_size(size)
        self.frames = frames
        dice = Dice(self.seed, 4)
        width, height = self.size
        canvas = Canvas(width, height)
        self._horizon = canvas.height * dice.between(220, 340) // 1000
        self._near = nearest(self.schedule.at(0), canvas.height, dice)
        site.draw_backdrop(canvas, dice, self._horizon)
        self._lamps = weather.lamps_of(dice, width, height)
        self._exposure = dice.between(900, 1060)
        self._standing = self._things(dice, canvas.width, canvas.height)
        self._backdrop = canvas.board

    def __iter__(self) -> Iterator[CameraFrame]:
        index = 0
        while self.frames is None or index < self.frames:
            yield self.frame(index)
            index += 1

    def frame(self, index: int) -> CameraFrame:
        timestamp = int(index * 1000 / self.fps + 0.5)
        domain = self.schedule.at(timestamp / 1000)
        canvas = Canvas(*self.size)
        canvas.board[:] = self._backdrop
        crowd = crowd_size(domain, Dice(self.seed, 5))
        jobs = list(self._standing)
        for place in range(crowd):
            jobs += self._person(place, timestamp, canvas.width, canvas.height)
        jobs += self._lying(canvas.width, canvas.height)
        render(canvas, jobs)
        picture = finish(canvas, domain, Dice(self.seed, 6, index), self._lamps, self._horizon, self._exposure)
        return CameraFrame(index, timestamp, picture.bgr, picture.labels, domain)

    def _row_height(self, row: int, height: int) -> int:
        return person_height(row, self._horizon, height, self._near)

    def _first_row(self, height: int) -> int:
        return min(self._horizon + (height - self._horizon) * (height * 130 // 1000) // max(1, self._near), height - 2)

    def _things(self, dice: Dice, width: int, height: int) -> list[Job]:
        jobs = []
        for _ in range(dice.between(2, 5)):
            row = dice.between(self._first_row(height), height)
            jobs.append(Job(row, thing(dice.between(0, site.THINGS - 1), dice.between(0, width), row,
                                       self._row_height(row, height), dice.between(0, 1 << 30))))
        return jobs

    def _lying(self, width: int, height: int) -> list[Job]:
        dice = Dice(self.seed, 7)
        domain = self.schedule.at(0)
        jobs = []
        for _ in range(dice.between(0, 2)):
            row = dice.between(self._first_row(height), height)
            jobs.append(Job(row, lying_helmet(dice.between(0, width), row, self._row_height(row, height),
                                              helmet_colour(dice, domain), dice.between(0, 3), dice.chance(300),
                                              dice.between(0, 1 << 30))))
        return jobs

    def _person(self, place: int, timestamp: int, width: int, height: int) -> list[Job]:
        """The person who is at a place of the crowd at this time; if he took his helmet off, he carries it."""
        ahead = Dice(self.seed, 8, place).between(0, _LIFE - 1)
        life, age = divmod(timestamp + ahead, _LIFE)
        dice = Dice(self.seed, 9, place, life)
        # The domain in which he came, so that nobody changes looks while it drifts.
        domain = self.schedule.at((life * _LIFE - ahead) / 1000)
        look = Look.thrown(dice, domain)
        base = Pose.thrown(dice)
        row1 = dice.between(self._first_row(height), height * 104 // 100)
        row2 = min(height * 106 // 100, max(self._first_row(height), row1 + dice.between(-height // 6, height // 6)))
        leftwards = dice.chance(500)
        margin = width // 10
        x1, x2 = (width + margin, -margin) if leftwards else (-margin, width + margin)
        stands = dice.chance(350)
        if stands:  # works at one spot, now and then bending
            x1 = x2 = dice.between(width // 10, width * 9 // 10)
            row2 = row1
        wears_first = dice.chance(620)
        changes = dice.chance(300)
        moment = dice.between(_LIFE // 4, _LIFE * 3 // 4)
        wears = wears_first != (changes and age >= moment)
        x = x1 + (x2 - x1) * age // _LIFE
        row = row1 + (row2 - row1) * age // _LIFE
        tall = self._row_height(row, height) * dice.between(900, 1080) // 1000
        step = 0 if stands else (age * 64 // 1100) % 64
        facing = base.facing if stands else (LEFT if leftwards else RIGHT)
        crouch = base.crouch if stands and (age // 2500) % 2 else 0
        pose = Pose(facing, step, crouch, base.arms)
        carried = not wears and changes and wears_first

        def draw(canvas: Canvas) -> None:
            if canvas.room >= 3:
                draw_person(canvas, x, row, tall, look, pose, wears, carried)

        return [Job(row, draw)]
