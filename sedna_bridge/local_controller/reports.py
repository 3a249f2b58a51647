"""A worker's report: it moves a job only where the job waits for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sedna_bridge import contract
from sedna_bridge.contract_conditions import DEPLOY, EVAL, READY, RUNNING, STARTING, TRAIN
from sedna_bridge.local_controller.context import JobContext

WORKER_STAGE = {TRAIN: "train", EVAL: "eval"}
"""The kind of the worker (and of its report) of a stage."""


def take_report(context: JobContext, message: Mapping[str, Any], received: float) -> str:
    """A worker's report: what was done with it, in words. What does not fit the job's state moves nothing."""
    state = context.state
    kind, status, name = message.get("kind", ""), message.get("status", ""), message.get("name", "")
    if kind not in (contract.TRAIN, contract.EVAL, contract.DEPLOY):
        return f"kind {kind!r} moves no job (GM drops it)"
    if status not in (contract.COMPLETED, contract.FAILED):
        return f"status {status!r} moves no job"
    if kind == contract.DEPLOY:
        known = {row["name"] for row in context.store.workers(context.uid, "inference")}
        if state.state != (DEPLOY, RUNNING) or not state.hot_version or received < state.announced or state.report:
            return f"nothing is being deployed now (the job is in {state.stage}/{state.type})"
        if name not in known:
            return f"{name} is no inference worker of this job"
    else:
        if WORKER_STAGE.get(state.stage) != kind or state.type not in (READY, STARTING, RUNNING) or state.report:
            return f"nothing waits for it (the job is in {state.stage}/{state.type})"
        if name != state.worker:
            return f"{state.worker} works on this stage, not {name}"
    state.report = dict(message)
    context.save()
    return ""
