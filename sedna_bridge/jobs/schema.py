"""The shapes of Sedna's resources: the facts of its custom resource definitions in compact tables.

A shape is a word ("S" text, "I" whole number, "N" number, "B" boolean, "Q" quantity or int-or-string, "O" any object,
"M" a map of texts), a list of one shape, or a dict of fields; a field's name ends in "*" where it is required. What is
below a pod's rarely used corners (affinity, probes, exotic volumes) is "O": any object.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from sedna_bridge.jobs.document import Document, Path
from sedna_bridge.jobs.errors import ERROR, WARNING, Finding

_CONTAINER: dict = {
    "name*": "S",
    "image": "S",
    "imagePullPolicy": "S",
    "command": ["S"],
    "args": ["S"],
    "workingDir": "S",
    "env": [
        {
            "name*": "S",
            "value": "S",
            "valueFrom": {
                "fieldRef": {"apiVersion": "S", "fieldPath*": "S"},
                "resourceFieldRef": {"containerName": "S", "divisor": "Q", "resource*": "S"},
                "configMapKeyRef": {"key*": "S", "name": "S", "optional": "B"},
                "secretKeyRef": {"key*": "S", "name": "S", "optional": "B"},
            },
        }
    ],
    "envFrom": [
        {
            "prefix": "S",
            "configMapRef": {"name": "S", "optional": "B"},
            "secretRef": {"name": "S", "optional": "B"},
        }
    ],
    "ports": [{"containerPort*": "I", "hostIP": "S", "hostPort": "I", "name": "S", "protocol": "S"}],
    "resources": {"limits": "QM", "requests": "QM", "claims": [{"name*": "S"}]},
    "volumeMounts": [
        {
            "name*": "S",
            "mountPath*": "S",
            "mountPropagation": "S",
            "readOnly": "B",
            "recursiveReadOnly": "S",
            "subPath": "S",
            "subPathExpr": "S",
        }
    ],
    "volumeDevices": [{"name*": "S", "devicePath*": "S"}],
    "lifecycle": "O",
    "livenessProbe": "O",
    "readinessProbe": "O",
    "startupProbe": "O",
    "resizePolicy": ["O"],
    "restartPolicy": "S",
    "securityContext": "O",
    "stdin": "B",
    "stdinOnce": "B",
    "terminationMessagePath": "S",
    "terminationMessagePolicy": "S",
    "tty": "B",
}

_VOLUME: dict = {
    "name*": "S",
    "hostPath": {"path*": "S", "type": "S"},
    "emptyDir": {"medium": "S", "sizeLimit": "Q"},
    "configMap": "O",
    "secret": "O",
    "persistentVolumeClaim": {"claimName*": "S", "readOnly": "B"},
    "nfs": {"server*": "S", "path*": "S", "readOnly": "B"},
}
_EXOTIC_VOLUMES = """
awsElasticBlockStore azureDisk azureFile cephfs cinder csi downwardAPI ephemeral fc flexVolume flocker gcePersistentDisk
gitRepo glusterfs iscsi photonPersistentDisk portworxVolume projected quobyte rbd scaleIO storageos vsphereVolume
"""
for _kind in _EXOTIC_VOLUMES.split():
    _VOLUME[_kind] = "O"

_POD: dict = {
    "containers*": [_CONTAINER],
    "initContainers": [_CONTAINER],
    "ephemeralContainers": ["O"],
    "volumes": [_VOLUME],
    "nodeName": "S",
    "nodeSelector": "M",
    "hostNetwork": "B",
    "hostPID": "B",
    "hostIPC": "B",
    "hostUsers": "B",
    "hostname": "S",
    "hostAliases": ["O"],
    "restartPolicy": "S",
    "activeDeadlineSeconds": "I",
    "terminationGracePeriodSeconds": "I",
    "dnsPolicy": "S",
    "dnsConfig": "O",
    "serviceAccount": "S",
    "serviceAccountName": "S",
    "automountServiceAccountToken": "B",
    "enableServiceLinks": "B",
    "imagePullSecrets": ["O"],
    "securityContext": "O",
    "affinity": "O",
    "tolerations": ["O"],
    "topologySpreadConstraints": ["O"],
    "priority": "I",
    "priorityClassName": "S",
    "preemptionPolicy": "S",
    "runtimeClassName": "S",
    "schedulerName": "S",
    "schedulingGates": ["O"],
    "setHostnameAsFQDN": "B",
    "shareProcessNamespace": "B",
    "subdomain": "S",
    "overhead": "QM",
    "os": {"name*": "S"},
    "readinessGates": ["O"],
    "resourceClaims": ["O"],
}
_TEMPLATE: dict = {"metadata": "O", "spec": _POD}
_MODEL_NAME: dict = {"name*": "S"}
_MINING: dict = {"name*": "S", "parameters": [{"key*": "S", "value*": "S"}]}
_TRIGGER: dict = {
    "checkPeriodSeconds": "I",
    "timer": {"start*": "S", "end*": "S"},
    "condition*": {"operator*": "S", "threshold*": "N", "metric*": "S"},
}
_HPA: dict = {"minReplicas": "I", "maxReplicas*": "I", "metrics": ["O"], "behavior": "O"}

SPECS: dict[str, dict] = {
    "Dataset": {"url*": "S", "format*": "S", "nodeName*": "S", "credentialName": "S"},
    "Model": {"url*": "S", "format*": "S", "device_soc_versions": ["S"], "credentialName": "S"},
    "IncrementalLearningJob": {
        "initialModel*": _MODEL_NAME,
        "dataset*": {"name*": "S", "trainProb*": "N"},
        "trainSpec*": {"template*": _TEMPLATE, "trigger*": _TRIGGER},
        "evalSpec*": {"template*": _TEMPLATE, "initialEvalModel": _MODEL_NAME},
        "deploySpec*": {
            "model*": {"name*": "S", "hotUpdateEnabled": "B", "pollPeriodSeconds": "I"},
            "trigger*": _TRIGGER,
            "hardExampleMining*": _MINING,
            "template*": _TEMPLATE,
        },
        "outputDir*": "S",
        "credentialName": "S",
    },
    "JointInferenceService": {
        "edgeWorker*": {"model*": _MODEL_NAME, "hardExampleMining*": _MINING, "template*": _TEMPLATE, "hpa": _HPA},
        "cloudWorker*": {"model*": _MODEL_NAME, "template*": _TEMPLATE, "hpa": _HPA},
    },
}
"""The `spec` of every kind that we read."""

OTHER_KINDS = (
    "FederatedLearningJob",
    "LifelongLearningJob",
    "FeatureExtractionService",
    "ObjectSearchService",
    "ObjectTrackingService",
    "ReidJob",
    "VideoAnalyticsJob",
)
"""Sedna's kinds that a cluster runs and one machine does not."""

