"""What every step of a job works on: the controller's settings, the job's state, and the job itself."""

from __future__ import annotations

import dataclasses
import os
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sedna_bridge import contract_hot_update
from sedna_bridge.contract import is_local
from sedna_bridge.contract_conditions import Condition, ConditionData
from sedna_bridge.contract_rounds import RoundFiles
from sedna_bridge.jobs.resources import Dataset, Job, Model, Resource, typed
from sedna_bridge.local_controller import machine
from sedna_bridge.local_controller.deployment import Installer
from sedna_bridge.local_controller.errors import PodError
from sedna_bridge.local_controller.pods import host
from sedna_bridge.local_controller.store import Store

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""Kubernetes makes names from these."""

ANNOTATIONS = {
    "sednabox.io/run": "image patterns and the local command lines that play them (JSON)",
    "sednabox.io/retries": "how often a failed worker is started again (default 2)",
    "sednabox.io/stage-deadline-seconds": "the longest that a train or eval worker may run (default 21600)",
    "sednabox.io/deploy-deadline-seconds": "the longest wait for an inference worker to take a model (default 600)",
    "sednabox.io/trigger": '"sedna": compare metrics exactly as the real LC',
}
"""What a job may say to this controller only; Kubernetes and Sedna ignore annotations."""


@dataclass(frozen=True)
class Settings:
    """How this controller works. Times are seconds."""

    folder: str
    state: str = ""
    root: str = "/"
    lc_server: str = "http://127.0.0.1:9100"
    runtime: str = "auto"
    tick: float = 0.5
    check_period: float = 10.0
    retries: int = 2
    first_pause: float = 5.0
    longest_pause: float = 300.0
    stage_deadline: float = 6 * 3600.0
    deploy_deadline: float = 600.0
    report_grace: float = 3.0
    linger: float = 30.0
    nice: int = 5


@dataclass
class JobState:
    """All that a job must remember; one JSON text in the state file, saved with every step."""

    stage: str = machine.START[0]
    type: str = machine.START[1]
    round: int = 0
    round_started: float = 0.0
    next_check: float = 0.0
    not_before: float = 0.0
    failures: int = 0
    cursor: dict = field(default_factory=dict)
    header: str = ""
    carry: float = 0.0
    batch: int = 0
    worker: str = ""
    attempt: int = 0
    restart_at: float = 0.0
    report: dict = field(default_factory=dict)
    base: dict = field(default_factory=dict)
    accepted: dict = field(default_factory=dict)
    trained: list = field(default_factory=list)
    digest: str = ""
    evaluated: list = field(default_factory=list)
    hot_version: str = ""
    announced: float = 0.0
    counts: dict = field(default_factory=dict)
    infer: dict = field(default_factory=dict)

    @property
    def state(self) -> tuple:
        return (self.stage, self.type)

    @classmethod
    def parse(cls, value: Mapping[str, Any] | None) -> JobState:
        known = {entry.name for entry in dataclasses.fields(cls)}
        return cls(**{key: item for key, item in (value or {}).items() if key in known})


class JobContext:
    """One job at one moment."""

    def __init__(self, store: Store, settings: Settings, resource: Resource, uid: str) -> None:
        self.store = store
        self.settings = settings
        self.resource = resource
        self.uid = uid
        job = typed(resource)
        assert isinstance(job, Job)
        self.job: Job = job
        self.state = JobState.parse(store.job_state(uid))
        self.note = store.job_note(uid)

    # Remembering

    def save(self) -> None:
        self.store.save_job(self.uid, dataclasses.asdict(self.state), self.note)

    def event(self, reason: str, message: str, warning: bool = False) -> None:
        self.store.event(self.resource, reason, message, warning)

    def move(self, event: str, message: str = "", reason: str = "", data: ConditionData | None = None) -> None:
        """Follow `event` in the state machine and remember the new condition, in one transaction."""
        target = machine.follow(self.state.state, event)
        if target is None:
            raise AssertionError(f"{self.state.state} does not know {event}")
        with self.store.change():
            self.state.stage, self.state.type = target
            self.note = message
            text = data.text() if data is not None else ""
            self.store.add_condition(self.uid, Condition(target[0], target[1], text, message, reason, time.time()))
            self.save()
            if message:
                self.event(f"{target[0]}{target[1]}", message, target[1] == "Failed")

    def hold(self, message: str, warning: bool = False, reason: str = "Waiting") -> None:
        """Say why nothing moves, once for each new reason."""
        if message != self.note:
            with self.store.change():
                self.note = message
                self.save()
                if warning:
                    self.event(reason, message, True)

    # Looking up

    def model(self, name: str) -> Model | None:
        found = self.store.find("Model", self.job.namespace, name)
        value = typed(found) if found else None
        return value if isinstance(value, Model) else None

    def dataset(self) -> Dataset | None:
        found = self.store.find("Dataset", self.job.namespace, self.job.dataset)
        value = typed(found) if found else None
        return value if isinstance(value, Dataset) else None

    def missing(self) -> str:
        """Which of the resources that the job names are not there; an empty text if all are."""
        absent = []
        if self.dataset() is None:
            absent.append(f"Dataset {self.job.dataset}")
        for name in (self.job.initial_model, self.job.deploy_model, self.job.eval_model):
            if name and self.model(name) is None and f"Model {name}" not in absent:
                absent.append(f"Model {name}")
        if not absent:
            return ""
        return f"there is no {' and no '.join(absent)} in namespace {self.job.namespace}: apply it"

    def host(self, url: str) -> str:
        """A host path of the yaml on this machine."""
        if not is_local(url):
            raise PodError(
                f"{url}: one machine reads and writes host paths only; give a path, or run this job in a cluster"
            )
        return host(self.settings.root, url)

    @property
    def files(self) -> RoundFiles:
        return RoundFiles(self.job.output_dir, self.state.round)

    @property
    def hot_folder(self) -> str:
        return contract_hot_update.host_folder(self.settings.folder, self.job.namespace, self.job.name)

    def installer(self) -> Installer:
        return Installer(self.hot_folder, os.path.join(self.settings.folder, "backup", self.uid))

    # Choices of the job's author

    def annotation(self, name: str, default: float) -> float:
        text = self.job.annotations.get("sednabox.io/" + name, "")
        try:
            return float(text) if text else default
        except ValueError:
            self.event("Annotation", f"sednabox.io/{name}: expected a number; got {text!r}: {default:g} is used", True)
            return default

    @property
    def strict(self) -> bool:
        return self.job.annotations.get("sednabox.io/trigger", "").lower() == "sedna"

    @property
    def retries(self) -> int:
        return int(self.annotation("retries", self.settings.retries))

    def pause(self, failures: int) -> float:
        """How long to wait after that many failures in a row."""
        return min(self.settings.longest_pause, self.settings.first_pause * 2 ** max(0, min(failures, 30) - 1))


def worker_name(stage: str) -> str:
    """A worker's name as GM makes it."""
    prefix = {"train": "train-worker-", "eval": "eval-worker-", "inference": "inferworker-"}[stage]
    return prefix + "".join(random.SystemRandom().choice(_LETTERS) for _ in range(5))
