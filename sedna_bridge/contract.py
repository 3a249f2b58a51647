"""Sedna's words: what a worker and a LocalController (LC) say to each other, as typed values.

Written from what the real LC and GlobalManager (GM) do, not from their documents. The traps, one line each:

* The path's worker name and the body's `name` must be equal, else 400.
* Without `Content-Type: application/json` the answer is 415; with `Accept: text/html` it is 406.
* `results` must be a list of objects, else 400.
* An unknown job, an unknown or CamelCase `ownerKind`, a status "running", a missing field: **200 OK, and dropped**.
  So 200 means "the LC has read it", never "the job has moved". `Report.check` refuses such a report before it is sent.
* GM takes only the kinds train, eval, deploy with the statuses ready, completed, failed, waiting from an
  incremental job's workers. It drops their `ownerInfo`: such a worker has no channel for statistics.
* A joint inference report has `ownerInfo` and no `status`.
* An eval report has exactly two results, first the new model, then the deployed one; every metric is a list of
  numbers, both models have the same metrics with the same lengths, else the real LC panics.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence

from sedna_bridge.errors import BridgeError

API_VERSION = "sedna.io/v1alpha1"

OWNER_KINDS = (
    "dataset",
    "model",
    "jointinferenceservice",
    "federatedlearningjob",
    "incrementallearningjob",
    "lifelonglearningjob",
)
"""The kinds that the LC's server knows, as they stand in `ownerKind`: lower case."""

INCREMENTAL = "incrementallearningjob"
JOINT_INFERENCE = "jointinferenceservice"

TRAIN, EVAL, DEPLOY, INFERENCE = "train", "eval", "deploy", "inference"

READY, COMPLETED, FAILED, WAITING, RUNNING = "ready", "completed", "failed", "waiting", "running"
GM_STATUSES = (READY, COMPLETED, FAILED, WAITING)
"""What GM accepts from a worker's report. "running" is in Sedna's own library and is dropped."""

HARD_EXAMPLE_NAMES = ("IBT", "Threshold", "CrossEntropy", "Random", "CloudOnly", "EdgeOnly", "BertRouter")

HOST_PATH_PREFIX = "/home/data"
"""Where GM mounts host paths in a worker; it stands in DATA_PATH_PREFIX."""

DOWNLOAD_PREFIX = "/downloads"
"""Where Sedna's init container puts what a worker reads from s3:// or http(s)://."""

HOT_UPDATE_MOUNT = "/model-hot-update"


class ContractError(BridgeError):
    """Raised when a value would be refused, dropped or misread by the real LC or GM."""


def info_path(worker: str) -> str:
    """The one route of the LC."""
    return f"/sedna/workers/{worker}/info"


@dataclass(frozen=True)
class ModelResult:
    """One entry of `results`: a model at a host path (DATA_PATH_PREFIX taken off) with its metrics."""

    format: str
    url: str
    metrics: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"format": self.format, "url": self.url, "metrics": dict(self.metrics)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ModelResult:
        metrics = value.get("metrics")
        return cls(
            str(value.get("format") or ""),
            str(value.get("url") or ""),
            dict(metrics) if isinstance(metrics, Mapping) else {},
        )


