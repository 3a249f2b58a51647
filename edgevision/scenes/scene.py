"""Single pictures of building sites: each number names one picture, for ever and on every machine."""
from __future__ import annotations

from typing import Callable, NamedTuple

import numpy as np

from edgevision.errors import SceneError
from edgevision.scenes import site, weather
from edgevision.scenes.canvas import FINE, Canvas, Colour, Label
from edgevision.scenes.dice import Dice
from edgevision.scenes.domain import Domain, domain_of
from edgevision.scenes.people import (
    CLASSES,
    HELMET,
    HELMET_OFF,
    HELMET_ON,
    PERSON,
    Look,
    Pose,
    draw_helmet,
    draw_person,
    helmet_colour,
)

VERSION = 1  # grows when the same seed draws something else; part of every hash of settings
# Least visible share of an object, in thousandths, for it to be labelled.
VISIBLE = {PERSON: 350, HELMET: 500, HELMET_ON: 500, HELMET_OFF: 500}
SMALLEST = 5  # pixels, in a picture 352 high; grows with the picture
SIZE = (640, 352)


class Picture(NamedTuple):
    """A picture (h, w, 3 uint8, blue-green-red) and everything in it that can be seen."""

    bgr: np.ndarray
    labels: list[Label]


class Job(NamedTuple):
    """A thing to draw, with the row where it stands: what is nearer is drawn later."""

    row: int
    draw: Callable[[Canvas], None]


def check_size(size: tuple[int, int]) -> tuple[int, int]:
    width, height = int(size[0]), int(size[1])
    if width < 64 or height < 64 or width % 2 or height % 2:
        raise SceneError("a scene's width and height must be even and at least 64, got %dx%d" % (width, height))
    return width, height


def person_height(row: int, horizon: int, height: int, near: int) -> int:
    """How high a person is (board pixels) whose feet are at `row`; `near` is his height at the picture's lower edge."""
    return near * (row - horizon) // max(1, height - horizon)


