"""The first load of a model happens in a child process with limits: what crashes, hangs or eats memory there harms
nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from ..interpreter import python
from .errors import ModelError, RejectedModel


@dataclass(frozen=True)
class ProbeLimits:
    """What the child may use; 0 sets no limit."""

    memory_bytes: int = 4 << 30
    cpu_seconds: int = 60
    wall_seconds: float = 60.0


def probe(command: Sequence[str], limits: ProbeLimits = ProbeLimits(), where: str = "the model") -> str:
    """Run the command under limits; what it printed (at most 64 KiB). Raises RejectedModel when it does not exit 0."""
    import sedna_bridge

    package_root = str(Path(sedna_bridge.__file__).resolve().parents[1])
    full = [python(), "-m", "sedna_bridge.models.limited", str(limits.memory_bytes), str(limits.cpu_seconds)]
    full += [str(os.getpid()), "--", *command]
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join([package_root, *filter(None, [environment.get("PYTHONPATH")])])
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        environment.pop(name, None)
    with tempfile.TemporaryFile() as output:
        try:
            child = subprocess.Popen(
                full,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            raise ModelError("the test load could not be started (%s): %s" % (" ".join(command), error)) from error
        try:
            code = child.wait(limits.wall_seconds or None)
        except subprocess.TimeoutExpired:
            raise RejectedModel(
                "%s: the test load in a child process hung; it was stopped after %.0f s." % (where, limits.wall_seconds)
            ) from None
        finally:
            _end(child)
        output.seek(0)
        said = output.read(1 << 16).decode("utf-8", "replace")
    if code:
        raise RejectedModel("%s: the test load in a child process %s%s" % (where, _ended(code, limits), _last(said)))
    return said


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill whatever is left of the child's process group."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    child.wait()


def _ended(code: int, limits: ProbeLimits) -> str:
    if code == -signal.SIGXCPU or (code == -signal.SIGKILL and limits.cpu_seconds):
        return "was stopped: more than %d s of processor time, or killed for memory" % limits.cpu_seconds
    if code < 0:
        return "crashed with %s" % signal.Signals(-code).name
    return "failed with exit code %d" % code


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return ": " + lines[-1][:500] if lines else "."
