"""An onnxruntime session for a detector on a small box: few threads, no spinning, and errors in plain words."""
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import onnxruntime

from edgevision.errors import ModelError
from edgevision.heads.base import Shape
from edgevision.onnxfile import OnnxFacts, inspect
from edgevision.reading import Signature

_TYPES = {"tensor(float)": "float32", "tensor(uint8)": "uint8", "tensor(int64)": "int64", "tensor(int32)": "int32",
          "tensor(float16)": "float16", "tensor(double)": "float64", "tensor(bool)": "bool"}


def usable_cores() -> int:
    """Processor cores that this process may use: its affinity, and its control group's quota where one is set."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:
        cores = os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()[:2]
        if quota != "max":
            cores = min(cores, max(1, int(quota) // int(period)))
    except (OSError, ValueError):
        pass
    return max(1, cores)


def threads_for_box(cores: int | None = None) -> int:
    """Threads for detecting: all cores but one, which is the decoder's; never less than one, never more than eight."""
    return max(1, min(8, (cores or usable_cores()) - 1))


def open_session(path: Path, threads: int | None = None, spinning: bool = False,
                 content: bytes | None = None) -> tuple[onnxruntime.InferenceSession, Signature]:
    """A session on the CPU, and what the model declares.

    Threads that spin while they wait would take the decoder's core, so they do not.

    With `content`, these bytes are the model and the path is only its name.
    """
    facts = inspect(path, content)
    if facts.external:
        raise ModelError("model %s: its weights lie in other files (%s), which nobody can verify or copy with it; save "
                         "it as one file (onnx.save with save_as_external_data=False)" % (
                             path, ", ".join(facts.external)))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or threads_for_box()
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    value = "1" if spinning else "0"
    options.add_session_config_entry("session.intra_op.allow_spinning", value)
    options.add_session_config_entry("session.inter_op.allow_spinning", value)
    try:
        data = path.read_bytes() if content is None else content
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no public base
        raise ModelError("model %s: onnxruntime %s cannot load it (IR version %d, made by %s): %s" % (
            path, onnxruntime.__version__, facts.ir_version, facts.producer or "unknown", first_line(error))) from None
    return session, signature_of(session, facts)


def signature_of(session: onnxruntime.InferenceSession, facts: OnnxFacts) -> Signature:
    return Signature(_entries(session.get_inputs()), _entries(session.get_outputs()), facts.metadata, facts.operators,
                     facts.last)


def _entries(nodes: list[Any]) -> list[tuple[str, Shape, str]]:
    return [(node.name, [d if isinstance(d, int) and d > 0 else None for d in node.shape or []],
             _TYPES.get(node.type, node.type)) for node in nodes]


def first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
