"""What every head has in common."""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, Optional, Sequence

import numpy as np

from edgevision.errors import ManifestError, ModelError

Shape = Sequence[Optional[int]]  # None where the model leaves a dimension open


@dataclass(frozen=True)
class HeadSpec:
    """What a head must know of its model."""

    classes: int
    width: int
    height: int
    threshold: float = 0.3
    anchors: tuple[tuple[float, float], ...] | None = None
    activation: str = ""  # of logits: sigmoid or softmax; "" leaves it to the head


class Found(NamedTuple):
    """What one picture's outputs say above the threshold: boxes x1, y1, x2, y2 in input pixels, scores, classes."""

    boxes: np.ndarray
    scores: np.ndarray
    classes: np.ndarray


class Head:
    """Contract of a head. `needs_nms` says whether overlapping boxes for one object are to be expected."""

    needs_nms = True
    one_picture = False  # whether the layout has no place for a second picture
    needs_size = False  # whether the model must be fed the size of its input
    size_order = "wh"  # how it wants it
    name = ""  # what a manifest calls it
    layout = ""  # for error messages: what the head reads

    def __init__(self, spec: HeadSpec) -> None:
        self.spec = spec

    def check(self, shapes: Sequence[Shape]) -> None:
        """Raise ManifestError when outputs of these declared shapes cannot be read by this head."""
        raise NotImplementedError

    def decode(self, outputs: Sequence[np.ndarray]) -> list[Found]:
        """One Found for each picture in the batch."""
        raise NotImplementedError

    def refuse(self, shapes: Sequence[Shape], why: str) -> ManifestError:
        return ManifestError("the head %s reads %s, but the model puts out %s: %s" % (
            self.name, self.layout, ", ".join(show_shape(s) for s in shapes), why))

    def known(self, labels: np.ndarray) -> np.ndarray:
        """Labels that a model put out, as whole numbers; ModelError where the manifest has no such class."""
        chosen = np.rint(labels).astype(np.int64)
        if chosen.size and np.abs(labels - chosen).max() > 0.01:
            raise self.doubt("the numbers in the place of classes are not whole (%g)" % float(
                labels[np.abs(labels - chosen).argmax()]))
        if chosen.size and (chosen.min() < 0 or chosen.max() >= self.spec.classes):
            raise ModelError("%s: the model found class %d, but its manifest names %d classes (0 to %d)" % (
                self.name, int(chosen.max() if chosen.max() >= self.spec.classes else chosen.min()),
                self.spec.classes, self.spec.classes - 1))
        return chosen

    def shares(self, scores: np.ndarray) -> np.ndarray:
        """Scores that a model put out; ModelError where they cannot be scores."""
        if scores.size:
            least, most = float(scores.min()), float(scores.max())
            if least < -0.01 or most > 1.01:
                raise self.doubt("the numbers in the place of scores go from %.3g to %.3g, not from 0 to 1" % (
                    least, most))
        return scores

    def fractions(self, boxes: np.ndarray) -> np.ndarray:
        """Boxes given as shares of the picture; ModelError where they are pixels."""
        if boxes.size and float(boxes.max()) > 2:
            raise self.doubt("its boxes reach %.4g, as pixels do; this head takes shares of the picture" % float(
                boxes.max()))
        return boxes

    def doubt(self, why: str) -> ModelError:
        return ModelError("head %s: %s. Are these raw maps, or is it a model for another head? docs/models.md tells "
                          "the heads apart" % (self.name, why))

    def one(self, shapes: Sequence[Shape], rank: int) -> Shape:
        """The only output's shape, which must have `rank` dimensions."""
        if len(shapes) != 1:
            raise self.refuse(shapes, "expected one output, got %d" % len(shapes))
        if len(shapes[0]) != rank:
            raise self.refuse(shapes, "expected %d dimensions, got %d" % (rank, len(shapes[0])))
        return shapes[0]

    def columns(self, shapes: Sequence[Shape], got: int | None, fixed: int) -> None:
        """Check that a dimension holds `fixed` numbers and one for each class."""
        wanted = fixed + self.spec.classes
        if got is not None and got != wanted:
            raise self.refuse(shapes, "%d classes need %d numbers a box, the model has %d (enough for %d classes)" % (
                self.spec.classes, wanted, got, got - fixed))


def show_shape(shape: Shape) -> str:
    return "(%s)" % ", ".join("?" if d is None else str(d) for d in shape)


def corners(centre_size: np.ndarray) -> np.ndarray:
    """Boxes given as centre x, centre y, width, height, as corners."""
    half = centre_size[..., 2:4] / 2
    return np.concatenate((centre_size[..., :2] - half, centre_size[..., :2] + half), axis=-1)


def sigmoid(value: np.ndarray) -> np.ndarray:
    """Without overflow for large negative numbers."""
    return (0.5 * (1 + np.tanh(0.5 * value.astype(np.float32)))).astype(np.float32)


def best_class(boxes: np.ndarray, scores: np.ndarray, threshold: float) -> Found:
    """Each box with its highest class, where that reaches the threshold. `scores` is (n, classes)."""
    if not scores.size:
        return Found(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))
    classes = scores.argmax(axis=1)
    top = scores[np.arange(len(scores)), classes]
    keep = top >= threshold
    return Found(boxes[keep].astype(np.float32), top[keep].astype(np.float32), classes[keep])


def check_finite(outputs: Sequence[np.ndarray]) -> None:
    for number, output in enumerate(outputs):
        if output.dtype.kind != "f" or math.isfinite(np.add.reduce(output, None)):
            continue    # one bad number makes the sum bad; a sum that is bad may also just be too large
        if not np.isfinite(output).all():
            bad = int(output.size - np.count_nonzero(np.isfinite(output)))
            raise ModelError("the model's output %d holds %d of %d values that are not numbers (NaN or infinite); the "
                             "model is damaged or was fed what it was not made for" % (number, bad, output.size))
