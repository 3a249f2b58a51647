"""The steps of a deployment: is the new model better, put it in place, wait for the inference worker to take it."""

from __future__ import annotations

import time

from sedna_bridge import contract
from sedna_bridge.contract_conditions import ConditionData
from sedna_bridge.local_controller import deployment, launching, machine, processes, triggers
from sedna_bridge.local_controller.context import JobContext
from sedna_bridge.local_controller.rounds import accept, chosen, fail, save_round, targets


def waiting_step(context: JobContext) -> bool:
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


def ready_step(context: JobContext) -> bool:
    state = context.state
    if context.job.hot_update:
        context.move(machine.STARTED, f"round {state.round}: hot update")
        return True
    trained = chosen(context)
    context.installer().install(context.host(trained["url"]), targets(context))
    with context.store.change():
        state.infer["restart"] = True
        accept(context, trained)
        context.move(machine.COMPLETES, f"round {state.round}: deployed, the inference worker is started anew")
    return True


def starting_step(context: JobContext) -> bool:
    state = context.state
    if state.infer.get("state") != processes.RUNNING:
        return _wait_for_inference(context, "does not run")
    context.move(machine.RUNS, f"{state.infer.get('worker')} gets the new model")
    return True


def running_step(context: JobContext) -> bool:
    state = context.state
    if not state.hot_version:
        trained = chosen(context)
        installer = context.installer()
        source = context.host(trained["url"])
        installer.install(source, targets(context))
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
        accept(context, chosen(context))
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
