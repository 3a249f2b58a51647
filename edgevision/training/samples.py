"""A round's labelled pictures: reading them, laying them into the net's input, varying them, mixing in old ones.

Fine-tuning on what is new alone makes a net forget what it knew. So every batch holds old pictures too: by default
fresh daylight scenes from the generator, which are never kept and never run out.
"""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Sequence, Tuple, Union

import cv2
import numpy as np

from edgevision.decode import read_picture
from edgevision.errors import TrainingError, VisionError
from edgevision.frame import Frame
from edgevision.letterbox import InputSpec, fit
from edgevision.scenes import Scene, from_line
from edgevision.scenes.dice import Dice
from edgevision.scenes.domain import Domain

Sample = Tuple[np.ndarray, np.ndarray]
REHEARSAL_SEED = 700_001


@dataclass(frozen=True)
class Samples:
    """Pictures (blue-green-red, any size) with their labels; `skipped` names those that could not be read."""

    pictures: list[np.ndarray]
    labels: list[np.ndarray]
    skipped: list[str]

    def __len__(self) -> int:
        return len(self.pictures)


def read_samples(data: Any, root: str | None = None, classes: int = 4) -> Samples:
    """From a Sedna text file (`rel/path.jpg x1,y1,x2,y2,cls ...`, paths relative to it or to `root`), or from an object
    with `.x` (paths or pictures) and `.y` (rows of x1, y1, x2, y2, class for each).

    A picture that cannot be read is skipped and named; a label that makes no sense is an error, since it says that the
    labels are not what they are taken for.
    """
    if isinstance(data, (str, Path)):
        sources, rows, base = _read_text(Path(data), root)
    else:
        try:
            sources, rows = list(data.x), list(data.y)
        except (AttributeError, TypeError):
            raise TrainingError("samples: expected the path of a text file, or an object with lists x (pictures or "
                                "their paths) and y (labels), got %s" % type(data).__name__) from None
        base = Path(root or ".")
    if len(sources) != len(rows):
        raise TrainingError("samples: expected labels for each of the %d pictures, got %d" % (len(sources), len(rows)))
    pictures: list[np.ndarray] = []
    labels: list[np.ndarray] = []
    skipped: list[str] = []
    for number, (source, row) in enumerate(zip(sources, rows)):
        table = _labels(row, number, classes)
        picture = source if isinstance(source, np.ndarray) else read_picture(str(base / str(source)))
        if picture is None:
            skipped.append(str(source))
        else:
            pictures.append(Frame.from_array(picture).bgr())
            labels.append(table)
    if not pictures:
        raise TrainingError("samples: none of the %d pictures can be read%s" % (
            len(sources), "; the first is %s" % (base / skipped[0]) if skipped else ""))
    return Samples(pictures, labels, skipped)


def _read_text(path: Path, root: str | None) -> tuple[list[str], list[np.ndarray], Path]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise TrainingError("samples %s: cannot be read: %s" % (path, reason)) from None
    sources, rows = [], []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                source, row = from_line(line, "%s:%d" % (path, number))
            except VisionError as error:
                raise TrainingError(str(error)) from None
            sources.append(source)
            rows.append(row)
    return sources, rows, Path(root) if root else path.parent


def _labels(row: Any, number: int, classes: int) -> np.ndarray:
    table = np.asarray(row, np.float32)
    if table.size == 0:
        return np.zeros((0, 5), np.float32)
    good = table.ndim == 2 and table.shape[1] == 5 and np.isfinite(table).all()
    if not good or (table[:, 4] < 0).any() or (table[:, 4] >= classes).any():
        raise TrainingError("labels of picture %d: expected rows of x1, y1, x2, y2, class (0 to %d), got %.200r" % (
            number, classes - 1, table.tolist()))
    return table[(table[:, 2] > table[:, 0]) & (table[:, 3] > table[:, 1])]


