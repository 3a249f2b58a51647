"""From a stage of a job to a running worker: GM's environment, the pod, the command, the plan."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from sedna_bridge.contract import hard_example_text
from sedna_bridge.contract_hot_update import FILE_NAME
from sedna_bridge.local_controller import containers, images, pods, processes
from sedna_bridge.local_controller.context import JobContext
from sedna_bridge.local_controller.errors import PodError
from sedna_bridge.local_controller.pods import Given
from sedna_bridge.local_controller.processes import Plan


def template(context: JobContext, stage: str) -> dict:
    job = context.job
    return {"train": job.train_template, "eval": job.eval_template, "inference": job.deploy_template}[stage]


def given(context: JobContext, stage: str, name: str, contained: bool) -> Given:
    """The variables that GM gives a worker of this stage, in GM's order."""
    job, settings = context.job, context.settings
    values = {
        "NAMESPACE": job.namespace,
        "JOB_NAME": job.name,
        "WORKER_NAME": name,
        "LC_SERVER": settings.lc_server,
    }
    if not contained:
        # Beyond Sedna: our own workers keep their outbox with us, and this LC knows its jobs at once.
        values["SEDNABOX_STATE"] = settings.state or os.path.dirname(settings.folder)
        values["LC_SETTLE_SECONDS"] = "0"
    dataset = context.dataset()
    original = dataset.url if dataset else ""
    if stage == "train":
        paths = [
            ("BASE_MODEL_URL", [context.state.base["url"]]),
            ("MODEL_URL", [context.files.train_output]),
            ("TRAIN_DATASET_URL", [_data_url(context, "train")]),
            ("ORIGINAL_DATASET_URL", [original]),
        ]
        return Given(values, paths)
    if stage == "eval":
        models = [model["url"] for model in context.state.evaluated]
        paths = [
            ("MODEL_URLS", models),
            ("TEST_DATASET_URL", [_data_url(context, "eval")]),
            ("ORIGINAL_DATASET_URL", [original]),
        ]
        return Given(values, paths)
    values["HEM_NAME"] = job.mining_name
    values["HEM_PARAMETERS"] = hard_example_text(job.mining_parameters)
    model = context.model(job.deploy_model)
    paths = [("MODEL_URL", [model.url if model else ""])]
    if not job.hot_update:
        return Given(values, paths)
    values["MODEL_HOT_UPDATE"] = "true"
    values["MODEL_POLL_PERIOD_SECONDS"] = str(job.poll_period)
    folder = "/model-hot-update" if contained else context.hot_folder
    values["MODEL_HOT_UPDATE_CONFIG"] = os.path.join(folder, FILE_NAME)
    return Given(values, paths, context.hot_folder)


def _data_url(context: JobContext, role: str) -> str:
    return data_url(context.files.train_data if role == "train" else context.files.eval_data, context)


def data_url(url: str, context: JobContext) -> str:
    """data.txt as in Sedna; data.csv or data.jsonl for formats that Sedna never trains from."""
    dataset = context.dataset()
    ending = dataset.format.lower() if dataset else "txt"
    return url if ending == "txt" else url[: -len("txt")] + ending


def launch(context: JobContext, stage: str, name: str, attempt: int) -> str:
    """Start attempt `attempt` of worker `name`; safe to repeat. Returns the worker's folder."""
    settings = context.settings
    folder = os.path.join(settings.folder, "workers", f"{name}.{attempt}")
    log = os.path.join(settings.folder, "logs", context.job.namespace, context.job.name, f"{name}.{attempt}.log")
    plan, notes = _plan(context, stage, name, folder, log)
    with context.store.change():
        context.store.add_worker(context.uid, name, stage, context.state.round, attempt, folder, log)
        for note in notes:
            context.event("NotHonoured", f"{stage}: {note}", False)
    processes.start(folder, plan)
    return folder


def is_contained(context: JobContext, stage: str) -> bool:
    """Whether this stage's worker runs in a container here."""
    return _command(context, stage) is None


def is_builtin(context: JobContext, stage: str) -> bool:
    command = _command(context, stage)
    return command is not None and command.builtin


def _command(context: JobContext, stage: str) -> Any:
    container = template(context, stage)["spec"]["containers"][0]
    rules = images.parse_rules(context.job.annotations.get(images.RUN_ANNOTATION, ""))
    command = images.local_command(container, stage, rules)
    if command is None and context.settings.runtime == "process":
        raise PodError(_no_way(container, "containers are switched off"))
    return command


def _no_way(container: Mapping[str, Any], why: str) -> str:
    image = container.get("image") or "(none)"
    return f"container {container['name']}: no local command for image {image}, {why}: give --run '{image}=COMMAND'"


def _plan(context: JobContext, stage: str, name: str, folder: str, log: str) -> tuple[Plan, list[str]]:
    settings = context.settings
    command = _command(context, stage)
    program = None
    container = template(context, stage)["spec"]["containers"][0]
    if command is None:
        program = containers.runtime(settings.runtime)
        if program is None:
            raise PodError(_no_way(container, "no docker, podman or nerdctl is installed"))
    contained = program is not None
    os.makedirs(folder, mode=0o700, exist_ok=True)
    if context.job.hot_update and stage == "inference":
        os.makedirs(context.hot_folder, exist_ok=True)
    pod = pods.pod(template(context, stage), given(context, stage, name, contained), settings.root, folder, contained)
    deadline = pod.deadline
    if stage != "inference" and deadline is None:
        deadline = context.annotation("stage-deadline-seconds", settings.stage_deadline)
    notes = list(pod.notes)
    if program is not None:
        plan = Plan(
            argv=containers.command(program, name, pod),
            environment=processes.inherited(),
            cwd=folder,
            log=log,
            deadline=deadline,
            grace=pod.grace,
            before=[containers.remove(program, name)],
            after=[containers.remove(program, name)],
        )
        return plan, notes
    notes.append(f"image {container.get('image')}: not pulled, {command.rule} runs instead")
    environment = {**processes.inherited(), **pod.environment}
    if "PYTHONPATH" in pod.environment:
        environment["PYTHONPATH"] = pod.environment["PYTHONPATH"] + os.pathsep + processes.inherited()["PYTHONPATH"]
    cpus = None if pod.cpus is None else max(1, -int(-pod.cpus // 1))
    if cpus is not None:
        environment.setdefault("OMP_NUM_THREADS", str(cpus))
    argv = [sys.executable if word == "python" and not _on_path(word) else word for word in command.argv]
    plan = Plan(
        argv=argv,
        environment=environment,
        cwd=pod.cwd or folder,
        log=log,
        memory=pod.memory,
        cpus=cpus,
        nice=0 if stage == "inference" else settings.nice,
        deadline=deadline,
        grace=pod.grace,
    )
    return plan, notes


def _on_path(word: str) -> bool:
    return any(os.access(os.path.join(part, word), os.X_OK) for part in os.environ.get("PATH", "").split(os.pathsep))
