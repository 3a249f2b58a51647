"""Runs the configured graph on the embedded engine, tells systemd how it is going, and serves figures."""
from __future__ import annotations

import os
import sys
import time
from typing import Any, MutableMapping, Sequence

from pocketbox import runner
from sedna_bridge.spool.upload import state_directory

from ..config import Config
from .figures import Figures
from .notify import Notifier
from .progress import Progress
from .server import MetricsServer
from .timing import Timing

FAILED = 1


class Service:
    """One run of the service; `run` returns the exit code."""

    def __init__(self, config: Config, environment: MutableMapping[str, str], version: str = "") -> None:
        self.config = config
        self.name = os.path.basename(config.graph)
        self.environment = environment
        self.notifier = Notifier(environment)
        self.progress = Progress(config.stall_seconds)
        self.timing = Timing()
        self.version = version
        self.engine: Any = None
        self._told = 0.0
        self._lost = False

    def run(self) -> int:
        self.environment.update(self.config.environment)
        state = state_directory("", self.environment)
        try:
            state.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            sys.stderr.write("sednabox service: the state directory %s cannot be made: %s; set SEDNABOX_STATE\n" % (
                state, error.strerror))
            return FAILED
        self.environment["SEDNABOX_STATE"] = str(state)
        server = self._server(str(state))
        if server is False:
            return FAILED
        try:
            return runner.run_file(self.config.graph, self._look, settings=dict(self.config.settings),
                                   drain_seconds=self.config.drain_seconds)
        finally:
            self.notifier.tell(STOPPING=1)
            if server:
                server.close()

    def stats(self) -> Sequence[Any]:
        return self.engine.stats() if self.engine is not None else ()

    def _server(self, state: str) -> Any:
        if not self.config.metrics:
            return None
        figures = Figures(state, self.timing, self.progress, self.stats, self.version)
        try:
            server = MetricsServer(self.config.address, self.config.port, figures)
        except OSError as error:
            where = "%s port %d" % (self.config.address, self.config.port)
            sys.stderr.write("sednabox service: the figures cannot be served at %s: %s; choose another port in "
                             "[metrics], or enabled = false\n" % (where, error.strerror))
            return False
        server.start()
        sys.stderr.write("figures: http://%s:%d/metrics\n" % (self.config.address, server.port))
        return server

    def _look(self, engine: Any) -> None:
        """The runner calls it about twice a second, from the main thread."""
        if self.engine is None:
            self.timing.watch(engine)
            self.engine = engine
            self.notifier.tell(READY=1, STATUS="running " + self.name, MAINPID=os.getpid())
        stats = engine.stats()
        self.progress.look(stats)
        now = time.monotonic()
        if now - self._told < min(5.0, self.notifier.period / 4 or 5.0):
            return
        self._told = now
        if self.progress.healthy():
            self._lost = False
            frames = max([node["processed"] for node in stats] or [0])
            self.notifier.tell(WATCHDOG=1, STATUS="running %s: %d frames" % (self.name, frames))
        elif not self._lost:
            self._lost = True
            waiting = ", ".join("%s %d" % (node["node"], node["queue"]) for node in stats if node.get("queue"))
            text = "nothing has moved for %.0f s while frames wait (%s)" % (self.progress.seconds(), waiting)
            sys.stderr.write("sednabox service: %s; the watchdog is not told any more\n" % text)
            self.notifier.tell(STATUS=text)
