"""Detectors for a swap machine: load them from proven bytes, judge frames, look at a model's golden frames.

Has the methods of `sedna_bridge.models.Runtime` without knowing it: the two meet in the flowunit that swaps.
"""
from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NamedTuple, Sequence

import cv2
import numpy as np

from edgevision.detector import Detector
from edgevision.errors import VisionError
from edgevision.frame import Frame
from edgevision.manifest import FILE, Manifest

GOLDEN = "golden"
PICTURES = (".jpg", ".jpeg", ".png")
WARM_UPS = 4


class Judged(NamedTuple):
    """[x1, y1, x2, y2, score, class] of each detection, and the seconds that the frame took."""

    detections: Sequence[Sequence[float]]
    seconds: float


class DetectorRuntime:
    """Loads and runs detectors. `threads` go to each model that is loaded, also beside the one in use."""

    def __init__(self, python: str = "", threads: int | None = None) -> None:
        self.python = python
        self.threads = threads

    def load(self, folder: Any) -> Detector:
        """A detector from the bytes that the store has proven."""
        path = Path(folder)
        return Detector(path, Manifest.read(path / FILE), self.threads, content=folder.read())

    def warm_up(self, session: Detector) -> None:
        session.warm_up(WARM_UPS)

    def judge(self, session: Detector, frames: Sequence[Frame]) -> list[Judged]:
        judged = []
        for frame in frames:
            began = time.perf_counter()
            [found] = session.detect([frame])
            judged.append(Judged(found.to_meta(), time.perf_counter() - began))
        return judged

    def classes(self, session: Detector) -> Sequence[str]:
        return session.classes

    def release(self, session: Detector) -> None:
        session.close()

    def golden_frames(self, folder: Any) -> list[Frame]:
        """The pictures under golden/ of a model folder."""
        found = []
        for path in sorted((Path(folder) / GOLDEN).glob("*")):
            if path.suffix.lower() not in PICTURES:
                continue
            found.append(self.picture(path.read_bytes(), str(path)))
        return found

    def picture(self, data: bytes, name: str = "a golden frame") -> Frame:
        """A frame from the bytes of a JPEG or PNG file."""
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
        if picture is None:
            raise VisionError("%s cannot be decoded; expected a whole JPEG or PNG file, got %d bytes" % (
                name, len(data)))
        return Frame.from_array(picture)

    def probe_command(self, folder: Any) -> list[str]:
        """Load the model, judge a grey frame and exit 0: for the first load ever, in a child process."""
        return [self.python, "-m", "edgevision.probe", str(Path(folder))] if self.python else []

    def keep_frame(self, frame: Frame) -> Frame:
        """A frame with pixels of its own."""
        return Frame(frame.format, frame.width, frame.height, [plane.copy() for plane in frame.planes])
