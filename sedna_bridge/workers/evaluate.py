"""The eval worker: `python -m sedna_bridge.workers.evaluate`, with nothing but Sedna's environment.

Evaluates each model of MODEL_URLS ("new;deployed") on TEST_DATASET_URL and reports exactly two results whose metrics
are lists of equal lengths, because LC compares them index by index.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from sedna_bridge import contract
from sedna_bridge.contract import ModelResult, check_evaluation, format_of
from sedna_bridge.environment import Environment, WorkerEnvironment
from sedna_bridge.workers import reporting
from sedna_bridge.workers.data import SampleSource
from sedna_bridge.workers.errors import WorkerError
from sedna_bridge.workers.estimator import call, estimator_class, parameters
from sedna_bridge.workers.reporting import Progress, plain, say


def main(environment: Environment | None = None) -> int:
    env = environment or Environment()
    try:
        worker = WorkerEnvironment.from_environment(env)
        results = evaluate(worker, env)
        fallback = os.path.join(os.path.dirname(worker.model_urls[0]), ".outbox")
        return reporting.report(worker, env, contract.EVAL, results, fallback)
    except Exception as error:
        return reporting.fail(error)


def evaluate(worker: WorkerEnvironment, environment: Environment) -> list[dict]:
    """The results to report: the new model's and then the deployed one's."""
    if len(worker.model_urls) != 2:
        raise WorkerError(f"MODEL_URLS: expected 'new;deployed'; got {environment.text('MODEL_URLS')!r}")
    source = SampleSource(worker.test_dataset_url, worker.original_dataset_url, "test", environment.flag("use_raw"))
    if len(source) == 0:
        raise WorkerError(f"{worker.test_dataset_url} has no samples: there is nothing to evaluate on")
    source.require_pictures()
    named = parameters(environment)
    found = estimator_class(environment)
    results = []
    for number, path in enumerate(worker.model_urls, 1):
        if not os.path.exists(path):
            raise WorkerError(f"MODEL_URLS: {path} does not exist")
        say(f"evaluating {path} on {len(source)} samples")
        # A fresh estimator for each model: nothing of the first can leak into the second.
        estimator = call(found, **named)
        call(estimator.load, path, **named)
        progress = Progress(f"evaluate {number} of {len(worker.model_urls)}")
        metrics = call(estimator.evaluate, source, **{**named, "model_path": path, "progress": progress})
        results.append(ModelResult(format_of(path), worker.host_path(path), as_lists(metrics)).to_json())
        say(f"{os.path.basename(path)}: {results[-1]['metrics']}")
    check_evaluation(results)
    return results


def as_lists(metrics: Any) -> dict[str, Any]:
    """Metrics as LC reads them: every one a list. A bare number becomes a list of one; texts and the like stay away."""
    if not isinstance(metrics, Mapping):
        raise WorkerError(f"the estimator's evaluate must return a dict of metrics; got {type(metrics).__name__}")
    result: dict[str, Any] = {}
    for name, value in plain(metrics).items():
        values = value if isinstance(value, list) else [value]
        if values and all(isinstance(item, (int, float)) and not isinstance(item, bool) for item in values):
            result[name] = values
    if not result:
        raise WorkerError("the estimator's evaluate returned no metric that is a number or a list of numbers")
    return result


if __name__ == "__main__":
    reporting.end_on_sigterm()
    sys.exit(main())
