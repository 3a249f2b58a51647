"""The train worker: `python -m sedna_bridge.workers.train`, with nothing but Sedna's environment.

Reads TRAIN_DATASET_URL, starts from BASE_MODEL_URL, writes the model into the folder MODEL_URL and reports it. Started
again after a crash it goes on from the estimator's checkpoints in that folder; started again after it had finished it
only reports. What another worker left in the folder is taken away first: an LC that was restarted counts its rounds
from one again, and asks for a new model where an old one lies.
"""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import sys
from typing import Any

from sedna_bridge import contract
from sedna_bridge.contract import ModelResult, format_of
from sedna_bridge.environment import Environment, WorkerEnvironment
from sedna_bridge.workers import reporting
from sedna_bridge.workers.data import SampleSource
from sedna_bridge.workers.errors import WorkerError
from sedna_bridge.workers.estimator import call, estimator_class, parameters
from sedna_bridge.workers.output import Output
from sedna_bridge.workers.reporting import Progress, plain, say

_DONE, _ROUND, _CHECKPOINTS = ".trained.json", ".round.json", ".checkpoints"


def main(environment: Environment | None = None) -> int:
    env = environment or Environment()
    try:
        worker = WorkerEnvironment.from_environment(env)
        results = train(worker, env)
        fallback = os.path.join(Output(worker, env).folder, ".outbox")
        return reporting.report(worker, env, contract.TRAIN, results, fallback)
    except Exception as error:
        return reporting.fail(error)


def train(worker: WorkerEnvironment, environment: Environment) -> list[dict]:
    """Train and save; the results to report. The second time for the same round they are only read again."""
    output = Output(worker, environment)
    folder = output.folder
    take_over(folder, worker)
    done = os.path.join(folder, _DONE)
    finished = reporting.recall(done)
    if finished:
        say(f"{worker.worker_name or 'this worker'} had finished training before: it only reports")
        return list(finished)
    source = SampleSource(worker.train_dataset_url, worker.original_dataset_url, "train", environment.flag("use_raw"))
    if len(source) == 0:
        raise WorkerError(f"{worker.train_dataset_url} has no samples")
    source.require_pictures()
    named = parameters(environment)
    estimator = call(estimator_class(environment), **named)
    base = base_model(worker.base_model_url)
    if base:
        say(f"starting from {base}")
        call(estimator.load, base, **named)
    say(f"training on {len(source)} samples of {worker.train_dataset_url}")
    checkpoints = os.path.join(folder, _CHECKPOINTS)
    os.makedirs(checkpoints, exist_ok=True)
    metrics = call(
        estimator.train,
        source,
        **{
            **named,
            "progress": Progress("train"),
            "checkpoint_dir": checkpoints,
            "checkpoint": os.path.join(checkpoints, "training.checkpoint"),
            "resume": True,
        },
    )
    target = os.path.join(folder, model_name(environment, base))
    saved = call(estimator.save, target, **named)
    path = saved if isinstance(saved, str) and os.path.exists(saved) else target
    if not os.path.isfile(path) or os.path.getsize(path) == 0:
        raise WorkerError(f"the estimator saved no model at {target}")
    result = ModelResult(format_of(path), output.publish(path), finite(metrics))
    results = [result.to_json()]
    reporting.remember(done, results)
    say(f"saved {path} ({os.path.getsize(path)} bytes)")
    return results


def take_over(folder: str, worker: WorkerEnvironment) -> None:
    """Make the folder this round's: a round is a worker and its samples, and a restarted one is still the same."""
    try:
        with open(worker.train_dataset_url, "rb") as file:
            samples = hashlib.sha256(file.read()).hexdigest()
    except OSError:
        samples = ""    # s3, or missing: told when it is read
    mine = {"worker": worker.worker_name, "samples": samples}
    path = os.path.join(folder, _ROUND)
    if reporting.recall(path) == mine:
        return
    if os.path.exists(os.path.join(folder, _DONE)) or os.path.isdir(os.path.join(folder, _CHECKPOINTS)):
        say(f"{folder} holds another round's work: this one starts anew")
    shutil.rmtree(os.path.join(folder, _CHECKPOINTS), ignore_errors=True)
    if os.path.exists(os.path.join(folder, _DONE)):
        os.unlink(os.path.join(folder, _DONE))
    reporting.remember(path, mine)


def finite(metrics: Any) -> dict[str, Any]:
    """The metrics of training without NaN and infinity, which are no JSON: evaluation judges a diverged model."""
    values = plain(metrics) if isinstance(metrics, dict) else {}
    return {name: value for name, value in values.items() if not isinstance(value, float) or math.isfinite(value)}


def base_model(url: str) -> str:
    """The file to start from. BASE_MODEL_URL may name a folder (the seed's `ckpt` model does)."""
    if not url:
        return ""
    if os.path.isdir(url):
        inside = sorted(name for name in os.listdir(url) if name.endswith((".onnx", ".pt", ".pth", ".npz")))
        if not inside:
            raise WorkerError(f"BASE_MODEL_URL {url} is a folder without a model: expected model.onnx in it")
        preferred = "model.onnx" if "model.onnx" in inside else inside[0]
        return os.path.join(url, preferred)
    if not os.path.exists(url):
        raise WorkerError(f"BASE_MODEL_URL {url} does not exist: the job's initial model must be there")
    return url


def model_name(environment: Environment, base: str) -> str:
    """MODEL_NAME, else the base model's name, else model.onnx."""
    name = environment.text("MODEL_NAME")
    if name:
        return os.path.basename(name)
    return os.path.basename(base) if base else "model.onnx"


if __name__ == "__main__":
    reporting.end_on_sigterm()
    sys.exit(main())
