"""Scenes as files: picture folders with labels in Sedna's text form, and videos."""
from __future__ import annotations

import json
import os
from fractions import Fraction
from pathlib import Path
from typing import Iterable, Sequence, Union

import av
import cv2
import numpy as np

from edgevision.errors import SceneError
from edgevision.scenes.camera import Camera
from edgevision.scenes.canvas import Label
from edgevision.scenes.scene import VERSION, Scene

Rows = Union[Sequence[Label], np.ndarray]


def to_line(path: str, labels: Rows) -> str:
    """One picture in Sedna's text form: `rel/path.jpg x1,y1,x2,y2,cls ...`.

    >>> to_line("a.jpg", [Label(1, 2, 3, 4, 0)])
    'a.jpg 1,2,3,4,0'
    """
    if any(c.isspace() for c in path):
        raise SceneError("%r: Sedna's text form splits at white space, so a picture's path may hold none" % path)
    return " ".join([path] + [",".join(str(int(value)) for value in row) for row in labels])


def from_line(line: str, where: str = "line") -> tuple[str, np.ndarray]:
    """The path and the labels (n, 5) of one line of Sedna's text form."""
    parts = line.split()
    if not parts:
        raise SceneError("%s: expected `path x1,y1,x2,y2,cls ...`, got an empty line" % where)
    rows = []
    for part in parts[1:]:
        try:
            row = [float(value) for value in part.split(",")]
        except ValueError:
            row = []
        if len(row) != 5 or not row[2] > row[0] or not row[3] > row[1] or row[4] < 0 or row[4] != int(row[4]):
            raise SceneError("%s: expected x1,y1,x2,y2,cls with x2 > x1 and y2 > y1, got %r" % (where, part))
        rows.append(row)
    return parts[0], np.array(rows, np.float32).reshape(-1, 5)


def write_dataset(folder: str | Path, scene: Scene, count: int, first: int = 0, quality: int = 95,
                  images: str = "images", index: str = "data.txt") -> Path:
    """Pictures `first` to `first + count - 1` of a scene as jpeg files, with their labels; returns the index file.

    Beside it `<index>.json` says from what it was made, so that anyone can make it again.
    """
    folder = Path(folder)
    (folder / images).mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    for number in range(first, first + count):
        picture = scene.picture(number)
        name = "%s/%06d.jpg" % (images, number)
        if not _write_jpeg(folder / name, picture.bgr, quality):
            raise SceneError("%s: the picture could not be written" % (folder / name))
        lines.append(to_line(name, picture.labels))
    path = folder / index
    _write_whole(path, "\n".join(lines) + "\n" if lines else "")
    settings = {"generator": VERSION, "seed": scene.seed, "domain": scene.domain.as_dict(), "size": list(scene.size),
                "first": first, "count": count, "quality": quality, "classes": list(scene.classes)}
    _write_whole(folder / (index + ".json"), json.dumps(settings, indent=2, sort_keys=True) + "\n")
    return path


def write_video(path: str | Path, camera: Camera, frames: int, first: int = 0, crf: int = 23,
                keep_labels: bool = True) -> Path:
    """Frames of a camera as an mp4 (H.264). Labels go beside it, a JSON line for each frame: `<name>.labels.jsonl`."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    rate = Fraction(camera.fps).limit_denominator(1001)
    rows: list[str] = []
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height = camera.size
        stream.pix_fmt = "yuv420p"
        # Two threads at most and no look-ahead, so that writing a long video needs little memory.
        stream.options = {"crf": str(crf), "preset": "veryfast", "threads": "2"}
        for packet in _packets(stream, camera, first, frames, rows):
            container.mux(packet)
    if keep_labels:
        _write_whole(path.with_name(path.name + ".labels.jsonl"), "".join(rows))
    return path


def _packets(stream, camera: Camera, first: int, frames: int, rows: list[str]) -> Iterable[av.Packet]:
    for number in range(first, first + frames):
        frame = camera.frame(number)
        rows.append(json.dumps({"index": number - first, "timestamp": frame.timestamp,
                                "labels": [list(label) for label in frame.labels]}) + "\n")
        picture = av.VideoFrame.from_ndarray(frame.bgr, format="bgr24")
        picture.pts = number - first
        yield from stream.encode(picture)
    yield from stream.encode()


def _write_jpeg(path: Path, bgr: np.ndarray, quality: int) -> bool:
    """cv2.imwrite cannot take every path on every system; encoding in memory can."""
    done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if done:
        path.write_bytes(data.tobytes())
    return bool(done)


def _write_whole(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    with open(part, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
