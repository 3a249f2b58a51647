"""The building site: sky, buildings, ground, and the things that stand and lie about."""
from __future__ import annotations

import numpy as np

from edgevision.scenes.canvas import Canvas, Colour
from edgevision.scenes.dice import Dice
from edgevision.scenes.people import shade

_GROUNDS: tuple[Colour, ...] = ((110, 140, 165), (135, 145, 150), (95, 115, 130), (120, 150, 150), (80, 105, 125))
_SKIES: tuple[Colour, ...] = ((230, 200, 160), (225, 220, 215), (200, 190, 180), (240, 215, 175))
_WALLS: tuple[Colour, ...] = ((150, 160, 170), (120, 125, 130), (100, 125, 165), (170, 180, 185), (90, 100, 115))
_PAINTS: tuple[Colour, ...] = ((40, 60, 190), (150, 100, 40), (60, 140, 60), (40, 170, 220), (110, 110, 110))


def draw_backdrop(canvas: Canvas, dice: Dice, horizon: int) -> None:
    """Sky, far buildings, cranes, scaffolds and the ground; `horizon` in board pixels."""
    width, height = canvas.width, canvas.height
    sky = np.array(dice.colour(dice.choice(_SKIES), 16), np.int64)
    rows = np.arange(horizon, dtype=np.int64)[:, None]
    fade = np.minimum(255, sky * (850 + 150 * rows // max(1, horizon)) // 1000).astype(np.uint8)
    canvas.board[:horizon, :, :3] = fade[:, None, :]
    ground = np.array(dice.colour(dice.choice(_GROUNDS), 20), np.int64)
    rows = np.arange(height - horizon, dtype=np.int64)[:, None]
    fade = np.minimum(255, ground * (860 + 220 * rows // max(1, height - horizon)) // 1000).astype(np.uint8)
    canvas.board[horizon:, :, :3] = fade[:, None, :]
    canvas.board[:, :, 3] = 0
    for _ in range(dice.between(2, 5)):
        _building(canvas, dice, horizon)
    if dice.chance(500):
        _crane(canvas, dice, horizon)
    for _ in range(dice.between(3, 9)):
        x, y = dice.between(0, width), dice.between(horizon, height)
        deep = 200 + 800 * (y - horizon) // max(1, height - horizon)
        patch = dice.colour(tuple(int(c) for c in ground), 28)  # type: ignore[arg-type]
        canvas.ellipse(x, y, dice.between(40, 260) * deep // 1000 + 4, dice.between(6, 40) * deep // 1000 + 2, patch)


def _building(canvas: Canvas, dice: Dice, horizon: int) -> None:
    width = canvas.width
    x1 = dice.between(-width // 8, width - width // 8)
    x2 = x1 + dice.between(width // 8, width // 2)
    y1 = horizon - dice.between(horizon // 4, horizon * 11 // 10)
    wall = dice.colour(dice.choice(_WALLS), 24)
    canvas.rect(x1, y1, x2, horizon + 4, wall)
    bays, floors = dice.between(3, 8), dice.between(2, 6)
    hole = shade(wall, dice.between(450, 750))
    for bay in range(bays):
        for floor in range(floors):
            left = x1 + (x2 - x1) * (4 * bay + 1) // (4 * bays)
            high = y1 + (horizon - y1) * (4 * floor + 1) // (4 * floors)
            canvas.rect(left, high, left + (x2 - x1) // (2 * bays), high + (horizon - y1) // (2 * floors), hole)
    if dice.chance(500):
        pipe = dice.colour((90, 110, 120), 20)
        for bay in range(bays + 1):
            left = x1 + (x2 - x1) * bay // bays
            canvas.rect(left, y1 - 8, left + 3, horizon + 6, pipe)
        for floor in range(floors + 1):
            high = y1 + (horizon - y1) * floor // floors
            canvas.rect(x1, high, x2, high + 4, pipe)


def _crane(canvas: Canvas, dice: Dice, horizon: int) -> None:
    x = dice.between(0, canvas.width)
    top = dice.between(4, max(5, horizon // 2))
    colour = dice.colour((40, 170, 220), 20)
    canvas.limb(x, horizon, x, top, 8, colour)
    canvas.limb(x - canvas.width // 10, top + 10, x + canvas.width // 3, top + 10, 6, colour)
    hook = x + dice.between(20, canvas.width // 4)
    canvas.limb(hook, top + 10, hook, top + dice.between(30, max(31, horizon // 2)), 2, (60, 60, 60))


def draw_thing(canvas: Canvas, kind: int, x: int, y: int, size: int, seed: int) -> None:
    """A thing of the site that stands at (x, y), beside a person `size` high. It is nobody's: it only hides."""
    dice = Dice(seed, 77)
    paint = dice.colour(dice.choice(_PAINTS), 24)

    def px(thousandths: int) -> int:
        return max(1, size * thousandths // 1000)

    if kind == 0:  # barrel
        canvas.rect(x - px(150), y - px(420), x + px(150), y, paint)
        canvas.rect(x + px(60), y - px(420), x + px(150), y, shade(paint, 760))
        canvas.rect(x - px(150), y - px(290), x + px(150), y - px(265), shade(paint, 600))
    elif kind == 1:  # cone
        canvas.quad([(x - px(110), y), (x + px(110), y), (x + px(18), y - px(360)), (x - px(18), y - px(360))],
                    (30, 90, 240))
        canvas.quad([(x - px(70), y - px(130)), (x + px(70), y - px(130)), (x + px(45), y - px(210)),
                     (x - px(45), y - px(210))], (230, 230, 230))
    elif kind == 2:  # barrier
        length = px(dice.between(700, 1300))
        for k in range(6):
            stripe = (40, 40, 210) if k % 2 else (225, 225, 225)
            canvas.rect(x - length // 2 + length * k // 6, y - px(520), x - length // 2 + length * (k + 1) // 6,
                        y - px(380), stripe)
        canvas.rect(x - length // 2, y - px(520), x - length // 2 + px(36), y, (90, 90, 90))
        canvas.rect(x + length // 2 - px(36), y - px(520), x + length // 2, y, (90, 90, 90))
    elif kind == 3:  # planks or bricks
        length = px(dice.between(400, 900))
        for k in range(4):
            colour = dice.colour((70, 120, 170), 24)
            right = x + length // 2 - px(30 * (k % 2))
            canvas.rect(x - length // 2, y - px(60 * (k + 1)), right, y - px(60 * k), colour)
    elif kind == 4:  # heap of sand
        canvas.ellipse(x, y, px(dice.between(350, 800)), px(dice.between(150, 330)), dice.colour((90, 150, 190), 20))
    elif kind == 5:  # bucket, ball, stone: round as a helmet and none
        shape = dice.between(0, 2)
        if shape == 0:
            canvas.quad([(x - px(70), y - px(130)), (x + px(70), y - px(130)), (x + px(50), y), (x - px(50), y)], paint)
            canvas.ellipse(x, y - px(130), px(70), px(18), shade(paint, 500))
        elif shape == 1:
            canvas.ellipse(x, y - px(70), px(75), px(72), paint)
            canvas.ellipse(x - px(20), y - px(95), px(24), px(20), shade(paint, 1250))
        else:
            canvas.ellipse(x, y - px(50), px(95), px(60), dice.colour((120, 125, 130), 20))
    elif kind == 6:  # post with a sign
        canvas.rect(x - px(24), y - px(900), x + px(24), y, (100, 100, 105))
        canvas.rect(x - px(150), y - px(1000), x + px(150), y - px(760), paint)
    else:  # fence panel
        length = px(dice.between(900, 1800))
        for k in range(12):
            canvas.rect(x - length // 2 + length * k // 12, y - px(620), x - length // 2 + length * k // 12 + px(24), y,
                        paint)
        canvas.rect(x - length // 2, y - px(560), x + length // 2, y - px(520), paint)


THINGS = 8
ROUND_THING = 5