def nearest(domain: Domain, height: int, dice: Dice) -> int:
    """Height of a person at the lower edge, in board pixels."""
    return height * (dice.between(760, 980) - 520 * domain.permille("distance") // 1000) // 1000


def crowd_size(domain: Domain, dice: Dice) -> int:
    crowding = domain.permille("crowding")
    return dice.between(1 + crowding * 5 // 1000, 4 + crowding * 11 // 1000)


def render(canvas: Canvas, jobs: list[Job]) -> None:
    for job in sorted(jobs, key=lambda job: job.row):
        job.draw(canvas)


def finish(canvas: Canvas, domain: Domain, dice: Dice, lamps: list[tuple[int, int, int, int]], horizon: int,
           exposure: int) -> Picture:
    height = canvas.height // FINE
    labels = canvas.labels(VISIBLE, max(3, SMALLEST * height // 352))
    return Picture(weather.apply(canvas.picture(), domain, dice, lamps, horizon // FINE, exposure), labels)


class Scene:
    """An endless album: `picture(i)` is always the same for the same seed, domain and size.

    >>> Scene(1, "day").picture(0).bgr.shape
    (352, 640, 3)
    """

    classes = CLASSES

    def __init__(self, seed: int, domain: str | Domain = "day", size: tuple[int, int] = SIZE) -> None:
        self.seed = int(seed)
        self.domain = domain_of(domain)
        self.size = check_size(size)

    def picture(self, number: int) -> Picture:
        dice = Dice(self.seed, 1, number)
        width, height = self.size
        canvas = Canvas(width, height)
        horizon = canvas.height * dice.between(180, 400) // 1000
        near = nearest(self.domain, canvas.height, dice)
        site.draw_backdrop(canvas, dice, horizon)
        jobs = self._things(dice, canvas, horizon, near) + self._people(dice, canvas, horizon, near)
        jobs += self._helmets(dice, canvas, horizon, near)
        render(canvas, jobs)
        exposure = dice.between(540, 1120)
        lamps = weather.lamps_of(dice, width, height)
        return finish(canvas, self.domain, dice, lamps, horizon, exposure)

    def _row(self, dice: Dice, canvas: Canvas, horizon: int, near: int, least: int = 110) -> tuple[int, int]:
        """A row to stand on, and the height of a person there, which is at least `least` thousandths of the picture."""
        depth = canvas.height - horizon
        first = horizon + depth * (canvas.height * least // 1000) // max(1, near)
        row = dice.between(min(first, canvas.height - 2), canvas.height * 106 // 100)
        return row, person_height(row, horizon, canvas.height, near)

    def _people(self, dice: Dice, canvas: Canvas, horizon: int, near: int) -> list[Job]:
        jobs = []
        crowding = self.domain.permille("crowding")
        middle = dice.between(canvas.width // 5, canvas.width * 4 // 5)
        for _ in range(crowd_size(self.domain, dice)):
            row, tall = self._row(dice, canvas, horizon, near)
            x = dice.between(-canvas.width // 40, canvas.width * 41 // 40)
            if dice.chance(crowding * 6 // 10):
                x = middle + dice.between(-canvas.width // 5, canvas.width // 5)
            tall = tall * dice.between(900, 1080) // 1000
            look, pose = Look.thrown(dice, self.domain), Pose.thrown(dice)
            wears, carried = dice.chance(560), dice.chance(160)
            jobs.append(Job(row, _person(x, row, tall, look, pose, wears, carried)))
        return jobs

    def _helmets(self, dice: Dice, canvas: Canvas, horizon: int, near: int) -> list[Job]:
        jobs = []
        for _ in range(dice.choice((0, 1, 1, 2, 3))):
            row, tall = self._row(dice, canvas, horizon, near, 200)
            x = dice.between(0, canvas.width)
            on = dice.between(0, 2)  # 0, 1: on the ground; 2: on a barrel
            jobs.append(Job(row, lying_helmet(x, row, tall, helmet_colour(dice, self.domain), dice.between(0, 3),
                                              on == 2, dice.between(0, 1 << 30))))
        return jobs

    def _things(self, dice: Dice, canvas: Canvas, horizon: int, near: int) -> list[Job]:
        jobs = []
        traps = self.domain.permille("traps")
        for _ in range(dice.between(2, 7)):
            row, tall = self._row(dice, canvas, horizon, near, 60)
            kind = site.ROUND_THING if dice.chance(traps // 2) else dice.between(0, site.THINGS - 1)
            jobs.append(Job(row, thing(kind, dice.between(0, canvas.width), row, tall, dice.between(0, 1 << 30))))
        return jobs


def _person(x: int, row: int, tall: int, look: Look, pose: Pose, wears: bool,
            carried: bool) -> Callable[[Canvas], None]:
    def draw(canvas: Canvas) -> None:
        if canvas.room >= 3:
            draw_person(canvas, x, row, tall, look, pose, wears, carried)
    return draw


def thing(kind: int, x: int, row: int, tall: int, seed: int) -> Callable[[Canvas], None]:
    return lambda canvas: site.draw_thing(canvas, kind, x, row, tall, seed)


def lying_helmet(x: int, row: int, tall: int, colour: Colour, turn: int, on_barrel: bool,
                 seed: int) -> Callable[[Canvas], None]:
    def draw(canvas: Canvas) -> None:
        y = row
        if on_barrel:
            site.draw_thing(canvas, 0, x, row, tall, seed)
            y = row - tall * 420 // 1000
        if canvas.room >= 1:
            owner = canvas.begin()
            draw_helmet(canvas, x, y - (tall * 70 // 1000 if turn == 0 else 0), tall, colour, False, turn,
                        upside_down=turn == 0)
            canvas.label(HELMET, (owner,), (canvas.end(),))
    return draw
