"""Sedna's resources as typed values, read from what kubectl reads."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Union

from sedna_bridge.contract import API_VERSION
from sedna_bridge.jobs import schema
from sedna_bridge.jobs.document import Document, read
from sedna_bridge.jobs.errors import ERROR, WARNING, Finding, ResourceError

PLURALS = {
    "Dataset": "datasets",
    "Model": "models",
    "IncrementalLearningJob": "incrementallearningjobs",
    "JointInferenceService": "jointinferenceservices",
}
SHORT_NAMES = {"il": "IncrementalLearningJob", "ji": "JointInferenceService", "ds": "Dataset"}

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")


@dataclass(frozen=True)
class Resource:
    """One resource: what stands in the yaml, its findings, and where it stood."""

    kind: str
    name: str
    namespace: str
    value: dict
    findings: tuple = ()
    document: Document | None = field(default=None, compare=False, repr=False)

    @property
    def spec(self) -> dict:
        return dict(self.value.get("spec") or {})

    @property
    def annotations(self) -> dict[str, str]:
        return dict((self.value.get("metadata") or {}).get("annotations") or {})

    @property
    def title(self) -> str:
        """As kubectl names it: incrementallearningjob.sedna.io/helmet."""
        return f"{self.kind.lower()}.sedna.io/{self.name}"


@dataclass(frozen=True)
class Dataset:
    name: str
    namespace: str
    url: str
    format: str
    node_name: str = ""
    credential_name: str = ""


@dataclass(frozen=True)
class Model:
    name: str
    namespace: str
    url: str
    format: str
    devices: tuple = ()
    credential_name: str = ""

    def to_json(self) -> dict:
        """As a model stands in the `data` of a condition."""
        value: dict = {"format": self.format, "url": self.url}
        if self.devices:
            value["device_soc_versions"] = list(self.devices)
        return value


@dataclass(frozen=True)
class Condition:
    """`trigger.condition`: metric, operator, threshold."""

    metric: str
    operator: str
    threshold: float


@dataclass(frozen=True)
class Trigger:
    """`trigger`: a condition and, where it is given, a daily window of local time and a period."""

    condition: Condition
    start: str = ""
    end: str = ""
    check_period: float | None = None


@dataclass(frozen=True)
class Job:
    """An IncrementalLearningJob. The templates stay as they are: a pod template is Kubernetes' own language."""

    name: str
    namespace: str
    initial_model: str
    dataset: str
    train_prob: float
    train_template: dict
    train_trigger: Trigger
    eval_template: dict
    eval_model: str
    deploy_model: str
    deploy_template: dict
    deploy_trigger: Trigger
    hot_update: bool
    poll_period: int
    mining_name: str
    mining_parameters: tuple
    output_dir: str
    credential_name: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class JointInferenceService:
    """A JointInferenceService: read and validated; a cluster runs it."""

    name: str
    namespace: str
    edge_model: str
    edge_template: dict
    mining_name: str
    mining_parameters: tuple
    cloud_model: str
    cloud_template: dict


Typed = Union[Dataset, Model, Job, JointInferenceService]


def load(text: str, file: str = "<text>", namespace: str = "") -> list[Resource]:
    """Every resource of a yaml text with its findings; it raises a ResourceError if anything in it is an error."""
    from sedna_bridge.jobs.advice import advise

    resources = []
    findings: list[Finding] = []
    aliens: list[Finding] = []
    for document in read(text, file):
        if _is_alien(document):
            message = f"{document.value['kind']} is Kubernetes' own: left out, one machine has no use for it"
            aliens.append(Finding(WARNING, document.where(("kind",)), message, "alien"))
            continue
        found = list(validate(document))
        if not any(finding.level == ERROR for finding in found):
            found += advise(document)
        found.sort(key=lambda finding: int(finding.where.rsplit(":", 1)[-1]))
        findings += found
        if any(finding.level == ERROR for finding in found):
            continue
        value = copy.deepcopy(document.value)
        metadata = value["metadata"]
        metadata["namespace"] = metadata.get("namespace") or namespace or "default"
        where = (metadata["name"], metadata["namespace"])
        resources.append(Resource(value["kind"], where[0], where[1], value, (*aliens, *found), document))
        aliens = []
    if any(finding.level == ERROR for finding in findings):
        raise ResourceError(findings)
    if not resources:
        raise ResourceError([*aliens, Finding(ERROR, f"{file}:1", "no resource in this file", "empty")])
    return resources


def _is_alien(document: Document) -> bool:
    """A Secret, a Service or the like in the same file: kubectl takes it, and so must we, without running it."""
    value = document.value
    if not isinstance(value, dict) or not isinstance(value.get("apiVersion"), str):
        return False
    version, kind = value["apiVersion"], value.get("kind")
    return isinstance(kind, str) and not version.startswith("sedna.io/") and kind not in schema.SPECS


