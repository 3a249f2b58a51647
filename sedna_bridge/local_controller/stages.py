"""The steps of a round: each function takes a job in one state and moves it on if it can.

A step first does what can be done again without harm (write a file, start a named worker), then remembers it in one
transaction: a controller that is killed between the two does the first part again.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import Any, Callable

from sedna_bridge import contract
from sedna_bridge.contract import ContractError, check_evaluation
from sedna_bridge.contract_conditions import (
    COMPLETED,
    DEPLOY,
    EVAL,
    FAILED,
    READY,
    RUNNING,
    STARTING,
    TRAIN,
    WAITING,
    ConditionData,
)
from sedna_bridge.local_controller import deployment, launching, machine, pool, processes, triggers
from sedna_bridge.local_controller.context import JobContext, worker_name
from sedna_bridge.local_controller.errors import ControllerError

_WORKER_STAGE = {TRAIN: "train", EVAL: "eval"}


def step(context: JobContext) -> bool:
    """Let the job do one step; False when there is nothing to do now."""
    state = context.state
    try:
        return _STEPS[state.state](context)
    except (ControllerError, OSError) as error:
        said = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) and error.strerror else str(error)
        if machine.follow(state.state, machine.FAILS) is None or state.state == machine.START:
            context.hold(said, True, "Blocked")
            return False
        fail(context, said)
        return True


# Train and Eval


def _train_waiting(context: JobContext) -> bool:
    now = time.time()
    state, job = context.state, context.job
    missing = context.missing()
    if missing:
        context.hold(missing, True, "MissingResource")
        return False
    readable = pool.refresh(context, now)
    if now < state.next_check:
        return False
    period = job.train_trigger.check_period
    state.next_check = now + (context.settings.check_period if period is None else period)
    context.save()
    if now < state.not_before:
        clock = time.strftime("%H:%M:%S", time.localtime(state.not_before))
        context.hold(f"the last round failed: the next one starts at {clock} at the earliest")
        return False
    pending = pool.pending(context)
    verdict = triggers.judge(job.train_trigger, {"num_of_samples": pending}, context.strict)
    if not verdict.fires:
        if readable:
            context.hold(verdict.why)
        return False
    initial = context.model(job.initial_model)
    assert initial is not None
    base = state.accepted or initial.to_json()
    state.round += 1
    try:
        pool.write_train(context)
        os.makedirs(context.host(context.files.train_output), exist_ok=True)
    except BaseException:
        state.round -= 1
        raise
    with context.store.change():
        pool.take(context)
        state.round_started, state.base = now, base
        state.trained, state.evaluated, state.counts = [], [], {"train": pending}
        state.worker, state.attempt, state.report, state.hot_version = worker_name("train"), 1, {}, ""
        state.digest = ""
        data = ConditionData(models=[base], data_url=context.files.train_data, output_dir=context.files.train_output)
        context.move(machine.TRIGGERED, f"round {state.round}: {verdict.why}", data=data)
        save_round(context, "training")
    return True


def _eval_waiting(context: JobContext) -> bool:
    state, job = context.state, context.job
    missing = context.missing()
    if missing:
        context.hold(missing, True, "MissingResource")
        return False
    deployed = context.model(job.eval_model or job.deploy_model)
    assert deployed is not None
    trained, remark = deployment.pick(state.trained, deployed.format, launching.is_builtin(context, "train"))
    if trained is None:
        fail(context, remark)
        return True
    if remark:
        context.event("FormatMismatch", remark, True)
    if not os.path.exists(context.host(deployed.url)):
        fail(
            context,
            f"the deployed model {context.host(deployed.url)} (Model {deployed.name}) is not there to compare with",
        )
        return True
    count = pool.write_eval(context)
    if count == 0:
        fail(context, "there are no samples to evaluate on: trainProb leaves none, or the dataset is too small")
        return True
    with context.store.change():
        state.evaluated = [{"format": trained["format"], "url": trained["url"]}, deployed.to_json()]
        state.worker, state.attempt, state.report = worker_name("eval"), 1, {}
        state.counts["eval"] = count
        data = ConditionData(models=state.evaluated, data_url=context.files.eval_data)
        context.move(machine.TRIGGERED, f"round {state.round}: evaluating on {count} samples", data=data)
        save_round(context, "evaluating")
    return True


def _start_worker(context: JobContext) -> bool:
    state = context.state
    launching.launch(context, _WORKER_STAGE[state.stage], state.worker, state.attempt)
    context.move(machine.STARTED, f"{state.worker} starts")
    return True


def _worker_starts(context: JobContext) -> bool:
    state = context.state
    seen = processes.look(_folder(context))
    if seen.state == processes.STARTING and not state.report:
        launching.launch(context, _WORKER_STAGE[state.stage], state.worker, state.attempt)
        return False
    context.move(machine.RUNS, f"{state.worker} runs")
    return True


def _worker_runs(context: JobContext) -> bool:
    state = context.state
    if state.report:
        return _take_result(context)
    if state.restart_at:
        if time.time() < state.restart_at:
            return False
        state.restart_at = 0.0
        state.attempt += 1
        context.save()
        launching.launch(context, _WORKER_STAGE[state.stage], state.worker, state.attempt)
        context.hold(f"{state.worker} runs again (attempt {state.attempt})")
        return True
    seen = processes.look(_folder(context))
    if seen.state == processes.STARTING:
        launching.launch(context, _WORKER_STAGE[state.stage], state.worker, state.attempt)
        return False
    if seen.state == processes.RUNNING:
        return False
    if seen.state == processes.ENDED and seen.code == 0 and time.time() - seen.ended < context.settings.report_grace:
        return False
    why = f"{seen.reason}: {seen.message}" if seen.message else f"exit code {seen.code}"
    if seen.state == processes.ENDED and seen.code == 0:
        why = "exit code 0, but it reported nothing"
        found = _unreported_model(context)
        if found:
            context.event(
                "ReportLost", f"{state.worker} ended well without a report: its model {found['url']} is taken", True
            )
            state.report = {"status": contract.COMPLETED, "results": [found]}
            return _take_result(context)
    context.store.end_worker(state.worker, state.attempt, seen.code, seen.reason, seen.message)
    restarts = launching.template(context, _WORKER_STAGE[state.stage])["spec"].get("restartPolicy") != "Never"
    if not restarts or state.attempt > context.retries:
        fail(
            context,
            f"{state.worker} failed ({why}) in attempt {state.attempt} of {context.retries + 1 if restarts else 1}",
        )
        return True
    pause = context.pause(state.attempt)
    state.restart_at = time.time() + pause
    with context.store.change():
        message = (
            f"{state.worker} failed ({why}): attempt {state.attempt + 1} of {context.retries + 1} in {pause:.0f} s"
        )
        context.event("BackOff", message, True)
        context.note = message
        context.save()
    return True


def _unreported_model(context: JobContext) -> dict:
    """The one model that a train worker left, if its report was lost on the way."""
    model = context.model(context.job.deploy_model)
    folder = context.host(context.files.train_output)
    if context.state.stage != TRAIN or model is None or not os.path.isdir(folder):
        return {}
    names = [name for name in os.listdir(folder) if contract.format_of(name) == model.format]
    if len(names) != 1 or not os.path.isfile(os.path.join(folder, names[0])):
        return {}
    return {"format": model.format, "url": f"{context.files.train_output}/{names[0]}", "metrics": {}}


def _take_result(context: JobContext) -> bool:
    state = context.state
    report, results = state.report, list(state.report.get("results") or [])
    if report.get("status") != contract.COMPLETED:
        fail(context, f"{state.worker} reported {report.get('status')!r}")
        return True
    if state.stage == TRAIN:
        problem = _check_trained(context, results)
        if problem:
            fail(context, problem)
            return True
        state.trained = results
        message = f"round {state.round}: trained {', '.join(str(result['url']) for result in results)}"
    else:
        try:
            check_evaluation(results)
        except ContractError as error:
            fail(context, f"{state.worker}: {error}")
            return True
        state.evaluated = results
        message = f"round {state.round}: evaluated"
    with context.store.change():
        state.report = {}
        context.move(machine.COMPLETES, message, data=ConditionData(output_models=results))
        save_round(context, "evaluated" if state.stage == EVAL else "trained")
    return True


def _check_trained(context: JobContext, results: list) -> str:
    """What is wrong with the models that a train worker reported; their content is what evaluation is for."""
    if not results:
        return f"{context.state.worker} reported no model"
    model = context.model(context.job.deploy_model)
    if model is None:
        return context.missing()
    chosen, remark = deployment.pick(results, model.format, launching.is_builtin(context, "train"))
    if chosen is None:
        return remark
    path = context.host(str(chosen["url"]))
    if not os.path.isfile(path):
        return f"{context.state.worker} reported {chosen['url']}, but there is no file {path}"
    if os.path.getsize(path) == 0:
        return f"{context.state.worker} wrote an empty model: {path}"
    context.state.digest = deployment.digest(path)
    return ""


# Deploy


def _deploy_waiting(context: JobContext) -> bool:
    state, job = context.state, context.job
    model = context.model(job.deploy_model)
    if model is None:
        context.hold(context.missing(), True, "MissingResource")
        return False
    new, old = (result["metrics"] for result in state.evaluated)
    verdict = triggers.judge(job.deploy_trigger, triggers.deltas(new, old), context.strict)
    if not verdict.fires:
        with context.store.change():
            context.move(machine.NEEDLESS, f"round {state.round}: not deployed: {verdict.why}", "NotNeeded")
            save_round(context, "rejected")
        return True
    trained, _remark = deployment.pick(state.trained, model.format, launching.is_builtin(context, "train"))
    assert trained is not None
    if deployment.digest(context.host(trained["url"])) != state.digest:
        fail(context, f"{trained['url']} changed after it was trained: not deployed")
        return True
    data = ConditionData(models=[trained, model.to_json()])
    context.move(machine.TRIGGERED, f"round {state.round}: better: {verdict.why}", data=data)
    return True


def _chosen(context: JobContext) -> dict:
    model = context.model(context.job.deploy_model)
    wanted = model.format if model else ""
    trained, remark = deployment.pick(context.state.trained, wanted, launching.is_builtin(context, "train"))
    if trained is None:
        raise ControllerError(remark)
    return trained


def _targets(context: JobContext) -> list[str]:
    """The files that get the new model: the deploy model and, where it is another one, the eval model."""
    targets = []
    for name in (context.job.deploy_model, context.job.eval_model):
        model = context.model(name) if name else None
        if model is not None and context.host(model.url) not in targets:
            targets.append(context.host(model.url))
    return targets


def _deploy_ready(context: JobContext) -> bool:
    state = context.state
    if context.job.hot_update:
        context.move(machine.STARTED, f"round {state.round}: hot update")
        return True
    trained = _chosen(context)
    context.installer().install(context.host(trained["url"]), _targets(context))
    with context.store.change():
        state.infer["restart"] = True
        _accept(context, trained)
        context.move(machine.COMPLETES, f"round {state.round}: deployed, the inference worker is started anew")
    return True


def _deploy_starting(context: JobContext) -> bool:
    state = context.state
    if state.infer.get("state") != processes.RUNNING:
        return _wait_for_inference(context, "does not run")
    context.move(machine.RUNS, f"{state.infer.get('worker')} gets the new model")
    return True


def _deploy_running(context: JobContext) -> bool:
    state = context.state
    if not state.hot_version:
        trained = _chosen(context)
        installer = context.installer()
        source = context.host(trained["url"])
        installer.install(source, _targets(context))
        state.announced = time.time()
        state.hot_version = installer.announce(source, launching.is_contained(context, "inference"))
        context.event("HotUpdate", f"round {state.round}: model_config.json says {state.hot_version}")
        context.save()
        return False
    if not state.report:
        return _wait_for_inference(context, "did not take the new model")
    if state.report.get("status") != contract.COMPLETED:
        fail(context, f"{state.report.get('name')} could not load the new model: the old one stays")
        return True
    with context.store.change():
        _accept(context, _chosen(context))
        state.report = {}
        context.move(machine.COMPLETES, f"round {state.round}: deployed")
    return True


def _wait_for_inference(context: JobContext, what: str) -> bool:
    state = context.state
    since = state.announced or state.infer.setdefault("waited_since", time.time())
    deadline = context.annotation(
        "deploy-deadline-seconds", max(context.settings.deploy_deadline, 5.0 * context.job.poll_period)
    )
    if time.time() - since > deadline:
        fail(
            context, f"the inference worker {what} within {deadline:.0f} s: {state.infer.get('problem') or 'no report'}"
        )
        return True
    return False


def _accept(context: JobContext, trained: Mapping[str, Any]) -> None:
    """The new model is in use: the next round starts from it, or from what was saved with it in the base's format."""
    state = context.state
    initial = context.model(context.job.initial_model)
    base, _remark = deployment.pick(state.trained, initial.format if initial else "", False)
    chosen = base or trained
    state.accepted = {"format": chosen["format"], "url": chosen["url"]}
    context.installer().keep()
    save_round(context, "deployed")


