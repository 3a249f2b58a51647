"""Rates of the parts of seeing: decode only, prepare only, detect only, and the plain loop that everybody writes.

Run it as `python -m bench.vision_rates [video] [--model models/little] [--seconds 5]`. The functions are for other
benches: each measures one part alone for some seconds, on frames that it has read before, and gives a Rate.
"""
from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Callable, NamedTuple

import cv2
import numpy as np
import onnxruntime

from edgevision.decode import Reader
from edgevision.detector import Detector
from edgevision.draw import draw
from edgevision.frame import Frame
from edgevision.manifest import Manifest
from edgevision.nms import nms
from edgevision.scenes import Camera, write_video

MODEL = "models/little"


class Rate(NamedTuple):
    """Frames per second, and how many frames were done in how many seconds, of wall clock and of processor."""

    name: str
    fps: float
    frames: int
    seconds: float
    cpu_seconds: float

    def __str__(self) -> str:
        return "%-14s %8.1f frames/s  %6.2f ms/frame  %5.2f cores" % (
            self.name, self.fps, 1000 / self.fps if self.fps else 0, self.cpu_seconds / self.seconds)


def make_video(folder: Path, frames: int = 250, size=(1280, 720)) -> Path:
    """A 720p film of a building site, H.264 in mp4."""
    return write_video(folder / "site.mp4", Camera(1, "day", 25, size), frames, keep_labels=False)


def timed(name: str, seconds: float, once: Callable[[], int]) -> Rate:
    """Call `once` (which says how many frames it did) until the time is over."""
    once()
    frames, start, cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - start < seconds:
        frames += once()
    wall = time.perf_counter() - start
    return Rate(name, frames / wall, frames, wall, time.process_time() - cpu)


def decode_only(video: str, seconds: float = 5, threads: int = 1) -> Rate:
    """Reading and decoding, pixels left in the decoder's format."""
    def once() -> int:
        with Reader(video, threads=threads) as reader:
            return sum(1 for _ in reader)
    return timed("decode", seconds, once)


def frames_of(video: str, count: int = 50) -> list[Frame]:
    """The first frames of a video, kept in memory as the decoder gives them."""
    frames: list[Frame] = []
    with Reader(video) as reader:
        for shot in reader:
            frames.append(Frame.of(shot.frame.packed(), shot.frame.format, shot.frame.width, shot.frame.height))
            if len(frames) >= count:
                break
    return frames


def prepare_only(frames: list[Frame], model: str = MODEL, seconds: float = 5) -> Rate:
    """Letterbox, colour and normalisation into the tensor, from the decoder's own planes."""
    with Detector(model, threads=1) as detector:
        def once() -> int:
            for frame in frames:
                detector.prepare([frame])
            return len(frames)
        return timed("prepare", seconds, once)


def plain_prepare_only(frames: list[Frame], model: str = MODEL, seconds: float = 5) -> Rate:
    """The same by the plain way: full-size colour, resize, paste, divide, transpose."""
    spec = Manifest.read(model).input

    def once() -> int:
        for frame in frames:
            plain_prepare(frame.bgr(), spec.width, spec.height)
        return len(frames)
    return timed("plain prepare", seconds, once)


def detect_only(frames: list[Frame], model: str = MODEL, seconds: float = 5, threads: int = 1) -> Rate:
    """The model and reading its outputs, on tensors that are ready."""
    with Detector(model, threads=threads) as detector:
        tensor, place = detector.prepare(frames[:1])

        def once() -> int:
            detector.read(detector.infer(tensor), place)
            return 1
        return timed("detect", seconds, once)


def plain_prepare(bgr: np.ndarray, width: int, height: int) -> np.ndarray:
    """BGR to RGB, letterbox and /255 as Sedna's helmet example does them, made NCHW for our models."""
    rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
    high, wide = rgb.shape[:2]
    scale = min(width / wide, height / high)
    new_wide, new_high = int(wide * scale), int(high * scale)
    canvas = np.full((height, width, 3), 128, np.uint8)
    top, left = int((height - new_high) / 2), int((width - new_wide) / 2)
    canvas[top:top + new_high, left:left + new_wide] = cv2.resize(rgb, (new_wide, new_high))
    return np.ascontiguousarray((canvas.astype(np.float32) / 255.0).transpose(2, 0, 1)[None])


def plain_loop(video: str, model: str = MODEL, seconds: float = 5) -> Rate:
    """The loop of Sedna's example: OpenCV read, BGR to RGB, letterbox, session.run, draw; one thread, every frame.

    onnxruntime with its default options, as a plain loop has it.
    """
    manifest = Manifest.read(model)
    session = onnxruntime.InferenceSession(str(manifest.model_path), providers=["CPUExecutionProvider"])
    name, spec = session.get_inputs()[0].name, manifest.input

    def once() -> int:
        capture, count = cv2.VideoCapture(video), 0
        while True:
            good, bgr = capture.read()
            if not good:
                capture.release()
                return count
            [out] = session.run(None, {name: plain_prepare(bgr, spec.width, spec.height)})
            draw_plain(bgr, out[0], manifest)
            count += 1
    return timed("plain loop", seconds, once)


def draw_plain(bgr: np.ndarray, out: np.ndarray, manifest: Manifest) -> None:
    """Threshold, NMS, and rectangles with text into the frame."""
    spec = manifest.input
    scores, classes = out[4:].max(0), out[4:].argmax(0)
    keep = scores > manifest.output.score_threshold
    centre, size = out[:2, keep].T, out[2:4, keep].T
    boxes = np.concatenate((centre - size / 2, centre + size / 2), 1)
    scale = min(spec.width / bgr.shape[1], spec.height / bgr.shape[0])
    offset = np.array([(spec.width - bgr.shape[1] * scale) / 2, (spec.height - bgr.shape[0] * scale) / 2] * 2)
    for k in nms(boxes, scores[keep], classes[keep], manifest.output.nms_threshold):
        x1, y1, x2, y2 = (int(v) for v in (boxes[k] - offset) / scale)
        cv2.rectangle(bgr, (x1, y1), (x2, y2), (0, 255, 0), 2)
        name = manifest.output.classes[classes[keep][k]]
        cv2.putText(bgr, name, (x1, y1), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 255, 0))


def draw_only(frames: list[Frame], model: str = MODEL, seconds: float = 5) -> Rate:
    """Full-size colour and boxes with labels."""
    with Detector(model, threads=1) as detector:
        found = [detector.detect([frame])[0] for frame in frames[:10]]

        def once() -> int:
            for frame, detections in zip(frames, found):
                draw(frame, detections, detector.classes)
            return len(found)
        return timed("draw", seconds, once)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("video", nargs="?")
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--seconds", type=float, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        video = given.video or str(make_video(Path(folder)))
        frames = frames_of(video)
        first = frames[0]
        print("%s, %dx%d, %s, %d cores" % (given.model, first.width, first.height, first.format, os.cpu_count() or 1))
        decode = decode_only(video, given.seconds)
        prepare = prepare_only(frames, given.model, given.seconds)
        plain = plain_prepare_only(frames, given.model, given.seconds)
        detect = detect_only(frames, given.model, given.seconds)
        for rate in (decode, prepare, plain, detect, draw_only(frames, given.model, given.seconds),
                     plain_loop(video, given.model, given.seconds)):
            print(rate)
        print("prepare is %.1f times as fast as the plain way" % (prepare.fps / plain.fps))
        print("ceiling with decoding beside preparing and detecting: %.1f frames/s" % min(
            decode.fps, 1 / (1 / prepare.fps + 1 / detect.fps)))


if __name__ == "__main__":
    main()