def validate(document: Document) -> list[Finding]:
    """The things that `kubectl apply` refuses (errors), and what it takes but loses (warnings)."""
    value = document.value
    if not isinstance(value, dict):
        return [
            Finding(ERROR, document.where(), f"expected a resource (apiVersion, kind, ...); got {value!r:.60}", "type")
        ]
    findings = []
    for path in document.duplicates:
        message = f"the key {schema.dotted(path)} stands here twice: the last one counts"
        findings.append(Finding(WARNING, document.where(path), message, "duplicate"))
    kind, version = value.get("kind"), value.get("apiVersion")
    if version != API_VERSION:
        where = document.where(("apiVersion",))
        findings.append(Finding(ERROR, where, f"apiVersion must be {API_VERSION}; got {version!r}", "api-version"))
    if kind not in schema.SPECS:
        known = ", ".join(schema.SPECS)
        said = "runs only in a cluster" if kind in schema.OTHER_KINDS else "is not a kind of Sedna's"
        where = document.where(("kind",))
        findings.append(Finding(ERROR, where, f"kind {kind!r} {said}; expected one of {known}", "kind"))
        return findings
    findings += _check_metadata(document, value.get("metadata"))
    if "spec" not in value or value["spec"] is None:
        findings.append(Finding(ERROR, document.where(("kind",)), "spec is required and missing", "required"))
    else:
        findings += schema.check(document, value["spec"], schema.SPECS[kind], ("spec",))
    for name in value:
        if name not in ("apiVersion", "kind", "metadata", "spec", "status"):
            findings.append(Finding(ERROR, document.where((name,)), f"unknown field {name}", "unknown-field"))
    return findings


def _check_metadata(document: Document, metadata: Any) -> list[Finding]:
    if not isinstance(metadata, dict) or not metadata.get("name"):
        return [Finding(ERROR, document.where(("metadata",)), "metadata.name is required and missing", "required")]
    findings = []
    for key in ("name", "namespace"):
        text = metadata.get(key)
        if text is None:
            continue
        if not isinstance(text, str) or len(text) > 253 or not _NAME.match(text):
            message = f"metadata.{key} {text!r} must be lower-case letters, digits, '-' and '.', at most 253 of them"
            findings.append(Finding(ERROR, document.where(("metadata", key)), message, "name"))
    for key in ("annotations", "labels"):
        entries = metadata.get(key)
        if entries is not None:
            findings += schema.check(document, entries, "M", ("metadata", key))
    return findings


def typed(resource: Resource) -> Typed:
    """The resource as a typed value; only for one that was validated."""
    spec, name, namespace = resource.spec, resource.name, resource.namespace
    credential = spec.get("credentialName") or ""
    if resource.kind == "Dataset":
        return Dataset(name, namespace, spec["url"], spec["format"], spec.get("nodeName") or "", credential)
    if resource.kind == "Model":
        devices = tuple(spec.get("device_soc_versions") or ())
        return Model(name, namespace, spec["url"], spec["format"], devices, credential)
    if resource.kind == "JointInferenceService":
        edge, cloud = spec["edgeWorker"], spec["cloudWorker"]
        mining = edge["hardExampleMining"]
        return JointInferenceService(
            name,
            namespace,
            edge["model"]["name"],
            edge["template"],
            mining["name"],
            tuple(mining.get("parameters") or ()),
            cloud["model"]["name"],
            cloud["template"],
        )
    train, evaluation, deploy = spec["trainSpec"], spec["evalSpec"], spec["deploySpec"]
    mining, model = deploy["hardExampleMining"], deploy["model"]
    return Job(
        name=name,
        namespace=namespace,
        initial_model=spec["initialModel"]["name"],
        dataset=spec["dataset"]["name"],
        train_prob=float(spec["dataset"]["trainProb"]),
        train_template=train["template"],
        train_trigger=_trigger(train["trigger"]),
        eval_template=evaluation["template"],
        eval_model=(evaluation.get("initialEvalModel") or {}).get("name") or "",
        deploy_model=model["name"],
        deploy_template=deploy["template"],
        deploy_trigger=_trigger(deploy["trigger"]),
        hot_update=bool(model.get("hotUpdateEnabled")),
        poll_period=int(model.get("pollPeriodSeconds") or 60),
        mining_name=mining["name"],
        mining_parameters=tuple(mining.get("parameters") or ()),
        output_dir=spec["outputDir"],
        credential_name=credential,
        annotations=resource.annotations,
    )


def _trigger(value: Mapping[str, Any]) -> Trigger:
    condition, timer = value["condition"], value.get("timer") or {}
    period = value.get("checkPeriodSeconds")
    return Trigger(
        Condition(condition["metric"], condition["operator"], float(condition["threshold"])),
        timer.get("start") or "",
        timer.get("end") or "",
        None if period is None else float(period),
    )


def kind_named(word: str) -> str:
    """The kind that a user means by `il`, `job`, `jobs`, `incrementallearningjob(s)`, `datasets` ... (as kubectl)."""
    low = word.lower().split(".", 1)[0]
    for kind, plural in PLURALS.items():
        if low in (kind.lower(), plural):
            return kind
    if low in ("job", "jobs"):
        return "IncrementalLearningJob"
    if low in SHORT_NAMES:
        return SHORT_NAMES[low]
    known = ", ".join(sorted([*PLURALS.values(), *SHORT_NAMES, "jobs"]))
    raise ResourceError([Finding(ERROR, "argument", f"there is no kind {word!r}; expected one of {known}", "kind")])


def from_json(text: str) -> Resource:
    """A resource as it was stored."""
    value = json.loads(text)
    return Resource(value["kind"], value["metadata"]["name"], value["metadata"]["namespace"], value)
