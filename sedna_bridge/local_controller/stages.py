"""The steps of a round: each function takes a job in one state and moves it on if it can.

A step first does what can be done again without harm (write a file, start a named worker), then remembers it in one
transaction: a controller that is killed between the two does the first part again.
"""

from __future__ import annotations

import os
import time
from typing import Callable

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
from sedna_bridge.local_controller import deploying, deployment, launching, machine, pool, processes, triggers
from sedna_bridge.local_controller.context import JobContext, worker_name
from sedna_bridge.local_controller.errors import ControllerError
from sedna_bridge.local_controller.reports import WORKER_STAGE
from sedna_bridge.local_controller.rounds import fail, go_on, save_round, worker_folder


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
    launching.launch(context, WORKER_STAGE[state.stage], state.worker, state.attempt)
    context.move(machine.STARTED, f"{state.worker} starts")
    return True


def _worker_starts(context: JobContext) -> bool:
    state = context.state
    seen = processes.look(worker_folder(context))
    if seen.state == processes.STARTING and not state.report:
        launching.launch(context, WORKER_STAGE[state.stage], state.worker, state.attempt)
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
        launching.launch(context, WORKER_STAGE[state.stage], state.worker, state.attempt)
        context.hold(f"{state.worker} runs again (attempt {state.attempt})")
        return True
    seen = processes.look(worker_folder(context))
    if seen.state == processes.STARTING:
        launching.launch(context, WORKER_STAGE[state.stage], state.worker, state.attempt)
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
    restarts = launching.template(context, WORKER_STAGE[state.stage])["spec"].get("restartPolicy") != "Never"
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


_STEPS: dict[tuple, Callable[[JobContext], bool]] = {
    (TRAIN, WAITING): _train_waiting,
    (TRAIN, READY): _start_worker,
    (TRAIN, STARTING): _worker_starts,
    (TRAIN, RUNNING): _worker_runs,
    (TRAIN, COMPLETED): go_on,
    (TRAIN, FAILED): go_on,
    (EVAL, WAITING): _eval_waiting,
    (EVAL, READY): _start_worker,
    (EVAL, STARTING): _worker_starts,
    (EVAL, RUNNING): _worker_runs,
    (EVAL, COMPLETED): go_on,
    (EVAL, FAILED): go_on,
    (DEPLOY, WAITING): deploying.waiting_step,
    (DEPLOY, READY): deploying.ready_step,
    (DEPLOY, STARTING): deploying.starting_step,
    (DEPLOY, RUNNING): deploying.running_step,
    (DEPLOY, COMPLETED): go_on,
    (DEPLOY, FAILED): go_on,
}