def laid(picture: np.ndarray, labels: np.ndarray, spec: InputSpec, zoom: float = 1.0,
         shift: tuple[float, float] = (0, 0), mirror: bool = False) -> Sample:
    """A picture in the net's input as the letterbox lays it, then zoomed about the middle, shifted and mirrored."""
    height, width = picture.shape[:2]
    place = fit(width, height, spec.width, spec.height, spec.letterbox)
    scale = np.array([place.width / width, place.height / height]) * zoom
    offset = np.array([(place.left - spec.width / 2) * zoom + spec.width / 2 + shift[0] * spec.width,
                       (place.top - spec.height / 2) * zoom + spec.height / 2 + shift[1] * spec.height])
    # Pixel centres lie at halves, as cv2.resize has them.
    matrix = np.array([[scale[0], 0, offset[0] + (scale[0] - 1) / 2], [0, scale[1], offset[1] + (scale[1] - 1) / 2]])
    out = cv2.warpAffine(picture, matrix, (spec.width, spec.height), flags=cv2.INTER_LINEAR,
                         borderValue=(spec.fill, spec.fill, spec.fill))
    rows = labels.copy()
    rows[:, :4] = labels[:, :4] * np.tile(scale, 2) + np.tile(offset, 2)
    whole = np.prod(rows[:, 2:4] - rows[:, :2], axis=1)
    rows[:, [0, 2]] = rows[:, [0, 2]].clip(0, spec.width)
    rows[:, [1, 3]] = rows[:, [1, 3]].clip(0, spec.height)
    sides = rows[:, 2:4] - rows[:, :2]
    rows = rows[(np.prod(sides, axis=1) > 0.4 * whole) & (sides > 3).all(axis=1)]
    if mirror:
        out = np.ascontiguousarray(out[:, ::-1])
        rows[:, [0, 2]] = spec.width - rows[:, [2, 0]]
    return out, rows.astype(np.float32)


def varied(picture: np.ndarray, labels: np.ndarray, spec: InputSpec, dice: Dice) -> Sample:
    """The picture in one of many slightly different forms: zoom, place, mirror, brightness, contrast."""
    zoom = dice.between(850, 1250) / 1000
    shift = (dice.between(-80, 80) / 1000, dice.between(-80, 80) / 1000)
    out, rows = laid(picture, labels, spec, zoom, shift, dice.chance(500))
    gain, lift = dice.between(850, 1180) / 1000, dice.between(-10, 10)
    table = np.clip(np.arange(256) * gain + lift, 0, 255).astype(np.uint8)
    return cv2.LUT(out, table), rows


def mixture(samples: Samples, spec: InputSpec, seed: int, rehearsal: float,
            old: Callable[[int], Sample] | None = None) -> Callable[[int], Sample]:
    """Sample number n of a round: new pictures varied, and a share `rehearsal` (0 to 1) of old ones among them."""
    scene = Scene(REHEARSAL_SEED + seed, Domain(), (spec.width, spec.height))
    order: list[Sequence[int]] = []

    def pick(turn: int) -> int:
        """Every new picture once before any comes again, each time in another order."""
        cycle, at = divmod(turn, len(samples))
        while len(order) <= cycle:
            dice = Dice(seed, 31, len(order))
            order.append(sorted(range(len(samples)), key=lambda _: dice.word()))
        return order[cycle][at]

    def sample(number: int) -> Sample:
        before = int(number * rehearsal)
        if int((number + 1) * rehearsal) > before:
            return old(before) if old else _scene_sample(scene, before)
        at = pick(number - before)
        return varied(samples.pictures[at], samples.labels[at], spec, Dice(seed, 32, number))

    return sample


def _scene_sample(scene: Scene, number: int) -> Sample:
    picture = scene.picture(number)
    return picture.bgr, np.array(picture.labels, np.float32).reshape(-1, 5)


Data = Union[str, Path, Any]
