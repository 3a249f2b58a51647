"""Units of type "inference" with virtual_type "onnx": a model file beside its descriptor, run by onnxruntime.

A buffer is one sample. A call's buffers become one batch when the model's first dimension is open; the outputs are cut
apart again, one buffer for each sample, without the dimension of the batch.
"""
from __future__ import annotations

import os
from typing import Any, Callable, Sequence

import numpy as np

from ..sdk.buffer import Buffer
from .unit import BAD_CONFIG, FAULT, UNSUPPORTED, BuiltinUnit, Refusal, unsigned

TYPES = {
    "tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int32)": np.int32, "tensor(int64)": np.int64,
    "tensor(uint8)": np.uint8, "tensor(int8)": np.int8, "tensor(uint16)": np.uint16, "tensor(int16)": np.int16,
    "tensor(bool)": np.bool_, "tensor(uint32)": np.uint32, "tensor(uint64)": np.uint64, "tensor(float16)": np.float16,
}
QUIET = 3   # onnxruntime's errors only


def factory(descriptor: Any) -> Callable[[], OnnxInference]:
    """What a Descriptor of type "inference" takes as its `factory`."""
    return lambda: OnnxInference(descriptor)


class OnnxInference(BuiltinUnit):
    """Ports are the model's inputs and outputs by name, or else by order."""

    def __init__(self, descriptor: Any) -> None:
        super().__init__()
        self.descriptor = descriptor

    def configure(self, config: Any) -> None:
        unit = self.descriptor
        if unit.virtual_type.lower() != "onnx":
            raise Refusal(UNSUPPORTED, "virtual_type is '%s'; the embedded engine runs onnx models only" %
                          unit.virtual_type)
        path = os.path.join(unit.folder, unit.entry)
        if not os.path.isfile(path):
            raise Refusal(BAD_CONFIG, "the model file %s does not exist" % path)
        self.session = _session(path, unsigned(config, "threads"))
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        self.inputs = dict(zip(unit.input_names(), _matched("input", unit.input_names(), inputs, path, True)))
        self.outputs = dict(zip(unit.output_names(), _matched("output", unit.output_names(), outputs, path, False)))
        sizes = {info.shape[0] for info in inputs if info.shape}
        fixed = {size for size in sizes if isinstance(size, int)}
        # None: as many samples as there are. A model with several fixed sizes gets one sample at a time.
        self.batch: int | None = None if not fixed else fixed.pop() if len(sizes) == 1 else 1
        self.cuts = True    # whether the outputs have one row for each sample

    def work(self, ctx: Any) -> None:
        feeds = {info.name: [_sample(port, buffer, info) for buffer in ctx.input(port)]
                 for port, info in self.inputs.items()}
        count = len(next(iter(feeds.values())))
        rows: list[list[np.ndarray]] = []
        for start, stop in self._groups(feeds, count):
            rows += self._run({name: samples[start:stop] for name, samples in feeds.items()})
        device = self.get_bind_device()
        for index, port in enumerate(self.outputs):
            out = ctx.output(port)
            for row in rows:
                out.push_back(Buffer(device, row[index]))

    def _groups(self, feeds: dict[str, list[np.ndarray]], count: int) -> list[tuple[int, int]]:
        """Which samples go together: all where the model is open, else as many as it takes."""
        alike = all(sample.shape == samples[0].shape for samples in feeds.values() for sample in samples)
        size = self.batch or (count if alike else 1)
        if not self.cuts:
            size = 1
        return [(start, min(start + size, count)) for start in range(0, count, size)]

    def _run(self, feeds: dict[str, list[np.ndarray]]) -> list[list[np.ndarray]]:
        """The outputs of a group, cut into samples."""
        count = len(next(iter(feeds.values())))
        missing = (self.batch or count) - count     # a model of a fixed size gets the last sample again
        arrays = {name: np.stack(samples + [samples[-1]] * missing) for name, samples in feeds.items()}
        names = [info.name for info in self.outputs.values()]
        try:
            results = self.session.run(names, arrays)
        except Exception as error:      # onnxruntime has no common base for what it raises
            raise Refusal(FAULT, "the model failed: %s" % error) from None
        tensors = [_plain(name, result) for name, result in zip(names, results)]
        rows = count + missing
        if all(tensor.ndim and tensor.shape[0] == rows for tensor in tensors):
            return [[_solid(tensor[index]) for tensor in tensors] for index in range(count)]
        if count == 1:
            return [[_solid(tensor) for tensor in tensors]]
        self.cuts = False
        return [row for index in range(count) for row in self._run(
            {name: samples[index:index + 1] for name, samples in feeds.items()})]


def _session(path: str, threads: int) -> Any:
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.log_severity_level = QUIET
    options.intra_op_num_threads = threads
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise Refusal(BAD_CONFIG, "the model file %s cannot be loaded: %s" % (path, error)) from None


def _matched(side: str, ports: Sequence[str], infos: Sequence[Any], path: str, all_of_them: bool) -> list[Any]:
    """The model's inputs or outputs for the ports: by name where all names are known, else by order."""
    known = {info.name: info for info in infos}
    if all(port in known for port in ports) and (len(ports) == len(infos) or not all_of_them):
        return [known[port] for port in ports]
    if len(ports) == len(infos):
        return list(infos)
    raise Refusal(BAD_CONFIG, "the unit has %d %s ports (%s), the model %s has %d (%s)" % (
        len(ports), side, ", ".join(ports), path, len(infos), ", ".join(known)))


def _sample(port: str, buffer: Buffer, info: Any) -> np.ndarray:
    """A buffer as one sample of what the model takes; Refusal says what was expected."""
    array, want = np.asarray(buffer), TYPES.get(info.type)
    if want is np.float16 and array.dtype == np.float32:
        array = array.astype(np.float16)    # buffers cannot carry float16
    if want is None or array.dtype != want:
        raise Refusal(FAULT, "port %s: the model takes %s, the buffer holds %s" % (port, info.type, array.dtype))
    inner = list(info.shape[1:])
    if array.ndim == len(inner) + 1 and array.shape[0] == 1:
        array = array[0]
    if _fits(array.shape, inner):
        return array
    if all(isinstance(size, int) for size in inner) and array.size == int(np.prod(inner)):
        return array.reshape(inner)
    raise Refusal(FAULT, "port %s: the model takes samples of shape %s, the buffer has %s" % (
        port, inner, list(array.shape)))


def _fits(shape: Sequence[int], want: Sequence[Any]) -> bool:
    return len(shape) == len(want) and all(not isinstance(w, int) or w == s for s, w in zip(shape, want))


def _plain(name: str, result: Any) -> np.ndarray:
    """An output in a type that buffers can carry."""
    if not isinstance(result, np.ndarray) or result.dtype.kind not in "fiub":
        raise Refusal(UNSUPPORTED, "output %s of the model is no tensor of numbers" % name)
    if result.dtype == np.float16:
        return result.astype(np.float32)
    return result.astype(np.ulonglong) if result.dtype == np.uint64 else result


def _solid(array: np.ndarray) -> np.ndarray:
    """At least one dimension, rows one after the other."""
    return np.ascontiguousarray(array.reshape(1) if array.ndim == 0 else array)
