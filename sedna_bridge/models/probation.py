"""A model that has just begun to judge frames is on probation: figures of the running line against those of the old
model.

Two kinds of figures: tallies (errors, seconds, boxes and scores per frame of the new model now, of the old one just
before), and pairs (the same frame judged by both, where both are in memory). Pairs are preferred for drift, because
the scene may have changed at the same moment.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from statistics import median
from typing import Sequence

from .judging import Gate, broken_numbers, kept_share
from .runtime import Detections


@dataclass(frozen=True)
class Terms:
    """How long probation lasts and what ends it early."""

    frames: int = 200
    seconds: float = 30.0
    min_frames: int = 20
    min_pairs: int = 8
    max_errors: int = 3
    max_error_rate: float = 0.02
    max_frame_seconds: float | None = None
    max_count_ratio: float = 8.0
    min_count_ratio: float = 0.2
    max_score_drop: float = 0.35
    min_kept: float = 0.3


@dataclass
class Tally:
    """Figures of one model on the line: the latest `window` frames."""

    window: int = 300
    frames: int = 0
    errors: int = 0
    last_error: str = ""
    seconds: deque[float] = field(default_factory=deque)
    counts: deque[int] = field(default_factory=deque)
    scores: deque[float] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.guard = threading.Lock()
        self.seconds = deque(maxlen=self.window)
        self.counts = deque(maxlen=self.window)
        self.scores = deque(maxlen=self.window)

    def saw(self, seconds: float, detections: Detections) -> None:
        """One frame was judged."""
        with self.guard:
            self.frames += 1
            self.seconds.append(seconds)
            self.counts.append(len(detections))
            if len(detections):
                self.scores.append(sum(float(box[4]) for box in detections) / len(detections))

    def failed(self, why: str) -> None:
        """One frame could not be judged."""
        with self.guard:
            self.frames += 1
            self.errors += 1
            self.last_error = why

    def figures(self) -> dict[str, float]:
        with self.guard:
            return {
                "frames": self.frames,
                "errors": self.errors,
                "frame_ms": round(median(self.seconds) * 1000, 3) if self.seconds else 0.0,
                "boxes": round(sum(self.counts) / len(self.counts), 3) if self.counts else 0.0,
                "score": round(sum(self.scores) / len(self.scores), 4) if self.scores else 0.0,
            }


class Probation:
    """Watches one new model; `verdict` says None while it is open, "" when it is passed, else the reason to roll
    back."""

    def __init__(
        self,
        terms: Terms,
        gate: Gate,
        now: float,
        old: Tally | None,
        new: Tally,
        old_names: Sequence[str],
        new_names: Sequence[str],
    ) -> None:
        self.terms = terms
        self.gate = gate
        self.began = now
        self.before = old.figures() if old else {"frames": 0.0}
        self.new = new
        self.old_names = old_names
        self.new_names = new_names
        self.pairs: list[tuple[Detections, Detections]] = []
        self._checked = -1

    def pair(self, old: Detections, new: Detections) -> None:
        """One frame that both models judged."""
        self.pairs.append((old, new))

    def verdict(self, now: float) -> str | None:
        figures = self.new.figures()
        long_enough = figures["frames"] >= self.terms.frames or now - self.began >= self.terms.seconds
        moment = figures["frames"] + len(self.pairs)
        if moment == self._checked and not long_enough:
            return None
        self._checked = int(moment)
        why = self._too_bad(figures, long_enough)
        if why:
            return why
        return "" if long_enough else None

    def figures(self) -> dict[str, float]:
        found = dict(self.new.figures(), pairs=float(len(self.pairs)))
        found.update({"old_" + key: self.before[key] for key in ("frame_ms", "boxes", "score") if key in self.before})
        return found

    def _too_bad(self, now: dict[str, float], over: bool) -> str:
        terms = self.terms
        if now["errors"] >= terms.max_errors and now["errors"] > terms.max_error_rate * now["frames"]:
            return "%d of %d frames failed, the last with: %s" % (now["errors"], now["frames"], self.new.last_error)
        enough = now["frames"] >= terms.min_frames
        if enough and terms.max_frame_seconds and now["frame_ms"] > terms.max_frame_seconds * 1000:
            return "%.1f ms for a frame; the line bears %.1f ms" % (now["frame_ms"], terms.max_frame_seconds * 1000)
        if len(self.pairs) >= terms.min_pairs:
            return self._pairs_drift()
        if enough and (over or now["frames"] >= 3 * terms.min_frames) and self.before["frames"] >= terms.min_frames:
            return self._drift(self.before["boxes"], now["boxes"], self.before["score"], now["score"])
        return ""

    def _pairs_drift(self) -> str:
        old, new = [pair[0] for pair in self.pairs], [pair[1] for pair in self.pairs]
        for detections in new:
            why = broken_numbers(detections, self.gate.max_boxes)
            if why:
                return why
        share = kept_share(old, new, self.old_names, self.new_names, self.gate)
        if share is not None and share < self.terms.min_kept:
            return "it finds %.0f %% of what the old model is sure of in %d frames (at least %.0f %%)" % (
                share * 100,
                len(old),
                self.terms.min_kept * 100,
            )
        return self._drift(_boxes(old), _boxes(new), _score(old), _score(new))

    def _drift(self, boxes: float, boxes_now: float, score: float, score_now: float) -> str:
        ratio = (boxes_now + 1.0) / (boxes + 1.0)
        if ratio > self.terms.max_count_ratio or (boxes >= 0.5 and boxes_now < boxes * self.terms.min_count_ratio):
            return "boxes per frame went from %.2f to %.2f" % (boxes, boxes_now)
        if score > 0 and 0 < score_now < score - self.terms.max_score_drop:
            return "the mean score fell from %.2f to %.2f" % (score, score_now)
        return ""


def _boxes(many: Sequence[Detections]) -> float:
    return sum(len(detections) for detections in many) / len(many)


def _score(many: Sequence[Detections]) -> float:
    scores = [float(box[4]) for detections in many for box in detections]
    return sum(scores) / len(scores) if scores else 0.0
