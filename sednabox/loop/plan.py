"""What a run of the demo is: the camera's day, the rounds, the sizes. Everything follows from the seed."""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Plan:
    """`rounds` rounds; the last is poisoned if `poison`. Times are seconds, of the camera and of the wall clock."""

    folder: Path
    seed: int = 1
    rounds: int = 3
    poison: bool = True
    fps: float = 8.0
    dark: float = 50.0
    samples: int = 120
    steps: int = 80
    exam: int = 60
    round_deadline: float = 600.0

    @property
    def schedule(self) -> str:
        """Daylight, then ever darker until it is night."""
        return "0:day,%g:day,%g:night" % (0.4 * self.dark, self.dark)

    @property
    def poisoned_round(self) -> int:
        """The number of the round whose labels are wrong on purpose; 0 for none."""
        return self.rounds if self.poison and self.rounds > 1 else 0

    @property
    def exam_seed(self) -> int:
        """Of pictures that no training sees: other sites than the camera's."""
        return 90_000 + self.seed

    # -- where things lie ---------------------------------------------------------------------------------------------
    @property
    def root(self) -> Path:
        """What the host paths of the job's yaml are below."""
        return self.folder / "root"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def dataset(self) -> Path:
        return self.root / "data" / "helmet" / "train_data.txt"

    @property
    def hard(self) -> Path:
        return self.dataset.parent / "hard"

    @property
    def results(self) -> Path:
        return self.root / "results" / "frames.jsonl"

    @property
    def initial(self) -> Path:
        return self.root / "models" / "initial"

    @property
    def deployed(self) -> Path:
        return self.root / "models" / "deploy"
