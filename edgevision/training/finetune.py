"""A round of fine-tuning: a few dozen steps on a folded net, from weights to weights."""
from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgevision.training.loop import Course, Progress, Walk, fast_bfloat16, settle
from edgevision.training.net import Net, Weights
from edgevision.training.plan import Plan
from edgevision.training.samples import Samples, mixture
from edgevision.training.ship import input_of


@dataclass(frozen=True)
class Round:
    """What a round left: the weights, how many steps it took, where it was resumed, and the mean loss at its end."""

    weights: Weights
    steps: int
    resumed_at: int
    loss: float


def finetune(plan: Plan, weights: dict[str, np.ndarray], samples: Samples, steps: int, batch: int, rate: float,
             rehearsal: float, seed: int, threads: int = 2, checkpoint: Path | None = None,
             progress: Progress | None = None) -> Round:
    """Train `weights` further on a mixture of samples and old pictures; `rehearsal` is the share of the old ones."""
    settle(seed, threads)
    course = Course(steps, batch, rate, warmup=max(1, min(15, steps // 5)), average=0.97, bfloat16=fast_bfloat16(),
                    seed=seed)
    stamp = _stamp(plan, weights, samples, course, rehearsal)
    walk = Walk(Net.from_weights(plan, weights), course, checkpoint, stamp)
    resumed = walk.step
    losses: list[float] = []

    def watch(step: int, last: int, loss: float) -> None:
        losses.append(loss)
        if progress:
            progress(step, last, loss)

    net = walk.run(mixture(samples, input_of(plan), seed, rehearsal), watch, save_every=20)
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return Round(net.fold(), steps, resumed, float(np.mean(losses[-10:])) if losses else 0.0)


def _stamp(plan: Plan, weights: dict[str, np.ndarray], samples: Samples, course: Course, rehearsal: float) -> str:
    """Names this very round, so that a checkpoint of another one is never taken for its own."""
    digest = hashlib.sha256(repr((plan.name, course, rehearsal, len(samples))).encode())
    for name in sorted(weights):
        digest.update(np.ascontiguousarray(weights[name]).tobytes())
    for picture, rows in zip(samples.pictures, samples.labels):
        digest.update(picture[::16, ::16].tobytes() + np.ascontiguousarray(rows).tobytes())
    return digest.hexdigest()
