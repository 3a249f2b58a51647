"""What light, air and sensor do to a finished drawing: night, haze, rain, noise. Whole numbers only."""
from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from edgevision.scenes.dice import Dice
from edgevision.scenes.domain import Domain

_CELL = 8  # picture pixels per cell of the light map


@lru_cache(maxsize=8)
def _grain(height: int, width: int, amplitude: int) -> np.ndarray:
    """A tile of sensor noise, near normal, with about `amplitude` / 4 grey levels of spread."""
    raw = Dice(20, height, width).bytes(4 * height * width * 3).reshape(4, height, width, 3)
    total = raw.astype(np.int16).sum(axis=0, dtype=np.int16) - 510  # spread about 148
    return (total.astype(np.int32) * amplitude // 592).astype(np.int16)


@lru_cache(maxsize=4)
def _texture(height: int, width: int) -> np.ndarray:
    """Fine unevenness of every surface, the same for each picture of one size."""
    raw = Dice(21, height, width).bytes(height * width).reshape(height, width, 1)
    return np.repeat(raw.astype(np.int16) * 13 // 255 - 6, 3, axis=2)


def lamps_of(dice: Dice, width: int, height: int) -> list[tuple[int, int, int, int]]:
    """Where a site's lamps stand: x, y, reach in pixels and strength in thousandths."""
    return [(dice.between(0, width), dice.between(height // 8, height), dice.between(height // 4, height),
             dice.between(100, 420)) for _ in range(dice.between(1, 3))]


def apply(picture: Any, domain: Domain, dice: Dice, lamps: list[tuple[int, int, int, int]], horizon: int,
          exposure: int = 1000) -> np.ndarray:
    """The picture as a camera in this domain would see it. `exposure` in thousandths; `dice` is this frame's own."""
    height, width = picture.shape[:2]
    night, rain, haze = domain.permille("night"), domain.permille("rain"), domain.permille("haze")
    picture = cv2.add(picture, _texture(height, width), dtype=cv2.CV_8U)
    if haze or rain:
        picture = _haze(picture, min(1000, haze + rain // 4), horizon, dice)
    if night:
        picture = _night(picture, night, exposure, lamps)
    elif exposure != 1000:
        picture = cv2.LUT(picture, np.minimum(255, np.arange(256) * exposure // 1000).astype(np.uint8))
    if rain:
        picture = _rain(picture, rain, night, dice)
    amplitude = 4 + domain.permille("noise") * 48 // 1000 + night * 8 // 1000
    # The tile is larger than the picture, so that no two frames share their grain.
    tile = _grain(height + 64, width + 64, amplitude)
    y, x = dice.between(0, 63), dice.between(0, 63)
    return cv2.add(picture, tile[y:y + height, x:x + width], dtype=cv2.CV_8U)


def _haze(picture: np.ndarray, haze: int, horizon: int, dice: Dice) -> np.ndarray:
    height = picture.shape[0]
    grey = dice.between(175, 215)
    rows = np.arange(height)
    near = np.maximum(0, rows - horizon) * 1000 // max(1, height - horizon)
    share = haze * (680 - near * 380 // 1000) // 1000 * 256 // 1000
    keep = (256 - share).astype(np.uint16)[:, None, None]
    return ((picture * keep + (grey * share).astype(np.uint16)[:, None, None]) >> 8).astype(np.uint8)


def _night(picture: np.ndarray, night: int, exposure: int, lamps: list[tuple[int, int, int, int]]) -> np.ndarray:
    height, width = picture.shape[:2]
    # A camera opens up in the dark: the brightness of a day picture varies more than that of a night picture.
    exposure = 1000 + (exposure - 1000) * (1000 - night * 700 // 1000) // 1000
    ambient = (1000 - night * 590 // 1000) * exposure // 1000
    ys = np.arange(0, height, _CELL, dtype=np.int64)[:, None]
    xs = np.arange(0, width, _CELL, dtype=np.int64)[None, :]
    light = np.full((ys.size, xs.size), ambient, np.int64)
    for x, y, reach, strength in lamps:
        away = ((xs - x) ** 2 + (ys - y) ** 2) * 1000 // (reach * reach)
        light += np.maximum(0, 1000 - away) * (strength * night // 1000) // 1000
    small = np.minimum(255, light * 255 // 1000).astype(np.uint8)
    wide: Any = np.repeat(np.repeat(small, _CELL, axis=0)[:height], _CELL, axis=1)[:, :width]
    wide = cv2.blur(wide, (_CELL * 2 + 1, _CELL * 2 + 1))
    lit = picture.astype(np.uint16)
    lit *= wide[:, :, None]
    lit >>= 8
    cast = (1000 + night * 120 // 1000, 1000 - night * 40 // 1000, 1000 - night * 180 // 1000)
    table = np.stack([np.minimum(255, np.arange(256) * c // 1000) for c in cast], axis=-1).astype(np.uint8)
    return cv2.LUT(lit.astype(np.uint8), table[None])


def _rain(picture: np.ndarray, rain: int, night: int, dice: Dice) -> np.ndarray:
    height, width = picture.shape[:2]
    streaks = np.zeros((height, width), np.uint8)
    slant = dice.between(-3, 3)
    bright = 70 - 35 * night // 1000
    for _ in range(rain * 260 // 1000):
        x, y = dice.between(0, width), dice.between(-20, height)
        length = dice.between(height // 40, height // 12)
        level = dice.between(bright // 3, bright)
        cv2.line(streaks, (x, y), (x + slant * length // 12, y + length), level, 1, cv2.LINE_8)
    return cv2.add(picture, cv2.cvtColor(streaks, cv2.COLOR_GRAY2BGR))
