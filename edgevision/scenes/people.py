"""People and helmets: how they look and how they are drawn.

A figure is described in thousandths of its own height, so the same few polygons serve every distance.
"""
from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edgevision.scenes.canvas import CIRCLE, DOME, Canvas, Colour
from edgevision.scenes.dice import Dice
from edgevision.scenes.domain import Domain

CLASSES = ("person", "helmet", "helmet_on", "helmet_off")
PERSON, HELMET, HELMET_ON, HELMET_OFF = range(4)

# All colours are (blue, green, red).
HELMET_COLOURS = ((40, 200, 240), (235, 235, 235), (40, 40, 205), (190, 90, 30), (30, 130, 240))
NEW_COLOURS = ((60, 150, 40), (150, 50, 120), (45, 45, 45), (180, 110, 240), (150, 160, 60))
SKINS = ((150, 180, 225), (120, 155, 205), (90, 120, 170), (60, 80, 120), (40, 55, 85))
HAIRS = ((25, 25, 30), (35, 50, 75), (60, 95, 135), (110, 170, 205), (150, 150, 150))
CLOTHES = ((110, 70, 40), (60, 60, 60), (140, 120, 90), (50, 70, 60), (70, 60, 110), (160, 150, 140), (40, 90, 150))
VESTS = ((40, 140, 250), (60, 245, 220), (70, 230, 160))
CAPS = ((50, 45, 40), (120, 60, 30), (40, 40, 150), (60, 90, 60), (170, 170, 170))

SINE = [round(1000 * float(np.sin(2 * np.pi * k / 64))) for k in range(64)]
_HEAD = CIRCLE * (56, 72) // 1000  # half width and half height of a head, in thousandths of the figure
FRONT, BACK, LEFT, RIGHT = range(4)


@dataclass(frozen=True)
class Look:
    """What a person looks like, whatever he does."""

    skin: Colour
    hair: Colour
    hair_style: int
    jacket: Colour
    trousers: Colour
    vest: Colour
    has_vest: bool
    helmet: Colour
    stripe: bool
    cover: str  # on a bare head: "hair", "cap" or "hood"
    cap: Colour
    width: int  # thousandths of the usual width

    @classmethod
    def thrown(cls, dice: Dice, domain: Domain) -> Look:
        trap = dice.chance(domain.permille("traps"))
        return cls(
            skin=dice.colour(dice.choice(SKINS), 12), hair=dice.colour(dice.choice(HAIRS), 14),
            hair_style=dice.between(0, 3), jacket=dice.colour(dice.choice(CLOTHES), 24),
            trousers=dice.colour(dice.choice(CLOTHES), 24), vest=dice.colour(dice.choice(VESTS), 10),
            has_vest=dice.chance(600), helmet=helmet_colour(dice, domain), stripe=dice.chance(250),
            cover=dice.choice(("cap", "hood")) if trap else "hair", cap=dice.colour(dice.choice(CAPS), 14),
            width=dice.between(880, 1180))


@dataclass(frozen=True)
class Pose:
    """What a person does just now."""

    facing: int = FRONT
    step: int = 0  # 0..63, where he is in his stride
    crouch: int = 0  # thousandths of his height that he is bent down
    arms: int = 0  # 0 hanging, 1 one raised, 2 both in front

    @classmethod
    def thrown(cls, dice: Dice) -> Pose:
        return cls(dice.between(0, 3), dice.between(0, 63), dice.between(120, 380) if dice.chance(160) else 0,
                   dice.choice((0, 0, 0, 1, 2)))


def helmet_colour(dice: Dice, domain: Domain) -> Colour:
    palette = NEW_COLOURS if dice.chance(domain.permille("new_colours")) else HELMET_COLOURS
    return dice.colour(dice.choice(palette), 12)


