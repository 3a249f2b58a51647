"""Golden frames: a few pictures in a model's folder that every version of it must judge sensibly before it is used."""
from __future__ import annotations

import shutil
from pathlib import Path
from typing import Sequence

import cv2
import numpy as np

from edgevision.decode import read_picture
from edgevision.errors import ModelError
from edgevision.frame import Frame
from edgevision.url import pictures_of

FOLDER = "golden"


def golden_frames(folder: str | Path) -> list[Frame]:
    """The pictures under `golden/` of a model folder, by name; none when there is no such folder."""
    home = Path(folder) / FOLDER
    if not home.is_dir():
        return []
    frames = []
    for path in pictures_of(str(home)):
        picture = read_picture(path)
        if picture is None:
            raise ModelError("golden frame %s: expected a picture, it cannot be read" % path)
        frames.append(Frame.from_array(picture))
    return frames


def write_golden(folder: str | Path, pictures: Sequence[np.ndarray]) -> None:
    """Keep some pictures (blue-green-red) as the golden frames of a model folder, in place of those it had."""
    home = Path(folder) / FOLDER
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    for number, picture in enumerate(pictures):
        done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
        if not done:
            raise ModelError("golden frame %d: it cannot be written as jpeg" % number)
        (home / ("%02d.jpg" % number)).write_bytes(data.tobytes())


def copy_golden(source: str | Path, target: str | Path) -> None:
    """Hand a model's golden frames on to the version that was trained from it."""
    home = Path(source) / FOLDER
    if home.is_dir() and Path(source).resolve() != Path(target).resolve():
        shutil.copytree(home, Path(target) / FOLDER, dirs_exist_ok=True)
