"""How each shipped model is made: which scenes, how many, which seeds; and the sets it is judged on."""
from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import numpy as np

from edgevision.scenes.dice import Dice
from edgevision.scenes.domain import PRESETS, Domain
from edgevision.scenes.scene import SIZE, VERSION, Scene


@dataclass(frozen=True)
class Recipe:
    """A training run from nothing. `domains` are (preset, weight); every picture is new, none is seen twice.

    The learning rate falls over `steps`; the run ends at `stop` (little is stopped early, so that it has something left
    to learn on the edge), and the rate goes to nothing over the `cool` steps before.
    """

    name: str
    domains: tuple[tuple[str, int], ...]
    steps: int
    stop: int
    cool: int
    batch: int
    rate: float
    seed: int


LITTLE = Recipe("little", (("day", 1),), 2000, 1200, 0, 8, 2e-3, 11)
_ALL = tuple((name, 3 if name in ("day", "night") else 1) for name in PRESETS)
BIG = Recipe("big", _ALL, 2000, 1400, 300, 16, 1.5e-3, 12)
RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (LITTLE, BIG)}


@dataclass(frozen=True)
class TestSet:
    """Pictures that no training sees (their seed is used for nothing else), named by a hash of how they are made."""

    domain: str
    count: int = 300
    seed: int = 900_001

    @property
    def sha256(self) -> str:
        """Hash of the settings. The generator draws the same bytes from the same settings; a test pins that."""
        settings = {"generator": VERSION, "domain": PRESETS[self.domain].as_dict(), "count": self.count,
                    "seed": self.seed, "size": list(SIZE)}
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()

    def pictures(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """All pictures (blue-green-red) and their labels (rows of x1, y1, x2, y2, class)."""
        scene = Scene(self.seed, self.domain)
        made = [scene.picture(k) for k in range(self.count)]
        return [p.bgr for p in made], [np.array(p.labels, np.float32).reshape(-1, 5) for p in made]


TEST_DOMAINS = ("day", "night", "rain", "haze", "new_colours", "traps", "crowd", "far")


class SceneStream:
    """The training pictures of a recipe: number n is always the same picture."""

    def __init__(self, recipe: Recipe) -> None:
        self._seed = recipe.seed
        self._scenes = [Scene(recipe.seed, _domain(name)) for name, weight in recipe.domains for _ in range(weight)]

    def __call__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        scene = Dice(self._seed, 3, number).choice(self._scenes)
        picture = scene.picture(number)
        return picture.bgr, np.array(picture.labels, np.float32).reshape(-1, 5)


def _domain(name: str) -> Domain:
    return PRESETS[name]
