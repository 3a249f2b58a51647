"""Running a pod in a container, where docker, podman or nerdctl is installed."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from sedna_bridge.local_controller.pods import Pod

RUNTIMES = ("docker", "podman", "nerdctl")


def runtime(wanted: str = "auto") -> str | None:
    """The container runtime's program: the wanted one, or the first that is installed; None if there is none."""
    names: Sequence[str] = RUNTIMES if wanted == "auto" else (wanted,)
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    return None


def command(program: str, name: str, pod: Pod) -> list[str]:
    """The command line that runs `pod` and ends with it. The host's network is used, as GM's pods do."""
    line = [program, "run", "--rm", "--name", name, "--network", "host"]
    for key, value in pod.environment.items():
        line += ["--env", f"{key}={value}"]
    for source, target, read_only in pod.mounts:
        line += ["--volume", f"{source}:{target}" + (":ro" if read_only else "")]
    if pod.memory:
        line += ["--memory", str(pod.memory), "--memory-swap", str(pod.memory)]
    if pod.cpus:
        line += ["--cpus", f"{pod.cpus:g}"]
    if pod.cwd:
        line += ["--workdir", pod.cwd]
    entry = pod.container.get("command") or []
    if entry:
        line += ["--entrypoint", str(pod.args[0])]
    line.append(str(pod.container.get("image")))
    return line + [str(arg) for arg in (pod.args[1:] if entry else pod.args)]


def remove(program: str, name: str) -> list[str]:
    """The command line that takes away what a killed run left."""
    return [program, "rm", "--force", name]
