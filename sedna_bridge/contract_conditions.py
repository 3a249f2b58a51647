"""The conditions of an IncrementalLearningJob: what GM writes into `status.conditions`."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence

TRAIN, EVAL, DEPLOY = "Train", "Eval", "Deploy"

WAITING, READY, STARTING, RUNNING, COMPLETED, FAILED = "Waiting", "Ready", "Starting", "Running", "Completed", "Failed"
TYPES = (WAITING, READY, STARTING, RUNNING, COMPLETED, FAILED)


def now_text(seconds: float | None = None) -> str:
    """A time as Kubernetes writes it: UTC, whole seconds, with a Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


@dataclass(frozen=True)
class ConditionData:
    """`data` of a condition: the input that LC gave a stage, or the output that its worker reported."""

    models: Sequence[Mapping[str, Any]] = ()
    data_url: str = ""
    data_index_url: str = ""
    output_dir: str = ""
    output_models: Sequence[Mapping[str, Any]] = ()

    def text(self) -> str:
        value: dict[str, Any] = {}
        entry: dict[str, Any] = {}
        if self.models:
            entry["models"] = [dict(model) for model in self.models]
        for key, text in (
            ("dataURL", self.data_url),
            ("dataIndexURL", self.data_index_url),
            ("outputDir", self.output_dir),
        ):
            if text:
                entry[key] = text
        if entry:
            value["input"] = entry
        if self.output_models:
            value["output"] = {"models": [dict(model) for model in self.output_models]}
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False) if value else ""

    @classmethod
    def parse(cls, text: str) -> ConditionData:
        value = json.loads(text) if text else {}
        entry, output = value.get("input") or {}, value.get("output") or {}
        return cls(
            models=tuple(entry.get("models") or ()),
            data_url=entry.get("dataURL") or "",
            data_index_url=entry.get("dataIndexURL") or "",
            output_dir=entry.get("outputDir") or "",
            output_models=tuple(output.get("models") or ()),
        )


@dataclass(frozen=True)
class Condition:
    """One entry of `status.conditions`. The latest one is the job's state."""

    stage: str
    type: str
    data: str = ""
    message: str = ""
    reason: str = ""
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        value: dict[str, Any] = {
            "type": self.type,
            "status": "True",
            "stage": self.stage,
            "lastHeartbeatTime": now_text(self.seconds),
            "lastTransitionTime": now_text(self.seconds),
        }
        for key, text in (("data", self.data), ("reason", self.reason), ("message", self.message)):
            if text:
                value[key] = text
        return value


@dataclass(frozen=True)
class JobStatus:
    """`status` of an IncrementalLearningJob."""

    conditions: Sequence[Condition] = field(default_factory=tuple)
    start_time: float = 0.0

    def to_json(self) -> dict[str, Any]:
        listed: list[dict[str, Any]] = [condition.to_json() for condition in self.conditions]
        value: dict[str, Any] = {"conditions": listed}
        if self.start_time:
            value["startTime"] = now_text(self.start_time)
        return value
