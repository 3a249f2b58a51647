"""Starting, watching and stopping workers through their keepers; safe to repeat after a crash at any point."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sedna_bridge.local_controller import keeper
from sedna_bridge.local_controller.errors import PodError

RUNNING, ENDED, LOST, STARTING = "running", "ended", "lost", "starting"

_PASSED_ON = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "PYTHONPATH",
    "LD_LIBRARY_PATH",
    "VIRTUAL_ENV",
    "CUDA_VISIBLE_DEVICES",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "ESTIMATOR",
    "GRAPH",
    "GRAPH_SET",
    "ENGINE",
)
"""What a worker inherits from the controller; its pod's environment wins. The last four say what our own workers run
where a yaml (such as Sedna's quick start) does not."""


@dataclass(frozen=True)
class Plan:
    """Everything that a keeper needs to run a worker."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    cwd: str
    log: str
    memory: int | None = None
    cpus: int | None = None
    nice: int = 0
    deadline: float | None = None
    grace: float = 30.0
    before: Sequence[Sequence[str]] = field(default_factory=tuple)
    after: Sequence[Sequence[str]] = field(default_factory=tuple)
    log_bytes: int = 10 << 20


@dataclass(frozen=True)
class Seen:
    """What a worker's folder says: its state and, once it ended, the keeper's record."""

    state: str
    code: int | None = None
    reason: str = ""
    message: str = ""
    ended: float = 0.0
    peak_memory: int = 0


def inherited() -> dict[str, str]:
    """The part of the controller's environment that workers get. Our own package is importable in them."""
    values = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    ours = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    values["PYTHONPATH"] = os.pathsep.join([*filter(None, values.get("PYTHONPATH", "").split(os.pathsep)), ours])
    values["PYTHONUNBUFFERED"] = "1"
    return values


def start(folder: str, plan: Plan) -> None:
    """Run `plan` in `folder`. Called again for the same folder it starts nothing a second time."""
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        os.makedirs(os.path.dirname(plan.log), exist_ok=True)
        if not os.path.exists(os.path.join(folder, keeper.PLAN)):
            keeper.write_whole(
                os.path.join(folder, keeper.PLAN), {**plan.__dict__, "environment": dict(plan.environment)}
            )
        process = subprocess.Popen(
            [sys.executable, "-m", "sedna_bridge.local_controller.keeper", folder],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=inherited(),
            cwd="/",
        )
    except OSError as error:
        raise PodError(f"worker in {folder}: cannot be started: {error}") from None
    _reaped.append(process)


_MARK = "SEDNABOX_WORKER_FOLDER"
"""In every worker's environment: by this its processes are known again when its keeper was killed."""

_reaped: list[subprocess.Popen] = []


def look(folder: str) -> Seen:
    """How the worker in `folder` is doing."""
    _reaped[:] = [process for process in _reaped if process.poll() is None]
    record = _read(os.path.join(folder, keeper.EXIT))
    if record is None:
        if _held(folder):
            return Seen(RUNNING if os.path.exists(os.path.join(folder, keeper.WHO)) else STARTING)
        # The keeper may have ended between the two looks.
        record = _read(os.path.join(folder, keeper.EXIT))
    if record is None:
        if os.path.exists(os.path.join(folder, keeper.WHO)):
            _kill_orphans(folder)
            return Seen(LOST, reason="Lost", message="its keeper was killed, or the machine was restarted")
        return Seen(STARTING)
    return Seen(
        ENDED,
        record.get("code"),
        record.get("reason", ""),
        record.get("message", ""),
        record.get("ended", 0.0),
        record.get("peak_memory", 0),
    )


def _kill_orphans(folder: str) -> None:
    """Kill what a killed keeper left: the worker died with it, what the worker had started may live on."""
    mark = f"{_MARK}={folder}".encode()
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                if mark in file.read().split(b"\0"):
                    os.kill(int(name), signal.SIGKILL)
        except OSError:
            continue


def stop(folder: str) -> None:
    """Ask the worker to end: SIGTERM, then SIGKILL after its grace time; returns at once."""
    who = _read(os.path.join(folder, keeper.WHO))
    if who is not None and _held(folder):
        try:
            os.kill(int(who["pid"]), signal.SIGTERM)
        except (OSError, ValueError, KeyError):
            pass


def stop_and_wait(folder: str, deadline: float = 60.0) -> bool:
    """Stop and wait for the end; True once nothing of the worker runs."""
    end = time.monotonic() + deadline
    while True:
        seen = look(folder)
        if seen.state in (ENDED, LOST) or (seen.state == STARTING and not _held(folder)):
            return True
        if time.monotonic() > end:
            return False
        stop(folder)
        time.sleep(0.05)


def forget(folder: str) -> None:
    """Take the folder of an ended worker away."""
    shutil.rmtree(folder, ignore_errors=True)


def _held(folder: str) -> bool:
    try:
        descriptor = os.open(os.path.join(folder, keeper.LOCK), os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _read(path: str) -> dict[str, Any] | None:
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
