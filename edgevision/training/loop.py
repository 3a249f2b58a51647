"""Gradient steps: batches in order, warm-up and cosine, a moving average of the weights, checkpoints to go on from."""
from __future__ import annotations

import math
import os
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, Tuple

import numpy as np
import torch

from edgevision.errors import TrainingError
from edgevision.training.loss import loss, pad_targets
from edgevision.training.net import Net

Sample = Tuple[np.ndarray, np.ndarray]  # picture (h, w, 3) uint8 blue-green-red, rows of x1, y1, x2, y2, class
Progress = Callable[[int, int, float], None]  # step, steps, loss


@dataclass(frozen=True)
class Course:
    """How to walk: the length of the way and of the steps."""

    steps: int
    batch: int
    rate: float
    warmup: int = 100
    decay: float = 0.02
    average: float = 0.998
    bfloat16: bool = False
    seed: int = 0
    stop: int = 0  # the step to end at; 0 is the last one
    cool: int = 0  # over so many steps before the end the rate goes to nothing

    @property
    def last(self) -> int:
        return self.stop or self.steps

    def rate_at(self, step: int) -> float:
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        share = (step - self.warmup) / max(1, self.steps - self.warmup)
        rate = self.rate * min(1.0, (self.last - step) / self.cool) if self.cool else self.rate
        return rate * (0.01 + 0.99 * (1 + math.cos(math.pi * min(1.0, share))) / 2)


def settle(seed: int, threads: int = 2) -> None:
    """Make torch repeatable: same seed, same number of threads, no racing algorithms."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)


def fast_bfloat16() -> bool:
    """Whether this processor multiplies in bfloat16 itself; elsewhere it would be slower, not faster."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags or " bf16 " in flags


def to_batch(samples: list[Sample]) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures as a tensor (batch, 3, h, w), red-green-blue, 0..1; labels padded."""
    pixels = torch.from_numpy(np.stack([picture[:, :, ::-1] for picture, _ in samples]))
    image = pixels.permute(0, 3, 1, 2).float().div_(255).contiguous(memory_format=torch.channels_last)
    return image, pad_targets([rows for _, rows in samples])


def batches(sample: Callable[[int], Sample], first: int, last: int, size: int) -> Iterator[list[Sample]]:
    """Batches `first` to `last` - 1 in order, the next ones drawn in a thread while torch works."""
    with ThreadPoolExecutor(1) as pool:
        def draw(number: int) -> list[Sample]:
            return [sample(number * size + i) for i in range(size)]

        ahead = [pool.submit(draw, k) for k in range(first, min(first + 3, last))]
        for k in range(first, last):
            ready = ahead.pop(0).result()
            if k + 3 < last:
                ahead.append(pool.submit(draw, k + 3))
            yield ready


class Walk:
    """A training run: holds the net, its average, the optimiser and how far it got.

    With a `checkpoint` file it goes on where that left off; `stamp` names the run, and a file of another run is
    ignored.
    """

    def __init__(self, net: Net, course: Course, checkpoint: Path | None = None, stamp: str = "") -> None:
        self.net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.course = course
        self.checkpoint = checkpoint
        self.stamp = stamp
        self.step = 0
        thin = [p for p in net.parameters() if p.ndim < 2]
        thick = [p for p in net.parameters() if p.ndim >= 2]
        self.optimiser = torch.optim.AdamW([{"params": thick, "weight_decay": course.decay},
                                            {"params": thin, "weight_decay": 0.0}], lr=course.rate)
        self.average = {name: value.detach().clone() for name, value in net.state_dict().items()}
        if checkpoint is not None and checkpoint.exists():
            self._resume(checkpoint)

    def run(self, sample: Callable[[int], Sample], progress: Progress | None = None, save_every: int = 200) -> Net:
        """Walk to the end; returns a net with the averaged weights."""
        course = self.course
        self.net.train()
        for samples in batches(sample, self.step, course.last, course.batch):
            for group in self.optimiser.param_groups:
                group["lr"] = course.rate_at(self.step)
            image, targets = to_batch(samples)
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=course.bfloat16):
                raw = self.net(image)
            total, _, _ = loss(raw, targets)
            if not torch.isfinite(total):
                raise TrainingError("the loss became %s at step %d of %d; lower the learning rate (now %g)" % (
                    float(total.detach()), self.step, course.steps, course.rate_at(self.step)))
            self.optimiser.zero_grad(set_to_none=True)
            total.backward()
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), 10.0)
            self.optimiser.step()
            self.step += 1
            self._blend()
            if progress:
                progress(self.step, course.last, float(total.detach()))
            if self.checkpoint is not None and self.step % save_every == 0:
                self._save(self.checkpoint)
        best = Net(self.net.plan, self.net.folded)
        best.load_state_dict(self.average)
        return best.eval()

    @torch.no_grad()
    def _blend(self) -> None:
        keep = min(self.course.average, (1 + self.step) / (10 + self.step))
        for name, value in self.net.state_dict().items():
            mine = self.average[name]
            if mine.dtype.is_floating_point:
                mine.lerp_(value, 1 - keep)
            else:
                mine.copy_(value)

    def _save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        with open(part, "wb") as file:
            torch.save({"step": self.step, "net": self.net.state_dict(), "average": self.average,
                        "optimiser": self.optimiser.state_dict(), "stamp": self.stamp}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)

    def _resume(self, path: Path) -> None:
        try:
            state = torch.load(path, weights_only=True)
            if state["stamp"] != self.stamp:
                return
            self.net.load_state_dict(state["net"])
            self.average = state["average"]
            self.optimiser.load_state_dict(state["optimiser"])
            self.step = int(state["step"])
        except Exception as error:
            raise TrainingError("checkpoint %s cannot be resumed (%s); delete it to start again" % (
                path, error)) from None
