"""A trained net as a model folder: model.onnx, manifest.toml, and a card for people."""
from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, Mapping

import numpy as np

from edgevision.letterbox import InputSpec
from edgevision.manifest import MANIFEST_KEY, Manifest, ModelInfo, OutputSpec
from edgevision.scenes import CLASSES
from edgevision.training.export import to_onnx
from edgevision.training.plan import Plan

SCORE, OVERLAP = 0.3, 0.5


def input_of(plan: Plan) -> InputSpec:
    return InputSpec(plan.width, plan.height)


def ship(folder: str | Path, plan: Plan, weights: Mapping[str, np.ndarray], name: str, version: str, counter: int,
         parent: str = "", metrics: Mapping[str, Any] | None = None,
         file: str = "model.onnx") -> Manifest:
    """Write the model and its manifest; the manifest comes last, so that a folder with one is complete."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    info = ModelInfo(name, version, counter, file, "", 0, parent, "Apache-2.0")
    manifest = Manifest(info, input_of(plan), OutputSpec("yolov8", CLASSES, SCORE, OVERLAP), {}, folder)
    model = to_onnx(plan, dict(weights))
    # Sedna's LocalController carries the .onnx alone to the edge: it says itself how it must be run.
    model.metadata_props.add(key=MANIFEST_KEY, value=manifest.text())
    data = model.SerializeToString(deterministic=True)
    write_whole(folder / file, data)
    info = replace(info, sha256=hashlib.sha256(data).hexdigest(), size=len(data))
    manifest = replace(manifest, model=info, metrics=dict(metrics or {}))
    manifest.write(folder)
    return manifest


def write_whole(path: Path, data: bytes) -> None:
    """The file appears whole or not at all, also when the power fails."""
    part = path.with_name(path.name + ".part")
    with open(part, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def metrics_table(reports: Mapping[str, Any]) -> dict[str, Any]:
    """Reports by the name of their test set, as the manifest's free table: figures and the hash of the data."""
    table: dict[str, Any] = {}
    for name, (test, report) in reports.items():
        table[name] = {"mAP50": round(report.map50, 4), "AP50": ["%.4f" % ap for ap in report.ap],
                       "precision": ["%.4f" % p for p in report.precision],
                       "recall": ["%.4f" % r for r in report.recall],
                       "pictures": test.count, "data_sha256": test.sha256}
    return table