_NAMES = {"S": "a text", "I": "a whole number", "N": "a number", "B": "true or false", "O": "an object", "M": "a map"}


def check(document: Document, value: Any, shape: Any, path: Path) -> Iterator[Finding]:
    """What is wrong with `value` (at `path` of the document) for this shape; the same things that kubectl refuses."""
    if isinstance(shape, dict):
        yield from _check_object(document, value, shape, path)
    elif isinstance(shape, list):
        if not isinstance(value, list):
            yield _wrong(document, path, "a list", value)
            return
        for index, item in enumerate(value):
            yield from check(document, item, shape[0], (*path, index))
    elif not _fits(value, shape):
        yield _wrong(document, path, _NAMES.get(shape, "a quantity such as 500m or 2Gi"), value)
    elif shape in ("M", "QM"):
        for key, item in value.items():
            if not _fits(item, "S" if shape == "M" else "Q"):
                yield _wrong(document, (*path, key), "a text" if shape == "M" else "a quantity", item)


def _check_object(document: Document, value: Any, shape: dict, path: Path) -> Iterator[Finding]:
    if not isinstance(value, dict):
        yield _wrong(document, path, "an object", value)
        return
    fields = {name.rstrip("*"): (below, name.endswith("*")) for name, below in shape.items()}
    for name, (_below, required) in fields.items():
        if required and value.get(name) is None:
            yield Finding(ERROR, document.where(path), f"{dotted((*path, name))} is required and missing", "required")
    for name, item in value.items():
        if name not in fields:
            near = difflib.get_close_matches(name, fields, 1, 0.6)
            hint = f": did you mean `{near[0]}`?" if near else f": expected one of {', '.join(sorted(fields))}"
            where = document.where((*path, name))
            yield Finding(ERROR, where, f"unknown field {dotted((*path, name))}{hint}", "unknown-field")
        elif item is not None:
            yield from check(document, item, fields[name][0], (*path, name))
        elif not fields[name][1]:
            where = document.where((*path, name))
            yield Finding(WARNING, where, f"{dotted((*path, name))} is null: taken as absent", "null")


def _fits(value: Any, shape: str) -> bool:
    if shape == "S":
        return isinstance(value, str)
    if shape == "B":
        return isinstance(value, bool)
    if shape == "I":
        return not isinstance(value, bool) and (
            isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        )
    if shape == "N":
        return not isinstance(value, bool) and isinstance(value, (int, float))
    if shape == "Q":
        return not isinstance(value, bool) and isinstance(value, (int, float, str))
    return isinstance(value, dict)


def _wrong(document: Document, path: Path, expected: str, value: Any) -> Finding:
    shown = repr(value) if len(repr(value)) < 60 else f"{type(value).__name__} of {len(value)}"
    hint = ""
    if expected == "a text" and isinstance(value, (bool, int, float)):
        hint = ": put quotes around it" + ("" if isinstance(value, bool) else f": '{value}'")
    return Finding(ERROR, document.where(path), f"{dotted(path)} must be {expected}; got {shown}{hint}", "type")


def dotted(path: Path) -> str:
    """A place as kubectl writes it: spec.containers[0].name."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else ("." if text else "") + str(part)
    return text