# Ends


def fail(context: JobContext, why: str) -> None:
    """End the round: its samples wait for the next one, what was installed is taken back, the next waits a while."""
    state = context.state
    if state.stage == DEPLOY and state.hot_version:
        context.installer().undo(context.host(_chosen(context)["url"]), _targets(context))
        context.installer().keep()
    with context.store.change():
        pool.give_back(context)
        state.failures += 1
        state.not_before = time.time() + context.pause(state.failures)
        context.move(machine.FAILS, f"round {state.round}: {why}", "Failed")
        save_round(context, "failed", why)
    if state.worker:
        processes.stop(_folder(context))


def _next(context: JobContext) -> bool:
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
        if _WORKER_STAGE.get(state.stage) != kind or state.type not in (READY, STARTING, RUNNING) or state.report:
            return f"nothing waits for it (the job is in {state.stage}/{state.type})"
        if name != state.worker:
            return f"{state.worker} works on this stage, not {name}"
    state.report = dict(message)
    context.save()
    return ""


def _folder(context: JobContext) -> str:
    return os.path.join(context.settings.folder, "workers", f"{context.state.worker}.{context.state.attempt}")


_STEPS: dict[tuple, Callable[[JobContext], bool]] = {
    (TRAIN, WAITING): _train_waiting,
    (TRAIN, READY): _start_worker,
    (TRAIN, STARTING): _worker_starts,
    (TRAIN, RUNNING): _worker_runs,
    (TRAIN, COMPLETED): _next,
    (TRAIN, FAILED): _next,
    (EVAL, WAITING): _eval_waiting,
    (EVAL, READY): _start_worker,
    (EVAL, STARTING): _worker_starts,
    (EVAL, RUNNING): _worker_runs,
    (EVAL, COMPLETED): _next,
    (EVAL, FAILED): _next,
    (DEPLOY, WAITING): _deploy_waiting,
    (DEPLOY, READY): _deploy_ready,
    (DEPLOY, STARTING): _deploy_starting,
    (DEPLOY, RUNNING): _deploy_running,
    (DEPLOY, COMPLETED): _next,
    (DEPLOY, FAILED): _next,
}