@dataclass(frozen=True)
class Report:
    """The body of `POST /sedna/workers/{name}/info`."""

    name: str
    namespace: str
    owner_name: str
    owner_kind: str
    kind: str
    status: str = ""
    results: Sequence[Mapping[str, Any]] = ()
    owner_info: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The body with Sedna's own keys; what is empty stays away, as in Sedna's library."""
        body: dict[str, Any] = {
            "name": self.name,
            "namespace": self.namespace,
            "ownerName": self.owner_name,
            "ownerKind": self.owner_kind,
            "kind": self.kind,
        }
        if self.status:
            body["status"] = self.status
        if self.results or not self.status:
            body["results"] = [dict(result) for result in self.results]
        if self.owner_info:
            body["ownerInfo"] = dict(self.owner_info)
        return body

    def text(self) -> str:
        """The body as JSON text. NaN and infinity are no JSON: the real LC answers 400 to them."""
        try:
            return json.dumps(self.to_json(), allow_nan=False, separators=(",", ":"))
        except ValueError as error:
            raise ContractError(
                f"report of {self.name}: numbers must be finite: the LC answers 400 to NaN and infinity ({error})"
            ) from None

    def check(self) -> None:
        """Raise a ContractError for everything that the LC refuses or that LC or GM drop without a word."""
        for key, value in (("name", self.name), ("namespace", self.namespace), ("ownerName", self.owner_name)):
            if not value:
                raise ContractError(
                    f"report: `{key}` is empty: the real LC answers 200 and drops it (set {_WHENCE[key]})"
                )
        if self.owner_kind not in OWNER_KINDS:
            raise ContractError(
                "report of {}: ownerKind {!r} is not one of {} (lower case): the LC answers 200 and drops it".format(
                    self.name, self.owner_kind, ", ".join(OWNER_KINDS)
                )
            )
        if "/" in self.name:
            raise ContractError(f"report: worker name {self.name!r} has a '/': the LC's route would not match (404)")
        if self.owner_kind == INCREMENTAL:
            if self.kind not in (TRAIN, EVAL, DEPLOY):
                raise ContractError(
                    f"report of {self.name}: kind {self.kind!r} of an incremental job is dropped by GM:"
                    " expected train, eval or deploy"
                )
            if self.status not in GM_STATUSES:
                raise ContractError(
                    "report of {}: GM takes the statuses {}; got {!r}: dropped".format(
                        self.name, ", ".join(GM_STATUSES), self.status
                    )
                )
            if self.kind == EVAL and self.status == COMPLETED:
                check_evaluation(self.results)
        for result in self.results:
            if not isinstance(result, Mapping):
                raise ContractError(
                    f"report of {self.name}: every result must be an object; got {result!r}: the LC answers 400"
                )
        self.text()


_WHENCE = {
    "name": "WORKER_NAME",
    "namespace": "NAMESPACE",
    "ownerName": "JOB_NAME, or SERVICE_NAME for joint inference",
}


def check_evaluation(results: Sequence[Mapping[str, Any]]) -> None:
    """Raise a ContractError unless LC can compare these results: two, equal metrics, lists of equal length."""
    if len(results) != 2:
        raise ContractError(
            "an evaluation has 2 results, the new model's and then the deployed one's; got %d: LC never deploys"
            % len(results)
        )
    shapes = []
    for which, result in zip(("new", "deployed"), results):
        metrics = result.get("metrics") if isinstance(result, Mapping) else None
        if not isinstance(metrics, Mapping) or not metrics:
            raise ContractError(f"the {which} model's result has no metrics: expected an object of lists of numbers")
        shape = {}
        for name, values in metrics.items():
            if not isinstance(values, (list, tuple)):
                raise ContractError(
                    f"metric {name} of the {which} model is {values!r}: expected a list (a bare number never deploys)"
                )
            for value in values:
                if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
                    raise ContractError(f"metric {name} of the {which} model holds {value!r}: expected finite numbers")
            shape[name] = len(values)
        shapes.append(shape)
    if shapes[0] != shapes[1]:
        raise ContractError(
            f"the two models' metrics differ in names or lengths ({shapes[0]} and {shapes[1]}): the real LC panics"
        )


@dataclass(frozen=True)
class InferenceStatistics:
    """`ownerInfo` of a joint inference worker. Every frame counts once (Sedna's own library counts hard ones twice)."""

    start_time: str
    update_time: str
    inference_number: int
    hard_example_number: int

    @property
    def upload_cloud_ratio(self) -> float:
        return self.hard_example_number / self.inference_number if self.inference_number else 0.0

    def to_json(self) -> dict[str, Any]:
        return {
            "startTime": self.start_time,
            "updateTime": self.update_time,
            "inferenceNumber": self.inference_number,
            "hardExampleNumber": self.hard_example_number,
            "uploadCloudRatio": self.upload_cloud_ratio,
        }


def hard_example_parameters(text: str | None) -> dict[str, str]:
    """HEM_PARAMETERS as a dict. GM writes "null" when the resource has none; values are always strings.

    As in Sedna's library, what cannot be read is no parameter at all.
    """
    try:
        entries = json.loads(text) if text else None
        return {entry["key"]: entry.get("value", "") for entry in entries or [] if "key" in entry}
    except (ValueError, TypeError, AttributeError):
        return {}


def hard_example_text(parameters: Sequence[Mapping[str, str]]) -> str:
    """HEM_PARAMETERS as GM writes it."""
    if not parameters:
        return "null"
    pairs = [{"key": parameter["key"], "value": parameter["value"]} for parameter in parameters]
    return json.dumps(pairs, separators=(",", ":"), ensure_ascii=False)


def format_of(path: str) -> str:
    """`format` in Sedna's results: the file name's ending."""
    name = path.rstrip("/").rsplit("/", 1)[-1]
    dot = name.rfind(".")
    return name[dot + 1 :] if dot > 0 else ""


def host_path(path: str, prefix: str) -> str:
    """A worker's path as a host path: DATA_PATH_PREFIX taken off, as Sedna's library does.

    An empty prefix and "/" (a worker that runs on the host itself) change nothing.
    """
    bare = prefix[:-1] if prefix.endswith("/") else prefix
    return path[len(bare) :] if bare and path.startswith(bare) else path


def worker_path(path: str, prefix: str) -> str:
    """The inverse of `host_path`: where a worker sees a host path."""
    return path if _SCHEME.match(path) else prefix.rstrip("/") + "/" + path.lstrip("/")


def is_local(url: str) -> bool:
    """Whether Sedna takes this for a host path: it has no scheme."""
    return not _SCHEME.match(url)


_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
