"""The rate of each part of a graph alone, with all cores at it, and of all parts one after the other, frame by frame.

The parts alone find their code and data in the caches each time; added up they say what no graph can reach, because in
one a frame goes from part to part. The chain does just that, a whole chain on each core with nothing to hand over:
what a graph loses against it is the engine's.
"""
from __future__ import annotations

import os
import tempfile
import threading
import time
from typing import Callable, NamedTuple, Sequence

from edgevision.decode import Reader
from edgevision.detector import Detector
from edgevision.draw import drawn
from edgevision.envelope import block_of
from edgevision.frame import Frame
from edgevision.recording import Recording

Step = Callable[[], int]    # does some frames, says how many


class Rate(NamedTuple):
    """Frames a second with all cores at it, and processor milliseconds for a frame."""

    part: str
    fps: float
    cpu_ms: float


def frames_of(video: str, count: int = 60) -> list[Frame]:
    """Frames as the decoding unit puts them out, held in memory."""
    frames: list[Frame] = []
    with Reader(video) as reader:
        for shot in reader:
            frames.append(block_of(shot.frame)[1])
            if len(frames) >= count:
                break
    return frames


def rate(part: str, makers: Sequence[Callable[[], Step]], seconds: float) -> Rate:
    """Run one step maker per thread for so long, all at once, and count."""
    counts = [0] * len(makers)
    ready = threading.Barrier(len(makers) + 1)
    over = threading.Event()

    def work(place: int) -> None:
        step = makers[place]()
        step()
        ready.wait()
        while not over.is_set():
            counts[place] += step()

    threads = [threading.Thread(target=work, args=(place,), daemon=True) for place in range(len(makers))]
    for thread in threads:
        thread.start()
    ready.wait()
    began, cpu = time.perf_counter(), time.process_time()
    over.wait(seconds)
    over.set()
    for thread in threads:
        thread.join()
    cpu = time.process_time() - cpu
    return Rate(part, sum(counts) / (time.perf_counter() - began), 1000 * cpu / max(1, sum(counts)))


class Parts:
    """The parts of a graph: decode, prepare, detect, and draw and record where the graph has them."""

    def __init__(self, video: str, detector: Detector, draws: bool, records: bool, threads: int) -> None:
        self.video, self.detector, self.threads, self.draws = video, detector, threads, draws
        self.frames = frames_of(video)
        self.found = detector.detect(self.frames[:1])[0]
        self.names = ["decode", "prepare", "detect"] + ["draw"] * draws + ["record"] * records
        self.folder = tempfile.TemporaryDirectory(prefix="sednabox-bench-")

    def measure(self, name: str, seconds: float, threads: int = 0) -> Rate:
        maker = getattr(self, "_" + name)
        return rate(name, [maker] * (threads or self.threads), seconds)

    def close(self) -> None:
        self.folder.cleanup()

    def _decode(self) -> Step:
        """Read, decode, and pack for a buffer, a few frames a step."""
        shots = iter(Reader(self.video))

        def step() -> int:
            nonlocal shots
            shot = next(shots, None)
            if shot is None:
                shots = iter(Reader(self.video))
                shot = next(shots)
            block_of(shot.frame)
            return 1
        return step

    def _prepare(self) -> Step:
        return self._each(lambda frame: self.detector.prepare([frame]))

    def _detect(self) -> Step:
        tensor, places = self.detector.prepare(self.frames[:1])

        def step() -> int:
            self.detector.read(self.detector.infer(tensor), places)
            return 1
        return step

    def _draw(self) -> Step:
        return self._each(lambda frame: drawn(frame, self.found, self.detector.classes, "sedna"))

    def _record(self) -> Step:
        """What the graph records: the film with its boxes, forwards and backwards, so that nothing jumps."""
        path = os.path.join(self.folder.name, "%d.mp4" % threading.get_ident())
        recording = Recording(path)
        pictures = [drawn(frame, self.detector.detect([frame])[0], self.detector.classes, "sedna")
                    for frame in (self.frames if self.draws else ())] or self.frames
        pictures = pictures + pictures[::-1]
        count = 0

        def step() -> int:
            nonlocal count
            recording.write(pictures[count % len(pictures)], count * 80)
            count += 1
            return 1
        return step

    def chain(self, seconds: float, recording: bool) -> Rate:
        """All parts on each core, one after the other."""
        return rate("chain", [lambda: self._chain(recording)] * self.threads, seconds)

    def _chain(self, recording: bool) -> Step:
        shots = iter(Reader(self.video))
        target = Recording(os.path.join(self.folder.name, "chain-%d.mp4" % threading.get_ident()))
        count = 0

        def step() -> int:
            nonlocal shots, count
            shot = next(shots, None)
            if shot is None:
                shots = iter(Reader(self.video))
                shot = next(shots)
            frame = block_of(shot.frame)[1]
            found = self.detector.detect([frame])[0]
            if self.draws:
                frame = drawn(frame, found, self.detector.classes, "sedna")
            if recording:
                target.write(frame, count * 80)
            count += 1
            return 1
        return step

    def _each(self, do: Callable[[Frame], object]) -> Step:
        count = 0

        def step() -> int:
            nonlocal count
            do(self.frames[count % len(self.frames)])
            count += 1
            return 1
        return step


def ceiling(rates: Sequence[Rate]) -> float:
    """Frames a second when all cores do all parts and nothing else: the parts' times for a frame add up."""
    return 1.0 / sum(1.0 / one.fps for one in rates)
