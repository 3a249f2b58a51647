"""From a pod template to something that this machine can run.

The worker gets the environment that GM gives it, in the same order and with the same names. A process sees host paths
where a container sees mounts: DATA_PATH_PREFIX is then the controller's root instead of /home/data, so that a worker
which strips the prefix (as Sedna's library does) reports the same host path either way, and values that point into a
mounted folder are rewritten to the folder's place on the host. What cannot be honoured is returned as a note.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sedna_bridge.contract import HOST_PATH_PREFIX, HOT_UPDATE_MOUNT, is_local, worker_path
from sedna_bridge.local_controller.errors import PodError
from sedna_bridge.local_controller.quantities import quantity

_CREATED = {"DirectoryOrCreate", "DirectoryorCreate", "FileOrCreate"}
_EXPANSION = re.compile(r"\$\$|\$\(([A-Za-z_.\-][A-Za-z0-9_.\-]*)\)")


@dataclass(frozen=True)
class Given:
    """What the controller gives a worker: plain variables, variables that hold host paths, and the hot-update folder.

    A path's flag says whether it is a folder that the worker writes (mounted itself) or a file (its folder is mounted).
    """

    values: Mapping[str, str]
    paths: Sequence[tuple[str, Sequence[str]]] = ()
    hot_update_folder: str = ""


@dataclass(frozen=True)
class Pod:
    """A container of a template, ready to be turned into a command line."""

    container: Mapping[str, Any]
    environment: dict[str, str]
    args: tuple
    mounts: tuple = ()
    cwd: str = ""
    memory: int | None = None
    cpus: float | None = None
    deadline: float | None = None
    grace: float = 30.0
    restarts: bool = True
    notes: tuple = field(default_factory=tuple)


def host(root: str, path: str) -> str:
    """A host path of the yaml on this machine: below the controller's root."""
    return path if root in ("", "/") else root.rstrip("/") + "/" + path.lstrip("/")


def pod(template: Mapping[str, Any], given: Given, root: str, scratch: str, contained: bool) -> Pod:
    """The first container of `template` with what the controller gives it.

    `contained` says whether it runs in a container (mounts are real) or as a process of this machine (host paths).
    """
    spec = template["spec"]
    container = spec["containers"][0]
    notes = list(_not_honoured(spec, container, contained))
    folders = _volumes(spec, root, scratch, notes)
    mounts = []
    for mount in container.get("volumeMounts") or []:
        source = folders.get(mount["name"])
        if source is not None:
            source = os.path.join(source, mount["subPath"]) if mount.get("subPath") else source
            mounts.append((source, mount["mountPath"], bool(mount.get("readOnly"))))
    environment = _user_environment(container, notes, given)
    sedna, sedna_mounts = _sedna_environment(given, root, contained)
    environment.update(sedna)
    args = [*(container.get("command") or []), *(container.get("args") or [])] if contained else []
    args = [_expanded(str(arg), environment) for arg in args]
    if not contained:
        environment = _rewritten(environment, mounts, notes, set(sedna))
    return Pod(
        container=container,
        environment=environment,
        args=tuple(args),
        mounts=(*mounts, *sedna_mounts) if contained else (),
        cwd=_folder(container, contained, notes),
        memory=_limit(container, "memory"),
        cpus=_limit_float(container, "cpu"),
        deadline=spec.get("activeDeadlineSeconds"),
        grace=float(spec.get("terminationGracePeriodSeconds", 30)),
        restarts=spec.get("restartPolicy", "OnFailure") != "Never",
        notes=tuple(notes),
    )


def _sedna_environment(given: Given, root: str, contained: bool) -> tuple[dict[str, str], list]:
    """The variables of GM, DATA_PATH_PREFIX first as GM injects it, and the mounts that belong to them."""
    prefix = HOST_PATH_PREFIX if contained else (root or "/")
    environment = {"DATA_PATH_PREFIX": prefix, **given.values}
    mounts: dict[str, tuple] = {}
    for name, urls in given.paths:
        places = []
        for url in urls:
            if not is_local(url):
                places.append(url)
                continue
            folder = url[: url.rfind("/") + 1]
            mounts[folder] = (host(root, folder), worker_path(folder, HOST_PATH_PREFIX), False)
            places.append(worker_path(url, HOST_PATH_PREFIX) if contained else host(root, url))
        environment[name] = ";".join(places)
    if given.hot_update_folder:
        mounts[HOT_UPDATE_MOUNT] = (given.hot_update_folder, HOT_UPDATE_MOUNT, False)
    return environment, list(mounts.values())


def _volumes(spec: Mapping[str, Any], root: str, scratch: str, notes: list) -> dict[str, str]:
    """The folder on this machine for each volume that can be honoured."""
    folders = {}
    for volume in spec.get("volumes") or []:
        name = volume["name"]
        if "hostPath" in volume:
            path, kind = host(root, volume["hostPath"]["path"]), volume["hostPath"].get("type") or ""
            if not os.path.exists(path):
                if kind not in _CREATED:
                    if kind:
                        raise PodError(
                            f"volume {name}: hostPath {path} does not exist and its type is {kind}: create it"
                        )
                    notes.append(f"volume {name}: hostPath {path} does not exist: created")
                _create(path, kind, name)
            folders[name] = path
        elif "emptyDir" in volume:
            folders[name] = os.path.join(scratch, "volumes", name)
            os.makedirs(folders[name], exist_ok=True)
        else:
            kinds = ", ".join(key for key in volume if key != "name") or "nothing"
            notes.append(f"volume {name} ({kinds}): only hostPath and emptyDir exist on one machine")
    return folders


