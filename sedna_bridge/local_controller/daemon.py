"""Starting a controller in the background and stopping it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from sedna_bridge.local_controller import processes, view
from sedna_bridge.local_controller.errors import ControllerBusy
from sedna_bridge.local_controller.store import Store


def start(store: Store, command: Sequence[str], deadline: float = 20.0) -> str:
    """Run `command` (a controller in the foreground) detached, and wait until it answers; returns its address."""
    log = os.path.join(store.folder, "controller.log")
    with open(log, "ab") as output:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": processes.inherited()["PYTHONPATH"]},
        )
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        note = store.note("controller") or {}
        if note.get("pid") == process.pid and note.get("server"):
            return str(note["server"])
        code = process.poll()
        if code is not None:
            problem = (store.note("problem") or {}).get("message") or f"exit code {code}; see {log}"
            raise ControllerBusy(f"the local controller did not start: {problem}")
        time.sleep(0.05)
    raise ControllerBusy(f"the local controller did not answer within {deadline:g} s; see {log}")


def stop(store: Store, deadline: float = 20.0) -> bool:
    """Stop the controller of this state, leaving workers alone; False if none ran."""
    if not view.is_running(store):
        return False
    pid = int((store.note("controller") or {}).get("pid") or 0)
    if pid > 0:
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
    end = time.monotonic() + deadline
    while view.is_running(store):
        if time.monotonic() > end:
            raise ControllerBusy(f"the local controller (pid {pid}) did not stop within {deadline:g} s")
        time.sleep(0.05)
    return True


def foreground(state: str) -> list[str]:
    """The command line of a controller in the foreground for this state directory."""
    return [sys.executable, "-m", "sednabox.commands.job", "controller", "--state", state]
