"""What Kubernetes or the real Sedna will do badly with a resource that kubectl takes.

Each rule is a small function that yields findings; what it warns of was observed on the real LC and GM. Where one
machine does better, the message says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Callable

from sedna_bridge.contract import HARD_EXAMPLE_NAMES, is_local
from sedna_bridge.jobs.document import Document, Path
from sedna_bridge.jobs.errors import ERROR, WARNING, Finding
from sedna_bridge.jobs.schema import dotted

OPERATORS = ("gt", ">", "ge", ">=", "eq", "=", "==", "ne", "!=", "le", "<=", "lt", "<")
HOST_PATH_TYPES = ("", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice")
TRAIN_METRIC = "num_of_samples"

_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})\Z")
_INDEXED = re.compile(r"[^\[\]]+\[\s*[0-9]+\s*\]\Z")
_VARIABLE = re.compile(r"\$\{?[A-Za-z_][A-Za-z0-9_]*\}?")
_NODE = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?\Z")


def advise(document: Document) -> list[Finding]:
    """Every finding of every rule for this (already validated) document."""
    found: list[Finding] = []
    spec = document.value["spec"]
    for rule in _RULES.get(document.value["kind"], ()):
        found.extend(rule(document, spec))
    return found


def _warn(document: Document, path: Path, message: str, rule: str, level: str = WARNING) -> Finding:
    return Finding(level, document.where(path), f"{dotted(path)}: {message}", rule)


def _dataset(document: Document, spec: dict) -> Iterator[Finding]:
    path = ("spec", "format")
    text = spec["format"]
    if text.lower() not in ("txt", "csv", "jsonl"):
        yield _warn(document, path, f"{text!r} is not txt, csv or jsonl: nobody can count its samples", "format", ERROR)
    elif text.lower() == "jsonl":
        yield _warn(document, path, "the real LC knows no jsonl (`format is invalid`); one machine does", "format")
    elif text != "txt":
        message = f"with {text!r} the real LC counts samples but an incremental job never trains; one machine does"
        yield _warn(document, path, message, "format")
    yield from _location(document, ("spec", "url"), spec["url"], "dataset")
    yield from _node(document, ("spec", "nodeName"), spec["nodeName"])


def _model(document: Document, spec: dict) -> Iterator[Finding]:
    yield from _location(document, ("spec", "url"), spec["url"], "model")


def _location(document: Document, path: Path, url: str, what: str) -> Iterator[Finding]:
    if not url:
        yield _warn(document, path, f"the {what} has no place", "url", ERROR)
    elif is_local(url) and not url.startswith("/"):
        message = f"{url!r} is neither an absolute host path nor a URL: a pod cannot mount it"
        yield _warn(document, path, message, "url", ERROR)
    elif url.startswith("file://"):
        yield _warn(document, path, "Sedna's library reads nothing from file:// without a word: write the path", "url")


def _node(document: Document, path: Path, name: Any) -> Iterator[Finding]:
    if isinstance(name, str) and name and not _NODE.match(name):
        hint = "a shell variable that was not expanded" if _VARIABLE.match(name) else "no node's name"
        message = f"{name!r} is {hint}: Kubernetes refuses the pod; one machine runs everything here"
        yield _warn(document, path, message, "node")


def _job_data(document: Document, spec: dict) -> Iterator[Finding]:
    path = ("spec", "dataset", "trainProb")
    prob = spec["dataset"]["trainProb"]
    if not 0 <= prob <= 1:
        yield _warn(document, path, f"must be from 0 to 1; with {prob} the real LC panics", "train-prob", ERROR)
    elif prob == 1:
        yield _warn(document, path, "1 leaves nothing to evaluate on", "train-prob")
    elif prob == 0:
        yield _warn(document, path, "0 leaves nothing to train on", "train-prob")
    else:
        least = int(1 / prob + 0.999)
        if least > 1:
            message = f"append at least {least} lines at once: the real LC rounds down at each look, fewer never train"
            yield _warn(document, path, message, "trickle")
    yield from _location(document, ("spec", "outputDir"), spec["outputDir"], "output")
    if not is_local(spec["outputDir"]) and not spec.get("credentialName"):
        yield _warn(document, ("spec", "outputDir"), "no credentialName: workers cannot write there", "credential")


def _triggers(document: Document, spec: dict) -> Iterator[Finding]:
    for stage in ("trainSpec", "deploySpec"):
        trigger = spec[stage]["trigger"]
        path: Path = ("spec", stage, "trigger")
        condition = trigger["condition"]
        if condition["operator"] not in OPERATORS:
            message = f"{condition['operator']!r} is unknown: never true; expected one of {' '.join(OPERATORS)}"
            yield _warn(document, (*path, "condition", "operator"), message, "operator")
        if trigger.get("checkPeriodSeconds") is not None:
            message = "the real LC ignores it and looks each 10 s; one machine honours it"
            yield _warn(document, (*path, "checkPeriodSeconds"), message, "check-period")
        yield from _timer(document, (*path, "timer"), trigger.get("timer"))
    metric = spec["trainSpec"]["trigger"]["condition"]["metric"]
    path = ("spec", "trainSpec", "trigger", "condition", "metric")
    if metric != TRAIN_METRIC:
        yield _warn(document, path, f"{metric!r} is unknown: training never starts; expected {TRAIN_METRIC}", "metric")
    metric = spec["deploySpec"]["trigger"]["condition"]["metric"]
    path = ("spec", "deploySpec", "trigger", "condition", "metric")
    if not _INDEXED.match(metric):
        message = (
            f"{metric!r} has no index: metrics are lists, the real LC takes a list for 0 and never deploys; "
            f"write {metric}[0] for the first class. One machine compares the mean"
        )
        yield _warn(document, path, message, "metric-index")


def _timer(document: Document, path: Path, timer: Any) -> Iterator[Finding]:
    for key, text in (timer or {}).items():
        match = _CLOCK.match(text)
        clock = int(match.group(1)) * 60 + int(match.group(2)) if match else -1
        if match is None or not 0 <= clock <= 24 * 60 or int(match.group(2)) > 59:
            yield _warn(document, (*path, key), f"must be a time of day such as 02:00; got {text!r}", "timer", ERROR)
        elif len(match.group(1)) == 1:
            message = f"{text!r} is compared as text by the real LC: write 0{text}"
            yield _warn(document, (*path, key), message, "timer")


def _deploy(document: Document, spec: dict) -> Iterator[Finding]:
    model = spec["deploySpec"]["model"]
    path: Path = ("spec", "deploySpec", "model")
    period = model.get("pollPeriodSeconds")
    if period is not None and period < 1:
        yield _warn(document, (*path, "pollPeriodSeconds"), "must be 1 or more", "poll-period", ERROR)
    if not model.get("hotUpdateEnabled") and is_local(spec["outputDir"]):
        message = (
            "a cold update with host paths never changes the host's model: the real LC copies it inside its own "
            "container. Set hotUpdateEnabled: true, or use s3://"
        )
        yield _warn(document, (*path, "name"), message, "cold-update")
    yield from _mining(document, ("spec", "deploySpec", "hardExampleMining"), spec["deploySpec"]["hardExampleMining"])
    nodes = {}
    for stage in ("trainSpec", "evalSpec", "deploySpec"):
        node = spec[stage]["template"]["spec"].get("nodeName")
        yield from _node(document, ("spec", stage, "template", "spec", "nodeName"), node)
        nodes[stage] = node
    if model.get("hotUpdateEnabled") and nodes["deploySpec"] not in (nodes["trainSpec"], nodes["evalSpec"]):
        message = "on a node that only deploys, the real LC writes the hot update for the first round only"
        yield _warn(document, ("spec", "deploySpec", "template", "spec", "nodeName"), message, "deploy-node")


def _mining(document: Document, path: Path, mining: dict) -> Iterator[Finding]:
    name = mining["name"]
    if name not in HARD_EXAMPLE_NAMES:
        message = f"{name!r} is not in Sedna's library; expected one of {', '.join(HARD_EXAMPLE_NAMES)}"
        yield _warn(document, (*path, "name"), message, "mining")
    elif name == "Random" and mining.get("parameters"):
        yield _warn(document, (*path, "name"), "Sedna's Random fails on a ratio from a resource (a text)", "mining")
    elif name == "CrossEntropy":
        yield _warn(document, (*path, "name"), "CrossEntropy takes class probabilities; boxes fail", "mining")


def _templates(document: Document, spec: dict) -> Iterator[Finding]:
    for stage in ("trainSpec", "evalSpec", "deploySpec", "edgeWorker", "cloudWorker"):
        if stage in spec:
            yield from _pod(document, ("spec", stage, "template", "spec"), spec[stage]["template"]["spec"], stage)


def _pod(document: Document, path: Path, pod: dict, stage: str) -> Iterator[Finding]:
    volumes = {}
    for index, volume in enumerate(pod.get("volumes") or []):
        volumes[volume["name"]] = volume
        host = volume.get("hostPath")
        if host and host.get("type", "") not in HOST_PATH_TYPES:
            near = next((kind for kind in HOST_PATH_TYPES if kind.lower() == host["type"].lower()), "")
            hint = f": write {near}" if near else f": expected one of {', '.join(HOST_PATH_TYPES[1:])}"
            where = (*path, "volumes", index, "hostPath", "type")
            yield _warn(document, where, f"Kubernetes refuses {host['type']!r}{hint}", "host-path-type")
    if not pod["containers"]:
        yield _warn(document, (*path, "containers"), "a pod needs a container", "containers", ERROR)
    for index, container in enumerate(pod["containers"]):
        at = (*path, "containers", index)
        image = container.get("image")
        if not image:
            yield _warn(document, at, "no image: Kubernetes refuses the pod", "image")
        elif _VARIABLE.search(image):
            message = f"{image!r} is a shell variable that was not expanded: Kubernetes refuses it"
            yield _warn(document, (*at, "image"), message, "image")
        for mount_index, mount in enumerate(container.get("volumeMounts") or []):
            if mount["name"] not in volumes:
                message = f"there is no volume {mount['name']!r}: Kubernetes refuses the pod"
                yield _warn(document, (*at, "volumeMounts", mount_index, "name"), message, "mount")
    if stage in ("trainSpec", "evalSpec") and pod.get("restartPolicy") == "Always":
        yield _warn(document, (*path, "restartPolicy"), "with Always the stage never ends", "restart-policy")


def _service(document: Document, spec: dict) -> Iterator[Finding]:
    yield from _mining(document, ("spec", "edgeWorker", "hardExampleMining"), spec["edgeWorker"]["hardExampleMining"])
    message = (
        "the pods have no host network and http://localhost:9100 is not the node's LC: statistics are lost unless "
        "LC_SERVER is set; Sedna's own library also reports under the name 'sedna', which GM drops"
    )
    yield _warn(document, ("spec", "edgeWorker"), message, "statistics")


_RULES: dict[str, tuple[Callable[[Document, dict], Iterator[Finding]], ...]] = {
    "Dataset": (_dataset,),
    "Model": (_model,),
    "IncrementalLearningJob": (_job_data, _triggers, _deploy, _templates),
    "JointInferenceService": (_service, _templates),
}