def _create(path: str, kind: str, name: str) -> None:
    try:
        if kind == "FileOrCreate":
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "a", encoding="utf-8"):
                pass
        else:
            os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise PodError(f"volume {name}: {path} cannot be created: {error}; choose another --root") from None


def _user_environment(container: Mapping[str, Any], notes: list, given: Given) -> dict[str, str]:
    environment: dict[str, str] = {}
    for entry in container.get("env") or []:
        name = entry["name"]
        if entry.get("value") is not None:
            environment[name] = _expanded(entry["value"], environment)
        elif "valueFrom" in entry:
            path = ((entry["valueFrom"] or {}).get("fieldRef") or {}).get("fieldPath")
            known = {
                "spec.nodeName": os.uname().nodename,
                "status.hostIP": "127.0.0.1",
                "status.podIP": "127.0.0.1",
                "metadata.name": given.values.get("WORKER_NAME", ""),
                "metadata.namespace": given.values.get("NAMESPACE", ""),
            }
            if path in known:
                environment[name] = known[path]
            else:
                source = ", ".join(entry["valueFrom"] or {}) or "nothing"
                notes.append(f"env {name}: {source} has no meaning on one machine: not set; give it a value")
        else:
            environment[name] = ""
    return environment


def _expanded(text: str, environment: Mapping[str, str]) -> str:
    """$(NAME) as Kubernetes expands it; $$ is a dollar sign; an unknown name stays as it is."""

    def one(match: re.Match) -> str:
        if match.group(0) == "$$":
            return "$"
        return environment.get(match.group(1), match.group(0))

    return _EXPANSION.sub(one, text)


def _rewritten(environment: dict[str, str], mounts: Sequence[tuple], notes: list, keep: set) -> dict[str, str]:
    """Values that point into a mount, with the folder's place on this machine instead."""
    changed = []
    result = {}
    ordered = sorted(mounts, key=lambda mount: -len(mount[1]))
    for name, value in environment.items():
        result[name] = value
        if name in keep:
            continue
        path = "/" + value[len("file://") :].lstrip("/") if value.startswith("file://") else value
        for source, target, _read_only in ordered:
            bare = target.rstrip("/")
            if path == bare or path.startswith(bare + "/"):
                result[name] = source.rstrip("/") + path[len(bare) :]
                changed.append(name)
                break
    for source, target, _read_only in mounts:
        notes.append(f"mount {target}: a process sees {source} instead")
    if changed:
        notes.append(f"rewritten to host paths: {', '.join(changed)}")
    return result


def _not_honoured(spec: Mapping[str, Any], container: Mapping[str, Any], contained: bool) -> Sequence[str]:
    notes = []
    if len(spec["containers"]) > 1:
        names = ", ".join(other["name"] for other in spec["containers"][1:])
        notes.append(f"containers {names}: only the first container of a pod runs here")
    if spec.get("nodeName"):
        notes.append(f"nodeName {spec['nodeName']}: everything runs on this machine")
    said = {
        "initContainers": "not run",
        "nodeSelector": "there is one machine",
        "affinity": "there is one machine",
        "tolerations": "there is one machine",
        "securityContext": "the worker runs as the controller's user",
        "serviceAccountName": "there is no cluster",
        "dnsConfig": "this machine's DNS",
        "runtimeClassName": "not used",
    }
    for key, why in said.items():
        if spec.get(key):
            notes.append(f"{key}: {why}")
    for key in ("livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "securityContext", "envFrom"):
        if container.get(key):
            notes.append(f"container {container['name']}: {key} is not honoured")
    resources = container.get("resources") or {}
    for key in resources.get("limits") or {}:
        if key not in ("cpu", "memory"):
            notes.append(f"limit {key}: only cpu and memory are limited here")
    if resources.get("requests"):
        notes.append("resources.requests: nothing is reserved on one machine")
    cpus = _limit_float(container, "cpu")
    if cpus is not None and not contained and cpus != int(cpus):
        notes.append(f"limit cpu {cpus:g}: a process gets {int(cpus) + 1} whole cores")
    return notes


def _folder(container: Mapping[str, Any], contained: bool, notes: list) -> str:
    wanted = container.get("workingDir") or ""
    if wanted and not contained and not os.path.isdir(wanted):
        notes.append(f"workingDir {wanted}: not on this machine: the worker starts in its own folder")
        return ""
    return wanted


def _limit(container: Mapping[str, Any], key: str) -> int | None:
    value = _limit_float(container, key)
    return None if value is None else int(value)


def _limit_float(container: Mapping[str, Any], key: str) -> float | None:
    value = ((container.get("resources") or {}).get("limits") or {}).get(key)
    if value is None:
        return None
    number = quantity(value, f"container {container['name']}: limit {key}")
    if number <= 0:
        raise PodError(f"container {container['name']}: limit {key} must be above 0; got {value!r}")
    return number
