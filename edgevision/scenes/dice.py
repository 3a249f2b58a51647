"""Chance that comes out the same on every machine, numpy release and Python.

numpy promises a stable stream only for its bit generators, not for the methods of `Generator`. So every choice in a
scene is made here from raw PCG64 words with integer arithmetic.
"""
from __future__ import annotations

from typing import Sequence, TypeVar

import numpy as np

T = TypeVar("T")
_BATCH = 64


class Dice:
    """A stream of choices named by a path of numbers, such as (seed, purpose, picture)."""

    __slots__ = ("_at", "_bits", "_words")

    def __init__(self, *path: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence([int(number) & 0xFFFFFFFFFFFFFFFF for number in path]))
        self._words: list[int] = []
        self._at = 0

    def word(self) -> int:
        """The next 32 random bits."""
        if self._at >= len(self._words):
            self._words = (self._bits.random_raw(_BATCH) >> np.uint64(32)).tolist()
            self._at = 0
        self._at += 1
        return self._words[self._at - 1]

    def between(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + (self.word() * (high - low + 1) >> 32)

    def chance(self, permille: int) -> bool:
        """True in `permille` of 1000 throws."""
        return self.between(0, 999) < permille

    def choice(self, options: Sequence[T]) -> T:
        return options[self.between(0, len(options) - 1)]

    def colour(self, base: tuple[int, int, int], spread: int) -> tuple[int, int, int]:
        """A colour near `base`: all channels move together, and each a little by itself."""
        together = self.between(-spread, spread)
        own = max(1, spread // 3)
        blue, green, red = (min(255, max(0, c + together + self.between(-own, own))) for c in base)
        return blue, green, red

    def bytes(self, count: int) -> np.ndarray:
        """`count` random bytes; little-endian order whatever the machine."""
        words = self._bits.random_raw((count + 7) // 8).astype("<u8")
        return words.view(np.uint8)[:count]
