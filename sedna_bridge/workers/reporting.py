"""How a worker tells its LC, and itself when it is started again, what it did."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

from sedna_bridge import contract
from sedna_bridge.environment import Environment, WorkerEnvironment
from sedna_bridge.errors import BridgeError
from sedna_bridge.local_controller.client import Client
from sedna_bridge.local_controller.outbox import Outbox

_STARTED = time.monotonic()


def end_on_sigterm() -> None:
    """A container's first process is not ended by SIGTERM unless it says so."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def say(text: str) -> None:
    """One line of the worker's log."""
    print(time.strftime("%H:%M:%S ") + text, flush=True)


class Progress:
    """Called by an estimator as progress(done, total, text): a line at most each second, and always the last one."""

    def __init__(self, what: str) -> None:
        self.what = what
        self._last = 0.0

    def __call__(self, done: float, total: float = 1.0, text: Any = "") -> None:
        now = time.monotonic()
        if now - self._last >= 1.0 or done >= total:
            self._last = now
            share = 100.0 * done / total if total else 0.0
            said = f"loss {text:.4f}" if isinstance(text, float) else str(text)
            say(f"{self.what}: {share:3.0f} % {said}".rstrip())


def outbox_folder(environment: Environment, fallback: str) -> str:
    """The state directory's outbox; without one, beside the worker's own output if that can be written."""
    state = environment.text("SEDNABOX_STATE")
    if state:
        return os.path.join(state, "outbox")
    parent = os.path.dirname(fallback)
    if os.access(parent, os.W_OK):
        return fallback
    return os.path.join(tempfile.gettempdir(), "sednabox-outbox")


def client(worker: WorkerEnvironment, environment: Environment, fallback: str) -> Client | None:
    """A client that delivers, or None outside of Sedna."""
    if not worker.in_sedna:
        return None
    settle = environment.number("LC_SETTLE_SECONDS", 60.0)
    return Client(worker, Outbox(outbox_folder(environment, fallback)), settle=settle, diagnose=say).start()


def report(
    worker: WorkerEnvironment, environment: Environment, kind: str, results: Sequence[Mapping[str, Any]], fallback: str
) -> int:
    """Report a stage's results and wait for the delivery; the exit code of the worker.

    A report that comes within REPORT_PAUSE seconds of the worker's start waits, and the worker stays as long after it:
    GM looks at pods now and then, and what it sees last wins; a stage that is over before GM saw it run is lost.
    """
    pause = environment.number("REPORT_PAUSE", 0.0)
    mouth = client(worker, environment, fallback)
    if mouth is None:
        say("no WORKER_NAME and JOB_NAME: nobody to report to; the results are")
        print(json.dumps([dict(result) for result in results], indent=1), flush=True)
        return 0
    time.sleep(max(0.0, _STARTED + pause - time.monotonic()))
    mouth.report(kind, contract.COMPLETED, results)
    deadline = environment.number("REPORT_DEADLINE", 600.0)
    if not mouth.close(deadline):
        say(f"{worker.lc_server} did not take the report within {deadline:g} s; it waits in {mouth.outbox.folder}")
        return 1
    refused = mouth.refused()
    if refused:
        say(f"{worker.lc_server} refused the report: {refused[-1]}")
        return 1
    say(f"reported {kind} completed to {worker.lc_server}")
    time.sleep(max(0.0, pause))
    return 0


def remember(path: str, value: Any) -> None:
    """Write a JSON file whole."""
    temporary = path + ".tmp"
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def recall(path: str) -> Any:
    """What `remember` wrote, or None."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def plain(value: Any) -> Any:
    """A metric as JSON: numpy's numbers and arrays as Python's."""
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def fail(error: BaseException) -> int:
    """The last line of a worker that could not do its stage. LOG_LEVEL=DEBUG shows where in the estimator it was."""
    if os.environ.get("LOG_LEVEL", "").upper() == "DEBUG":
        traceback.print_exception(type(error), error, error.__traceback__)
    name = "" if isinstance(error, BridgeError) else f"{type(error).__name__}: "
    print(f"error: {name}{error}", file=sys.stderr, flush=True)
    return 1
