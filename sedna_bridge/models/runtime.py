"""What the swap machine needs from whoever runs models. The room of pictures and models implements it; this one knows
none.

A session is whatever `load` returns; the machine only passes it on.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Sequence

from .store import ModelFolder

Detections = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Judged:
    """What a session said of one frame: [x1, y1, x2, y2, score, class] each, and the seconds that it took."""

    detections: Detections
    seconds: float


class Runtime(ABC):
    """Loads models and judges frames. Calls come from one thread at a time, never from the frame path."""

    @abstractmethod
    def load(self, folder: ModelFolder) -> Any:
        """A session for the model. Load the bytes of `folder.read()`: they are proven; the path may change under
        you."""

    @abstractmethod
    def warm_up(self, session: Any) -> None:
        """Run it until it runs at its usual speed. Raises when it cannot run."""

    @abstractmethod
    def judge(self, session: Any, frames: Sequence[Any]) -> Sequence[Judged]:
        """Judge each frame, one after the other, and time each. May run beside the frame path on the same session."""

    @abstractmethod
    def classes(self, session: Any) -> Sequence[str]:
        """The names of the classes, by number; empty when the model does not say."""

    @abstractmethod
    def release(self, session: Any) -> None:
        """Give back memory and devices. No frame is with the session any more."""

    def golden_frames(self, folder: ModelFolder) -> Sequence[Any]:
        """The frames under golden/ of the model folder, ready for `judge`; none by default."""
        return ()

    def probe_command(self, folder: ModelFolder) -> Sequence[str]:
        """A command that loads the model, warms it up, runs it once and exits 0; empty for none.

        It is the first load ever of these bytes and runs in a child process with limits (probe.py).
        """
        return ()

    def keep_frame(self, frame: Any) -> Any:
        """A frame that stays valid after its turn is over; the default is for frames that own their pixels."""
        return frame
