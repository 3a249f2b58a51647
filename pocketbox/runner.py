"""Runs a graph file to its end: exit codes, signals, and what a person is told."""
from __future__ import annotations

import os
import signal
import sys
import threading
import time
import traceback
from typing import Any, Callable, NoReturn

from . import flow, graphfile, sdkpath
from .engine.profile import Profile
from .errors import FormatError, PocketboxError
from .graph import Graph
from .sdk import log
from .sdk.status import TEXTS, StatusCode

OK, BUILD_FAILED, RUN_FAILED = 0, 1, 2
DRAIN_SECONDS = 10.0
PATIENCE_SECONDS = 2.0


def leave(code: int) -> NoReturn:
    """End the process with this code, also where a unit has left a thread behind that would hold it for ever."""
    here = threading.current_thread()
    left = [thread for thread in threading.enumerate() if thread is not here and not thread.daemon]
    end = time.monotonic() + PATIENCE_SECONDS
    for thread in left:
        thread.join(max(0.0, end - time.monotonic()))
    left = [thread for thread in left if thread.is_alive()]
    if left:
        log.write(log.Level.WARN, "threads that units left running are given up: %s. Stop them in close(), or start "
                  "them with daemon=True" % ", ".join(thread.name for thread in left))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def run_file(path: str, observer: Callable[[Any], None] | None = None, **options: Any) -> int:
    """Run a graph file; see `run_graph`."""
    try:
        graph = graphfile.load(path)
    except PocketboxError as error:
        return _refused(error, options)
    return run_graph(graph, observer, **options)


def run_graph(graph: Graph, observer: Callable[[Any], None] | None = None, profile: str = "", debug: bool = False,
              drain_seconds: float = DRAIN_SECONDS, settings: dict | None = None) -> int:
    """0: the data is finished, or a unit asked to stop; 1: the graph cannot be built; 2: it failed while running.

    `observer` is called with the engine about twice a second. SIGINT and SIGTERM let sources finish and what is on its
    way go through, for at most `drain_seconds`; a second signal stops at once. `settings` are {(node, key): value}.
    """
    options = {"debug": debug}
    for (name, key), value in (settings or {}).items():
        if name not in graph.nodes:
            return _refused(FormatError("there is no node '%s' to set %s on" % (name, key), None,
                                        "Nodes: %s" % ", ".join(graph.nodes)), options)
        graph.nodes[name].attributes[key] = value
    if not graph.flag("flow.enable", True):
        return _refused(FormatError("the flow is disabled", graph.places.get("flow.enable"),
                                    "Set enable = true in [flow]", "PERMIT"), options)
    _log_level(graph)
    sdkpath.enter()
    try:
        try:
            engine = flow.build(graph)
        except PocketboxError as error:
            return _refused(error, options)
        tracer = Profile.of(graph, profile)
        if tracer is not None:
            engine.on_run = tracer.run
        with _Signals(engine, drain_seconds) as signals:
            engine.start()
            while not engine.wait(0.5 if observer else 0.2):
                signals.look()
                if observer is not None:
                    observer(engine)
        if observer is not None:
            observer(engine)
        if tracer is not None:
            tracer.write(engine)
        if engine.failure is not None:
            sys.stderr.write("run flow failed, Fault, %s\n" % engine.failure)
            return RUN_FAILED
        return OK
    finally:
        sdkpath.leave()


def _refused(error: PocketboxError, options: dict) -> int:
    stage = "init" if error.stage == "init" else "build"
    sys.stderr.write("%s flow failed, %s, %s\n" % (stage, TEXTS[StatusCode["STATUS_" + error.status]], error))
    if options.get("debug"):
        traceback.print_exception(type(error), error, error.__traceback__)
    return BUILD_FAILED


def _log_level(graph: Graph) -> None:
    level = graph.settings.get("log.level")
    if isinstance(level, str) and level:
        try:
            log.set_log_level(log.level_named(level))
        except KeyError:
            log.write(log.Level.WARN, "[log] level '%s' is not known" % level)


class _Signals:
    """SIGINT and SIGTERM while a graph runs; the handlers that were there come back."""

    def __init__(self, engine: Any, seconds: float) -> None:
        self.engine = engine
        self.seconds = seconds
        self.seen = 0
        self.drain: threading.Thread | None = None
        self.old: dict = {}

    def __enter__(self) -> _Signals:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self.old[number] = signal.signal(number, self._caught)
        return self

    def __exit__(self, *_: Any) -> None:
        for number, handler in self.old.items():
            signal.signal(number, handler)

    def _caught(self, number: int, frame: Any) -> None:
        self.seen += 1

    def look(self) -> None:
        if self.seen and self.drain is None:
            sys.stderr.write("stopping: what is on its way goes through, for at most %g s; "
                             "once more to stop at once\n" % self.seconds)
            self.drain = threading.Thread(target=self._drain, daemon=True)
            self.drain.start()
        if self.seen > 1:
            self.engine.stop(1.0)

    def _drain(self) -> None:
        self.engine.drain()
        if not self.engine.wait(self.seconds):
            self.engine.stop()


def run_script(path: str, args: list) -> int:
    """Run a Python file with the embedded `modelbox` importable, as `python FILE ARGS` would."""
    import runpy
    sdkpath.enter()
    sys.argv = [path, *args]
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    runpy.run_path(path, run_name="__main__")
    return OK
