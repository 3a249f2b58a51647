"""Frames and the versions stamped on them, in; verdicts out. One bad frame never spoils its neighbours."""
from __future__ import annotations

from typing import Any, NamedTuple, Sequence

from edgevision import registry
from edgevision.errors import ModelError, VisionError
from edgevision.frame import Frame

Rows = Sequence[Sequence[float]]


class Verdict(NamedTuple):
    """What was found ([x1, y1, x2, y2, score, class] each), by which model, and what its classes are called."""

    rows: Rows
    version: str
    model_name: str
    classes: Sequence[str]


def judge(frames: Sequence[Frame], versions: Sequence[str], usual: Any) -> list[Verdict | VisionError]:
    """A verdict, or why there is none, for each frame. Frames of one version are judged together.

    A frame without a version is judged by the `usual` detector.
    """
    groups: dict[str, list[int]] = {}
    for place, version in enumerate(versions):
        groups.setdefault(version, []).append(place)
    found: list[Verdict | VisionError] = [ModelError("not judged")] * len(frames)
    for version, group in groups.items():
        for place, verdict in zip(group, _judge_group([frames[k] for k in group], version, usual)):
            found[place] = verdict
    return found


def _judge_group(frames: list[Frame], version: str, usual: Any) -> list[Verdict | VisionError]:
    try:
        return list(_together(frames, version, usual))
    except Exception as error:
        if len(frames) == 1:
            return [error if isinstance(error, VisionError) else ModelError("%s: %s" % (type(error).__name__, error))]
    return [verdict for frame in frames for verdict in _judge_group([frame], version, usual)]


def _together(frames: list[Frame], version: str, usual: Any) -> list[Verdict]:
    judged_by: list[Any] = []

    def detect(detector: Any, some: Sequence[Any]) -> list[list[list[float]]]:
        judged_by.append(detector)
        try:
            return [detections.to_meta() for detections in detector.detect(some)]
        except ModelError as error:
            path = str(detector.path)
            raise error if path in str(error) else ModelError("model %s: %s" % (path, error)) from None

    if version:
        judge = registry.judge_of(version)
        if judge is None:
            raise ModelError("a frame must be judged by model version %s, but no unit in this process loads models; "
                             "put model_hot_swap into the graph, or remove the stamp" % version)
        rows, version = judge.judge(version, frames, detect)
    else:
        rows, version = detect(usual, frames), usual.manifest.model.version
    manifest = judged_by[-1].manifest
    classes = list(manifest.output.classes)
    return [Verdict(list(some), version, manifest.model.name, classes) for some in rows]
