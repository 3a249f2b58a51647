"""A contact sheet: small pictures of a dataset with their boxes, in one PNG."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from sedna_bridge.datasets.errors import DatasetFormatError
from sedna_bridge.datasets.samples import LabelledSet, Sample
from sedna_bridge.datasets.whole import write_bytes

_COLOURS = ((0, 200, 255), (255, 120, 0), (60, 200, 60), (60, 60, 255), (255, 0, 200), (200, 200, 0), (180, 105, 255))
_TITLE = 18


def contact_sheet(data: LabelledSet, path: str, count: int = 24, columns: int = 6, width: int = 240) -> int:
    """Write the sheet; returns how many pictures it shows. More samples than `count` are taken at even distances."""
    if not data.samples:
        raise DatasetFormatError(f"{path}: there are no samples to show")
    chosen = _spread(data.samples, count)
    columns = max(1, min(columns, len(chosen)))
    height = max(1, int(width * 9 / 16))
    rows = -(-len(chosen) // columns)
    sheet = np.full((rows * (height + _TITLE), columns * width, 3), 32, np.uint8)
    for index, sample in enumerate(chosen):
        top, left = index // columns * (height + _TITLE), index % columns * width
        tile = _tile(data, sample, width, height)
        sheet[top : top + height, left : left + width] = tile
        title = f"{sample.name[-30:]} {sample.label}".strip()
        at = (left + 3, top + height + _TITLE - 5)
        cv2.putText(sheet, title, at, cv2.FONT_HERSHEY_SIMPLEX, 0.36, (220, 220, 220), 1, cv2.LINE_AA)
    done, encoded = cv2.imencode(".png", sheet)
    if not done:
        raise DatasetFormatError(f"{path}: the sheet could not be made as PNG")
    write_bytes(path, encoded.tobytes())
    return len(chosen)


def _spread(samples: Sequence[Sample], count: int) -> list[Sample]:
    if len(samples) <= count:
        return list(samples)
    return [samples[index * len(samples) // count] for index in range(count)]


def _tile(data: LabelledSet, sample: Sample, width: int, height: int) -> Any:
    tile = np.full((height, width, 3), 16, np.uint8)
    picture = cv2.imread(sample.path)
    if picture is None:
        cv2.putText(tile, "missing", (8, height // 2), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (80, 80, 255), 1, cv2.LINE_AA)
        return tile
    scale = min(width / picture.shape[1], height / picture.shape[0])
    size = (max(1, int(picture.shape[1] * scale)), max(1, int(picture.shape[0] * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    tile[top : top + size[1], left : left + size[0]] = small
    for box in sample.boxes:
        colour = _COLOURS[box.label % len(_COLOURS)]
        corners = [round(value * scale) for value in box.values()[:4]]
        start, end = (left + corners[0], top + corners[1]), (left + corners[2], top + corners[3])
        cv2.rectangle(tile, start, end, colour, 1)
        name = data.class_name(box.label)
        cv2.putText(tile, name, (start[0], max(8, start[1] - 2)), cv2.FONT_HERSHEY_SIMPLEX, 0.3, colour, 1, cv2.LINE_AA)
    return tile
