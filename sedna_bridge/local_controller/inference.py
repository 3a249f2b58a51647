"""A job's inference worker: it runs as long as the job does, and is started again with growing pauses when it ends.

GM makes it once per job, beside the rounds. It waits for its model: started without one, Sedna's library would make a
folder in the model's place.
"""

from __future__ import annotations

import hashlib
import json
import os
import time

from sedna_bridge.local_controller import launching, processes
from sedna_bridge.local_controller.context import JobContext, worker_name
from sedna_bridge.local_controller.errors import ControllerError

_STABLE = 60.0
"""After this many seconds without trouble the pauses begin small again."""


def supervise(context: JobContext) -> None:
    """One look at the inference worker: start it, restart it, notice a change of the job."""
    infer = context.state.infer
    before = json.dumps(infer, sort_keys=True)
    try:
        _supervise(context, infer)
    except (ControllerError, OSError) as error:
        _wait(context, infer, str(error))
    if json.dumps(infer, sort_keys=True) != before:
        context.save()


def _supervise(context: JobContext, infer: dict) -> None:
    now = time.time()
    model = context.model(context.job.deploy_model)
    if model is None:
        infer["problem"] = context.missing()
        return
    shape = _shape(context, model.url)
    if infer.get("worker"):
        folder = os.path.join(context.settings.folder, "workers", f"{infer['worker']}.{infer['attempt']}")
        seen = processes.look(folder)
        infer["state"] = seen.state
        if seen.state in (processes.RUNNING, processes.STARTING):
            if seen.state == processes.STARTING and now - infer["started"] > 10:
                launching.launch(context, "inference", infer["worker"], infer["attempt"])
            if infer.get("restart") or infer.get("shape") != shape:
                infer["stopping"] = True
                processes.stop(folder)
            elif seen.state == processes.RUNNING:
                infer["problem"] = ""
                if now - infer["started"] > _STABLE:
                    infer["failures"] = 0
            return
        context.store.end_worker(infer["worker"], infer["attempt"], seen.code, seen.reason, seen.message)
        wanted = bool(infer.pop("restart", False) or infer.get("shape") != shape or infer.pop("stopping", False))
        infer.pop("stopping", None)
        if wanted:
            context.event("InferenceRestart", f"{infer['worker']} is replaced")
            infer.update(worker="", failures=0, next_start=0.0)
        else:
            why = f"{seen.reason} {seen.message}".strip() or f"exit code {seen.code}"
            infer["failures"] = int(infer.get("failures", 0)) + 1
            pause = context.pause(infer["failures"])
            infer["problem"] = f"{infer['worker']} ended ({why}, exit code {seen.code})"
            context.event("InferenceEnded", f"{infer['problem']}: it starts again in {pause:.0f} s", True)
            infer.update(next_start=now + pause, last=infer["worker"], last_attempt=infer["attempt"], worker="")
    if now < float(infer.get("next_start", 0.0)) and infer.get("shape", shape) == shape:
        return
    path = context.host(model.url)
    if not os.path.exists(path):
        _wait(
            context, infer, f"the model {path} (Model {model.name}) is not there yet: the inference worker waits for it"
        )
        return
    _start(context, infer, shape, now)


def _start(context: JobContext, infer: dict, shape: str, now: float) -> None:
    """A restart keeps the worker's name, as a restarted container does; a replacement gets a new one."""
    again = infer.get("last") if infer.get("shape") == shape else None
    name = again or worker_name("inference")
    attempt = int(infer.get("last_attempt", 0)) + 1 if again else 1
    infer.update(worker=name, attempt=attempt, started=now, shape=shape, state=processes.STARTING)
    infer.pop("last", None)
    context.save()
    try:
        launching.launch(context, "inference", name, attempt)
    except (ControllerError, OSError):
        infer["worker"] = ""
        raise
    context.event("InferenceStart", f"{name} starts (attempt {attempt})")


def _wait(context: JobContext, infer: dict, problem: str) -> None:
    if infer.get("problem") != problem:
        context.event("InferenceWaits", problem, True)
    infer["problem"] = problem
    infer["state"] = "waiting"
    infer["next_start"] = time.time() + min(5.0, context.settings.first_pause)


def _shape(context: JobContext, url: str) -> str:
    """What, when it changes, needs a new worker: template, model, mining, hot update."""
    job = context.job
    parts = [
        job.deploy_template,
        url,
        job.hot_update,
        job.poll_period,
        job.mining_name,
        list(job.mining_parameters),
        job.annotations.get("sednabox.io/run", ""),
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode("utf-8")).hexdigest()[:16]
