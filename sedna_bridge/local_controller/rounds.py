"""The beginning, the choice and the end of a round: its row for `history`, its model, what becomes of its samples."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import Any

from sedna_bridge.contract_conditions import COMPLETED, DEPLOY, FAILED
from sedna_bridge.local_controller import deployment, launching, machine, pool, processes
from sedna_bridge.local_controller.context import JobContext
from sedna_bridge.local_controller.errors import ControllerError


def fail(context: JobContext, why: str) -> None:
    """End the round: its samples wait for the next one, what was installed is taken back, the next waits a while."""
    state = context.state
    if state.stage == DEPLOY and state.hot_version:
        context.installer().undo(context.host(chosen(context)["url"]), targets(context))
        context.installer().keep()
    with context.store.change():
        pool.give_back(context)
        state.failures += 1
        state.not_before = time.time() + context.pause(state.failures)
        context.move(machine.FAILS, f"round {state.round}: {why}", "Failed")
        save_round(context, "failed", why)
    if state.worker:
        processes.stop(worker_folder(context))


def go_on(context: JobContext) -> bool:
    state = context.state
    with context.store.change():
        if state.type == COMPLETED and state.stage == DEPLOY:
            state.failures, state.not_before = 0, 0.0
        if state.type == FAILED or state.stage == DEPLOY:
            state.next_check = 0.0
        state.report, state.hot_version, state.announced, state.restart_at = {}, "", 0.0, 0.0
        state.infer.pop("waited_since", None)
        context.move(machine.GOES_ON)
    return True


def save_round(context: JobContext, outcome: str, why: str = "") -> None:
    """The round's row for `history`."""
    state = context.state
    facts: dict[str, Any] = {
        "train_samples": state.counts.get("train", 0),
        "eval_samples": state.counts.get("eval", 0),
        "base": state.base.get("url", ""),
        "model": state.trained[0].get("url", "") if state.trained else "",
        "sha256": state.digest,
        "message": why,
    }
    if state.trained:
        facts["train_metrics"] = state.trained[0].get("metrics") or {}
    if len(state.evaluated) == 2 and "metrics" in state.evaluated[0]:
        facts["new"] = state.evaluated[0]["metrics"]
        facts["deployed"] = state.evaluated[1]["metrics"]
    over = outcome in ("deployed", "rejected", "failed")
    context.store.save_round(
        context.uid,
        state.round,
        state.round_started,
        time.time() if over else None,
        outcome,
        json.loads(json.dumps(facts)),
    )


def accept(context: JobContext, trained: Mapping[str, Any]) -> None:
    """The new model is in use: the next round starts from it, or from what was saved with it in the base's format."""
    state = context.state
    initial = context.model(context.job.initial_model)
    base, _remark = deployment.pick(state.trained, initial.format if initial else "", False)
    start = base or trained
    state.accepted = {"format": start["format"], "url": start["url"]}
    context.installer().keep()
    save_round(context, "deployed")


def chosen(context: JobContext) -> dict:
    model = context.model(context.job.deploy_model)
    wanted = model.format if model else ""
    trained, remark = deployment.pick(context.state.trained, wanted, launching.is_builtin(context, "train"))
    if trained is None:
        raise ControllerError(remark)
    return trained


def targets(context: JobContext) -> list[str]:
    """The files that get the new model: the deploy model and, where it is another one, the eval model."""
    targets = []
    for name in (context.job.deploy_model, context.job.eval_model):
        model = context.model(name) if name else None
        if model is not None and context.host(model.url) not in targets:
            targets.append(context.host(model.url))
    return targets


def worker_folder(context: JobContext) -> str:
    return os.path.join(context.settings.folder, "workers", f"{context.state.worker}.{context.state.attempt}")