def shade(colour: Colour, permille: int) -> Colour:
    """The same colour darker (below 1000) or lighter."""
    blue, green, red = (min(255, c * permille // 1000) for c in colour)
    return blue, green, red


def draw_helmet(canvas: Canvas, x: int, y: int, size: int, colour: Colour, stripe: bool = False, side: int = 0,
                upside_down: bool = False) -> None:
    """A helmet whose brim's middle is at (x, y); `size` is the height of the figure that would wear it."""
    rx, ry = max(2, size * 72 // 1000), max(2, size * 78 // 1000)
    up = -1 if upside_down else 1
    canvas.polygon(DOME * (rx, ry * up) // 1000 + (x, y), colour)
    lit = DOME * (max(1, rx * 45 // 100), max(1, ry * 88 // 100 * up)) // 1000 + (x - rx * 35 // 100, y)
    canvas.polygon(lit, shade(colour, 1180))
    if stripe:
        canvas.rect(x - rx // 6, y - ry, x + rx // 6 + 1, y, shade(colour, 620)) if not upside_down else None
    brim = max(1, size * 16 // 1000)
    reach = rx + size * 14 // 1000
    left = reach + (size * 34 // 1000 if side == LEFT else 0)
    right = reach + (size * 34 // 1000 if side == RIGHT else 0)
    canvas.rect(x - left, y - brim // 2, x + right, y + (brim + 1) // 2, shade(colour, 800))
    if upside_down:
        canvas.ellipse(x, y, max(1, rx * 80 // 100), max(1, ry // 5), shade(colour, 350))


def draw_person(canvas: Canvas, x: int, y: int, size: int, look: Look, pose: Pose, wears: bool,
                carried: bool = False) -> None:
    """A person with his feet at (x, y), `size` high when he stands up; labels person, head and a carried helmet."""

    def px(thousandths: int) -> int:
        return size * thousandths // 1000

    wide = look.width
    side = pose.facing in (LEFT, RIGHT)
    way = -1 if pose.facing == LEFT else 1
    down = px(pose.crouch)
    lean = px(pose.crouch // 3) * way if side else 0
    hip_y, shoulder_y = y - px(480) + down, y - px(815) + down
    half_hip = px((62 if side else 90) * wide // 1000)
    half_shoulder = px((70 if side else 128) * wide // 1000)
    swing = SINE[pose.step % 64]
    top = x + lean

    body = canvas.begin()
    leg = max(2, px(82 * wide // 1000))
    dark = shade(look.trousers, 780)
    if side:
        foot = px(swing * 150 // 1000)
        _leg(canvas, x, hip_y, x + foot, y, leg, dark, down * way)
        _leg(canvas, x, hip_y, x - foot, y, leg, look.trousers, down * way)
        _shoe(canvas, x + foot, y, px(60), way)
        _shoe(canvas, x - foot, y, px(60), way)
    else:
        lift = px(abs(swing) * 30 // 1000)
        spread = px(58 + 20 * (pose.step & 1)) + down // 4
        _leg(canvas, x - half_hip // 2, hip_y, x - spread, y - (lift if swing > 0 else 0), leg, look.trousers, -down)
        _leg(canvas, x + half_hip // 2, hip_y, x + spread, y - (lift if swing <= 0 else 0), leg, dark, down)
        _shoe(canvas, x - spread, y - (lift if swing > 0 else 0), px(44), 0)
        _shoe(canvas, x + spread, y - (lift if swing <= 0 else 0), px(44), 0)
    arm = max(2, px(62 * wide // 1000))
    hand_left = _arm(canvas, top - half_shoulder, shoulder_y, -1, pose, px, swing, arm, look, way if side else 0)
    canvas.quad([(top - half_shoulder, shoulder_y), (top + half_shoulder, shoulder_y), (x + half_hip, hip_y + px(20)),
                 (x - half_hip, hip_y + px(20))], look.jacket)
    canvas.quad([(top + half_shoulder // 3, shoulder_y), (top + half_shoulder, shoulder_y),
                 (x + half_hip, hip_y + px(20)), (x + half_hip // 3, hip_y + px(20))], shade(look.jacket, 800))
    if look.has_vest:
        inset = px(16)
        canvas.quad([(top - half_shoulder + inset, shoulder_y), (top + half_shoulder - inset, shoulder_y),
                     (x + half_hip - inset // 2, hip_y), (x - half_hip + inset // 2, hip_y)], look.vest)
        for height in (640, 560):
            band = y - px(height) + down
            reach = half_hip + (half_shoulder - half_hip) * (height - 480) // 335 - inset
            canvas.rect(x - reach, band, x + reach, band + max(1, px(26)), (205, 215, 215))
    hand_right = _arm(canvas, top + half_shoulder, shoulder_y, 1, pose, px, swing, arm, look, way if side else 0)
    canvas.rect(top - px(26), shoulder_y - px(36), top + px(26), shoulder_y + px(4), shade(look.skin, 850))
    body_extent = canvas.end()

    head = canvas.begin()
    head_y = shoulder_y - px(98)
    _draw_head(canvas, top + (px(14) * way if side else 0), head_y, size, look, pose.facing, wears)
    head_extent = canvas.end()
    canvas.label(PERSON, (body, head), (body_extent, head_extent))
    canvas.label(HELMET_ON if wears else HELMET_OFF, (head,), (head_extent,))
    if carried and not wears:
        owner = canvas.begin()
        hand = hand_left if pose.step % 2 else hand_right
        draw_helmet(canvas, hand[0], hand[1] + px(50), size, look.helmet, look.stripe)
        canvas.label(HELMET, (owner,), (canvas.end(),))


def _leg(canvas: Canvas, x1: int, y1: int, x2: int, y2: int, thick: int, colour: Colour, bend: int) -> None:
    if abs(bend) < 4:
        canvas.limb(x1, y1, x2, y2, thick, colour)
        return
    knee = ((x1 + x2) // 2 + bend // 2, (y1 + y2) // 2)
    canvas.limb(x1, y1, knee[0], knee[1], thick, colour)
    canvas.limb(knee[0], knee[1], x2, y2, thick, colour)


def _shoe(canvas: Canvas, x: int, y: int, half: int, way: int) -> None:
    half = max(2, half)
    canvas.rect(x - half + half * way // 3, y - max(2, half * 2 // 3), x + half + half * way // 3, y, (38, 42, 48))


def _arm(canvas: Canvas, x: int, y: int, which: int, pose: Pose, px, swing: int, thick: int, look: Look,
         way: int) -> tuple[int, int]:
    """Draws an arm from the shoulder at (x, y); returns where the hand is."""
    if pose.arms == 1 and which == 1:
        hand = (x + px(150), y - px(180))
    elif pose.arms == 2:
        hand = (x + (px(170) * way if way else -which * px(60)), y + px(180))
    else:
        hand = (x + (px(swing * which * 130 // 1000) if way else which * px(60)), y + px(330))
    canvas.limb(x, y + thick // 2, hand[0], hand[1], thick, shade(look.jacket, 900 if which < 0 else 760))
    half = max(1, px(26))
    canvas.rect(hand[0] - half, hand[1] - half, hand[0] + half, hand[1] + half, look.skin)
    return hand


def _draw_head(canvas: Canvas, x: int, y: int, size: int, look: Look, facing: int, wears: bool) -> None:
    def px(thousandths: int) -> int:
        return size * thousandths // 1000

    rx, ry = max(2, px(56)), max(3, px(72))
    way = {LEFT: -1, RIGHT: 1}.get(facing, 0)
    bare = not wears
    if bare and look.cover == "hood":
        canvas.ellipse(x - way * px(12), y - px(6), px(80), px(94), look.jacket)
        if facing == BACK:
            canvas.ellipse(x, y, px(50), px(66), shade(look.jacket, 860))
            return
        canvas.ellipse(x + way * px(22), y + px(8), px(44), px(58), look.skin)
        return
    canvas.polygon(_HEAD * size // 1000 + (x, y), look.skin if facing != BACK else shade(look.skin, 800))
    if way:
        canvas.rect(min(x + way * rx, x + way * (rx + px(18))), y, max(x + way * rx, x + way * (rx + px(18))),
                    y + max(1, px(24)), look.skin)
    if facing == FRONT:
        eye = max(1, px(12))
        for ex in (x - px(24), x + px(24)):
            canvas.rect(ex - eye // 2, y - px(6), ex + (eye + 1) // 2, y - px(6) + eye, (40, 40, 45))
    if wears:
        if facing == BACK:
            canvas.rect(x - rx, y - px(20), x + rx, y + px(30), shade(look.hair, 900))
        draw_helmet(canvas, x, y - px(14), size, look.helmet, look.stripe and not way, facing)
        return
    if look.cover == "cap":
        canvas.polygon(DOME * (rx + px(4), ry + px(2)) // 1000 + (x, y - px(18)), look.cap)
        if way:
            canvas.rect(min(x, x + way * (rx + px(52))), y - px(28), max(x, x + way * (rx + px(52))), y - px(14),
                        shade(look.cap, 850))
        elif facing == FRONT:
            canvas.rect(x - px(46), y - px(26), x + px(46), y - px(10), shade(look.cap, 700))
        return
    if facing == BACK:
        canvas.ellipse(x, y - px(8), rx + px(3), ry - px(6), look.hair)
    elif look.hair_style:
        low = (10, 24, 34)[look.hair_style - 1]
        canvas.polygon(DOME * (rx + px(3), ry + px(4)) // 1000 + (x, y - px(44 - low)), look.hair)
        if look.hair_style == 3:
            canvas.rect(x - rx - px(2), y - px(20), x - rx + px(18), y + px(40), look.hair)
            canvas.rect(x + rx - px(18), y - px(20), x + rx + px(2), y + px(40), look.hair)
