"""The helmet detector as Sedna's estimators are: eight methods that a training or evaluation worker calls.

Evaluation and prediction run the exported model in onnxruntime with the detector that the edge runs. So what is
measured is what is shipped, and an evaluation worker needs no torch; only `train` does.
"""
from __future__ import annotations

import hashlib
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Mapping

import numpy as np

from edgevision.decode import read_picture
from edgevision.detector import Detector
from edgevision.errors import ModelError, TrainingError
from edgevision.frame import Frame
from edgevision.golden import copy_golden
from edgevision.manifest import FILE, Manifest
from edgevision.metrics import judge
from edgevision.onnxfile import inspect

Weights = Dict[str, np.ndarray]
_LOWEST = 0.02  # scores below this do not count for the average precision


class HelmetEstimator:
    """Fine-tunes, measures and saves a model of `models/`.

    Settings, given here or to a method (a method's win): `model` (where to start from), `steps`, `batch_size`,
    `learning_rate`, `rehearsal` (share of old pictures in a batch), `seed`, `threads`, `checkpoint` (a file to resume
    from), `progress` (called with step, steps, loss), `root` (folder of relative picture paths), `version`, `name`,
    `score_threshold`. Texts are fine: workers get their parameters from the environment.

    >>> estimator = HelmetEstimator(model="models/little")              # doctest: +SKIP
    >>> estimator.train("round1/data.txt")                              # doctest: +SKIP
    >>> estimator.evaluate("test/data.txt")["mAP50"]                    # doctest: +SKIP
    >>> estimator.save("round1/model.onnx")                             # doctest: +SKIP
    """

    def __init__(self, **kwargs: Any) -> None:
        self._settings: dict[str, Any] = {"steps": 90, "batch_size": 16, "learning_rate": 5e-4, "rehearsal": 0.5,
                                          "seed": 1, "threads": 2, **kwargs}
        self._file: Path | None = None  # what was loaded
        self._plan: Any = None  # of the net in it, once its weights are asked for
        self._weights: Weights | None = None
        self._manifest: Manifest | None = None
        self._metrics: dict[str, Any] = {}
        self._trained = False
        if kwargs.get("model"):
            self.load(kwargs["model"])

    def load(self, model_url: str | Path, **kwargs: Any) -> HelmetEstimator:
        """Start from a model: its folder, its manifest, or its .onnx file (with or without a manifest beside it)."""
        path = Path(model_url)
        manifest: Manifest | None = None
        if path.suffix.lower() != ".onnx":
            manifest = Manifest.read(path)
            manifest.verify_file()
            path = manifest.model_path
        elif path.with_name(FILE).exists():
            beside = Manifest.read(path.with_name(FILE))
            manifest = beside if beside.model.file == path.name else None
        if not path.exists():
            raise ModelError("model %s: no such file" % path)
        inspect(path)
        self._file, self._plan, self._weights = path, None, None
        self._manifest, self._metrics, self._trained = manifest, {}, False
        return self

    def train(self, train_data: Any, valid_data: Any = None, **kwargs: Any) -> dict[str, Any]:
        """Fine-tune on a round's samples (see training.samples.read_samples); returns what was done, for a log.

        Half of what makes a round good is what it does not lose: a share of every batch is old pictures. Stopped in the
        middle and called again with the same `checkpoint` and data, it goes on where it was.
        """
        try:
            from edgevision.training.finetune import finetune
        except ImportError as error:
            raise TrainingError("training needs torch and onnx (%s): pip install 'sednabox[train]'" % error) from None
        from edgevision.training.samples import read_samples
        plan, weights = self._ready()
        samples = read_samples(train_data, self._text("root", kwargs), plan.classes)
        start = time.monotonic()
        checkpoint = self._text("checkpoint", kwargs)
        done = finetune(plan, weights, samples, steps=self._whole("steps", kwargs, 1),
                        batch=self._whole("batch_size", kwargs, 2), rate=self._number("learning_rate", kwargs),
                        rehearsal=min(0.95, self._number("rehearsal", kwargs)), seed=self._whole("seed", kwargs, 0),
                        threads=self._whole("threads", kwargs, 1), checkpoint=Path(checkpoint) if checkpoint else None,
                        progress=self._setting("progress", kwargs))
        self._weights, self._trained = done.weights, True
        summary: dict[str, Any] = {"pictures": len(samples), "skipped": samples.skipped, "steps": done.steps,
                                   "resumed_at": done.resumed_at, "loss": done.loss,
                                   "seconds": round(time.monotonic() - start, 3)}
        if valid_data is not None:
            summary["valid"] = self.evaluate(valid_data, **kwargs)
        return summary

    def evaluate(self, data: Any, **kwargs: Any) -> dict[str, list[float]]:
        """precision, recall, mAP (average precision at IoU 0.5): one number a class; mAP50: their mean. All lists."""
        from edgevision.training.samples import read_samples
        with self._detector(kwargs, _LOWEST) as detector:
            samples = read_samples(data, self._text("root", kwargs), len(detector.classes))
            found = [detector.detect([Frame.from_array(picture)])[0] for picture in samples.pictures]
            score = self._number("score_threshold", kwargs, detector.manifest.output.score_threshold)
        report = judge(found, samples.labels, len(detector.classes), score)
        result: dict[str, list[float]] = {"precision": report.precision, "recall": report.recall,
                                          "mAP": [0.0 if ap != ap else ap for ap in report.ap], "mAP50": [report.map50]}
        digest = hashlib.sha256()
        for picture, rows in zip(samples.pictures, samples.labels):
            digest.update(picture.tobytes() + np.ascontiguousarray(rows).tobytes())
        self._metrics["evaluated"] = {"mAP50": round(report.map50, 4), "AP50": ["%.4f" % ap for ap in result["mAP"]],
                                      "precision": ["%.4f" % p for p in report.precision],
                                      "recall": ["%.4f" % r for r in report.recall], "pictures": len(samples),
                                      "data_sha256": digest.hexdigest()}
        return result

    def predict(self, data: Any, **kwargs: Any) -> list[Any]:
        """Rows of x1, y1, x2, y2, score, class: a list of rows for one picture, or such a list for each of many."""
        many = isinstance(data, (list, tuple)) or hasattr(data, "x")
        sources = list(getattr(data, "x", data)) if many else [data]
        with self._detector(kwargs, None) as detector:
            found = [detector.detect([Frame.from_array(self._picture(s, kwargs))])[0].to_meta() for s in sources]
        return found if many else found[0]

    def save(self, model_path: str | Path, **kwargs: Any) -> str:
        """Write the model with its manifest beside it: `model_path` is an .onnx file, or a folder for model.onnx."""
        from edgevision.training.ship import ship
        plan, weights = self._ready()
        path = Path(model_path)
        folder, file = (path.parent, path.name) if path.suffix.lower() == ".onnx" else (path, "model.onnx")
        before = self._manifest.model if self._manifest else None
        name = self._text("name", kwargs) or (before.name if before else plan.name)
        counter = (before.counter if before else 0) + (1 if self._trained or not before else 0)
        version = self._text("version", kwargs)
        if not version:
            version = before.version if before and not self._trained else "%d" % counter
        parent = (before.version if self._trained else before.parent) if before else ""
        metrics: Mapping[str, Any] = self._metrics
        if not self._trained and self._manifest:
            metrics = {**self._manifest.metrics, **self._metrics}
        manifest = ship(folder, plan, weights, name, version, counter, parent, metrics, file)
        if self._manifest:
            copy_golden(self._manifest.folder, folder)
        if self._manifest and self._manifest.output != manifest.output:
            # Thresholds that someone has set stay as they are.
            manifest = replace(manifest, output=self._manifest.output)
            manifest.write(folder)
        return str(manifest.model_path)

    def get_weights(self) -> Weights:
        """All weights by name, as arrays that may be kept."""
        return {name: value.copy() for name, value in self._ready()[1].items()}

    def set_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        """Take over weights that have the names and shapes of `get_weights()`."""
        _, mine = self._ready()
        wrong = [name for name in mine if name not in weights or np.shape(weights[name]) != mine[name].shape]
        if wrong or len(weights) != len(mine):
            raise TrainingError("weights: expected the %d arrays of get_weights(); wrong or missing: %s" % (
                len(mine), ", ".join(wrong[:5]) or sorted(set(weights) - set(mine))[:5]))
        self._weights = {name: np.array(weights[name], np.float32) for name in mine}
        self._trained = True

    def _ready(self) -> Any:
        """The net's plan and weights: what training and saving need, and measuring does not."""
        if self._weights is None:
            try:
                from edgevision.training.export import from_onnx
            except ImportError as error:
                raise TrainingError("this needs onnx (%s): pip install 'sednabox[train]'" % error) from None
            self._plan, self._weights = from_onnx(self._loaded())
        return self._plan, self._weights

    def _loaded(self) -> Path:
        if self._file is None:
            raise TrainingError("no model is loaded: call load() first, or give model= to the constructor")
        return self._file

    def _detector(self, kwargs: Mapping[str, Any], score: float | None) -> Detector:
        threads = self._whole("threads", kwargs, 1)
        if score is None:
            given = self._setting("score_threshold", kwargs)
            score = None if given is None else self._number("score_threshold", kwargs)
        if not self._trained:
            return Detector(self._loaded(), self._manifest, threads=threads, score_threshold=score)
        with tempfile.TemporaryDirectory() as folder:
            self.save(folder)
            return Detector(folder, threads=threads, score_threshold=score)

    def _picture(self, source: Any, kwargs: Mapping[str, Any]) -> np.ndarray:
        if isinstance(source, np.ndarray):
            return source
        path = Path(self._text("root", kwargs) or ".") / str(source)
        picture = read_picture(str(path))
        if picture is None:
            raise TrainingError("picture %s: cannot be read" % path)
        return picture

    def _setting(self, name: str, kwargs: Mapping[str, Any]) -> Any:
        value = kwargs.get(name)
        return self._settings.get(name) if value is None else value

    def _text(self, name: str, kwargs: Mapping[str, Any]) -> str:
        return str(self._setting(name, kwargs) or "")

    def _number(self, name: str, kwargs: Mapping[str, Any], default: float | None = None) -> float:
        value = self._setting(name, kwargs)
        try:
            number = float(default if value is None else value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            raise TrainingError("%s: expected a number, got %r" % (name, value)) from None
        if not 0 <= number < 1e9:
            raise TrainingError("%s: expected a number that is not negative, got %r" % (name, value))
        return number

    def _whole(self, name: str, kwargs: Mapping[str, Any], least: int) -> int:
        number = self._number(name, kwargs)
        if number != int(number) or number < least:
            raise TrainingError("%s: expected a whole number of at least %d, got %r" % (
                name, least, self._setting(name, kwargs)))
        return int(number)
