"""A detector: a model with its manifest, fed with frames, giving detections."""
from __future__ import annotations

import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Sequence

import numpy as np

from edgevision.detections import Detections
from edgevision.errors import ManifestError, ModelError
from edgevision.frame import Frame
from edgevision.guess import guess
from edgevision.heads import Found, HeadSpec, head_of
from edgevision.heads.base import Shape, check_finite, show_shape
from edgevision.letterbox import FED, Geometry, Letterbox
from edgevision.manifest import FILE, Manifest
from edgevision.nms import nms
from edgevision.session import first_line, open_session

_CANDIDATES = 3000  # boxes that NMS looks at, best first; a model that finds more finds nonsense
MOST = 300  # detections in one frame


class Detector:
    """Finds objects in frames. Any number of threads may call `detect` at once.

    `model` is a folder with model.onnx and manifest.toml, a manifest file, or a bare .onnx file (its manifest lies
    beside it, or is given, or is guessed where its shapes leave no doubt). `content` are the model's bytes where they
    were read and proven already.

    >>> with Detector("models/little") as detector:                     # doctest: +SKIP
    ...     [found] = detector.detect([Frame.from_array(picture)])
    """

    def __init__(self, model: str | Path, manifest: Manifest | None = None, threads: int | None = None,
                 spinning: bool = False, score_threshold: float | None = None, nms_threshold: float | None = None,
                 verify: bool = True, content: bytes | None = None) -> None:
        path = Path(model)
        given = manifest or _find_manifest(path)
        self.path = given.model_path if given and path.suffix.lower() != ".onnx" else path
        if self.path.is_dir():
            raise ManifestError("%s: expected a folder with %s, a manifest or an .onnx file" % (path, FILE))
        if given and verify and content is None and self.path == given.model_path:
            given.verify_file()
        session, signature = open_session(self.path, threads, spinning, content)
        self.manifest = given or guess(self.path, signature)
        self.threads = session.get_session_options().intra_op_num_threads
        output = self.manifest.output
        self.score_threshold = _share("score_threshold", score_threshold, output.score_threshold)
        self.nms_threshold = _share("nms_threshold", nms_threshold, output.nms_threshold)
        spec = self.manifest.input
        self._head = head_of(output.head, HeadSpec(len(output.classes), spec.width, spec.height, self.score_threshold,
                                                   output.anchors, output.activation))
        self._input, self._size_input, batch = self._check_inputs(signature.inputs)
        self.batch = 1 if self._head.one_picture else batch
        self._head_check([shape for _, shape, _ in signature.outputs])
        if self._head.needs_size and not self._size_input:
            raise ManifestError("model %s: the head %s reads models with an input for the picture's size; this one "
                                "has none" % (self.path, output.head))
        self._outputs = [name for name, _, _ in signature.outputs]
        self._session: Any = session
        self._local = threading.local()

    @property
    def classes(self) -> tuple[str, ...]:
        return self.manifest.output.classes

    def warm_up(self, runs: int = 2) -> float:
        """Run on grey frames, so that the first real one is not slow and nonsense shows now; seconds of the last."""
        spec = self.manifest.input
        frame = Frame.from_array(np.full((spec.height, spec.width, 3), 128, np.uint8))
        seconds = 0.0
        for _ in range(max(1, runs)):
            start = time.perf_counter()
            self.detect([frame])
            seconds = time.perf_counter() - start
        return seconds

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """Detections for each frame, in frame pixels, best first. Frames may differ in size and format."""
        session = self._session
        if session is None:
            raise ModelError("model %s: the detector was closed" % self.path)
        found: list[Detections] = []
        step = self.batch or max(1, len(frames))
        for start in range(0, len(frames), step):
            found += self._detect(session, frames[start:start + step])
        return found

    def prepare(self, frames: Sequence[Frame]) -> tuple[np.ndarray, list[Geometry]]:
        """The input tensor for some frames (this thread's, used again next time), and where each lies in it."""
        tensor, letterbox = self._workplace(max(len(frames), self.batch or 1))
        return tensor, [letterbox.into(frame, tensor[k]) for k, frame in enumerate(frames)]

    def infer(self, tensor: np.ndarray) -> list[np.ndarray]:
        """The model's raw outputs for an input tensor."""
        if self._session is None:
            raise ModelError("model %s: the detector was closed" % self.path)
        return self._run(self._session, tensor)

    def read(self, outputs: Sequence[np.ndarray], geometry: Sequence[Geometry]) -> list[Detections]:
        """Detections from raw outputs, one for each geometry."""
        self._head_check([output.shape for output in outputs])
        check_finite(outputs)
        every = self._head.decode(outputs)
        empty = Found(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))
        return [self._finish(every[k] if k < len(every) else empty, place) for k, place in enumerate(geometry)]

    def close(self) -> None:
        """Release the model; calls that are under way still end well."""
        self._session = None
        self._local = threading.local()

    def __enter__(self) -> Detector:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def _detect(self, session: Any, frames: Sequence[Frame]) -> list[Detections]:
        tensor, geometry = self.prepare(frames)
        return self.read(self._run(session, tensor), geometry)

    def _run(self, session: Any, tensor: np.ndarray) -> list[np.ndarray]:
        feed: dict[str, np.ndarray] = {self._input: tensor.astype(np.float16) if self._half else tensor}
        if self._size_input:
            spec = self.manifest.input
            name, rank, kind = self._size_input
            size = [spec.height, spec.width] if self._head.size_order == "hw" else [spec.width, spec.height]
            feed[name] = np.array(size if rank == 1 else [size] * len(tensor), kind)
        try:
            outputs = session.run(self._outputs, feed)
        except Exception as error:  # onnxruntime's own exceptions share no public base
            raise ModelError("model %s: it failed on an input of shape %s: %s" % (
                self.path, tensor.shape, first_line(error))) from None
        return [output.astype(np.float32) if output.dtype == np.float16 else output for output in outputs]

    def _finish(self, found: Found, place: Geometry) -> Detections:
        raw = Detections(place.to_frame(found.boxes), found.scores, found.classes)
        if len(raw) > _CANDIDATES or not self._head.needs_nms:
            raw = raw.best(_CANDIDATES)
        if self._head.needs_nms:
            raw = raw.pick(nms(raw.boxes, raw.scores, raw.classes, self.nms_threshold, MOST))   # best first
        return raw.clipped(place.frame_width, place.frame_height).first(MOST)

    def _workplace(self, count: int) -> tuple[np.ndarray, Letterbox]:
        """This thread's tensor and letterbox. Frames of different threads must not meet in one tensor."""
        local = self._local
        spec = self.manifest.input
        if not hasattr(local, "letterbox"):
            local.letterbox, local.tensor = Letterbox(spec), spec.tensor(count)
        if len(local.tensor) < count:
            local.tensor = spec.tensor(count)
        return local.tensor[:count], local.letterbox

    def _head_check(self, shapes: Sequence[Shape]) -> None:
        try:
            self._head.check(shapes)
        except ManifestError as error:
            raise ManifestError("model %s: %s" % (self.path, error)) from None

    def _check_inputs(self, inputs: Sequence[tuple[str, Shape, str]]
                      ) -> tuple[str, tuple[str, int, str] | None, int | None]:
        """Name of the picture input; name, rank and type of the size input, if any; the batch, if it is fixed."""
        spec = self.manifest.input
        pictures = [entry for entry in inputs if len(entry[1]) == 4]
        sizes = [entry for entry in inputs if len(entry[1]) in (1, 2) and entry[2] in ("int64", "int32", "float32")]
        if len(pictures) != 1 or len(pictures) + len(sizes) != len(inputs) or len(sizes) > 1:
            raise ManifestError("model %s: expected one input of 4 dimensions and at most one for its size, got %s" % (
                self.path, ", ".join("%s %s" % (name, show_shape(shape)) for name, shape, _ in inputs)))
        name, shape, kind = pictures[0]
        wanted = (3, spec.height, spec.width) if spec.layout == "nchw" else (spec.height, spec.width, 3)
        self._half = kind == "float16"
        if FED.get(kind) != spec.type or any(d not in (None, w) for d, w in zip(shape[1:], wanted)):
            raise ManifestError("model %s: the manifest says the input is %s (batch, %s), the model's is %s %s" % (
                self.path, spec.type, ", ".join(str(w) for w in wanted), kind, show_shape(shape)))
        return name, (sizes[0][0], len(sizes[0][1]), sizes[0][2]) if sizes else None, shape[0]


def _find_manifest(path: Path) -> Manifest | None:
    """The manifest of a model given by folder, manifest or .onnx file; None for a bare .onnx file."""
    if path.suffix.lower() == ".onnx":
        beside = path.with_name(FILE)
        if beside.exists():
            manifest = Manifest.read(beside)
            return manifest if manifest.model.file == path.name else None
        return None
    if not path.exists():
        raise ModelError("model %s: no such file or folder" % path)
    return Manifest.read(path)


def _share(name: str, given: float | None, usual: float) -> float:
    value = usual if given is None else given
    if not 0 <= value <= 1:
        raise ManifestError("%s: expected a number from 0 to 1, got %r" % (name, value))
    return float(value)
