"""Everything behind the flowunit model_hot_swap: a store, its sources and a swap machine, beside a line of frames."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any, Callable, Mapping

from sedna_bridge import contract
from sedna_bridge.environment import Environment, WorkerEnvironment
from sedna_bridge.local_controller.client import Client
from sedna_bridge.local_controller.outbox import Outbox
from sedna_bridge.spool.upload import state_directory

from .errors import ModelError
from .intake import seed
from .judging import Gate
from .line import AVAILABILITY, Line
from .machine import SwapMachine
from .probation import Terms
from .runtime import Runtime
from .sources import source_from
from .store import ModelStore
from .switchboard import Stamp, Switchboard
from .worker import SwapWorker

log = logging.getLogger(__name__)

ATTRIBUTES = (
    "store",
    "model",
    "source",
    "period",
    "policy",
    "probation_frames",
    "probation_seconds",
    "min_kept",
    "max_frame_ms",
    "environment",
)
SEDNA = "sedna:"


class HotSwap:
    """Made from node attributes and Sedna's environment; `open` brings a model up, `stamp` is for each frame.

    `model` is a folder or file that becomes the first version of an empty store. `source` names where newer ones come
    from (several: separated by blanks); in a Sedna worker its hot-update file is one of them, and its versions are
    reported to the LocalController.
    """

    def __init__(
        self, attributes: Mapping[str, Any], runtime: Runtime | Any, environment: Mapping[str, str] | None = None
    ) -> None:
        values = os.environ if environment is None else environment
        given = {key: str(value) for key, value in attributes.items() if value not in (None, "")}
        use_environment = given.get("environment", "true").lower() not in ("false", "0", "no", "off")
        self.worker_environment = WorkerEnvironment.from_environment(Environment(values if use_environment else {}))
        self.state = state_directory("", values)
        self.store = ModelStore(given.get("store") or self.state / "models")
        self.model = self._first_model(given.get("model", ""))
        self.sources = self._sources(given)
        self.client: Client | None = None
        gate = Gate(
            min_kept=_number(given, "min_kept", Gate.min_kept),
            max_frame_seconds=_milliseconds(given, "max_frame_ms"),
        )
        terms = Terms(
            frames=int(_number(given, "probation_frames", Terms.frames)),
            seconds=_number(given, "probation_seconds", Terms.seconds),
            max_frame_seconds=_milliseconds(given, "max_frame_ms"),
        )
        self.board = Switchboard()
        self.line = Line(
            store=self.store,
            runtime=runtime,
            board=self.board,
            policy=given.get("policy", AVAILABILITY),
            gate=gate,
            terms=terms,
            on_report=self._report,
            wants_report=self._wants_report,
        )
        self._worker = SwapWorker(SwapMachine(self.line), self.sources)

    def open(self, install: Callable[[Switchboard], None]) -> str:
        """Bring the active model up, or the first one of an empty store; the version that judges from now on.

        `install` makes the switchboard known to the unit that detects.
        """
        if self.model and not self.store.pointer().active:
            seed(self.store, self.model)
        if not self.store.pointer().active:
            raise ModelError(
                "the model store %s has no model: give the node model=FOLDER, or run `sednabox model install FILE` and "
                "`sednabox model activate VERSION`." % self.store.root
            )
        if self.worker_environment.in_sedna and self._has_sedna_source():
            outbox = Outbox(str(self.state / "outbox"))
            self.client = Client(self.worker_environment, outbox, diagnose=log.warning).start()
        version = self._worker.start()
        install(self.board)
        return version

    def stamp(self) -> Stamp:
        """The version that must judge the next frame."""
        return self.board.stamp()

    def close(self) -> None:
        self._worker.stop()
        if self.client is not None:
            self.client.close(5.0)

    def _first_model(self, given: str) -> str:
        """Sedna's MODEL_URL where there is one, as all of Sedna's environment goes before attributes."""
        url = self.worker_environment.model_url
        return url if self.worker_environment.in_sedna and url and Path(url).exists() else given

    def _sources(self, given: Mapping[str, str]) -> list[Any]:
        texts = given.get("source", "").split()
        env = self.worker_environment
        if env.hot_update and env.hot_update_config:
            texts.append(SEDNA + env.hot_update_config)
        period = _number(given, "period", 0.0) or None
        made = []
        for text in texts:
            from_sedna = text.startswith(SEDNA) or Path(text).name == "model_config.json"
            made.append(source_from(text, period or (env.hot_update_period if from_sedna else None)))
        return made

    def _has_sedna_source(self) -> bool:
        return any(source.name.startswith(SEDNA) for source in self.sources)

    def _wants_report(self, source: str) -> bool:
        return self.client is not None and source.startswith(SEDNA)

    def _report(self, version: str, status: str, reason: str) -> None:
        if self.client is not None:
            self.client.deploy(version, status == contract.COMPLETED)


def _number(given: Mapping[str, str], key: str, default: float) -> float:
    try:
        number = float(given.get(key, default))
    except ValueError:
        raise ModelError("%s = %r is no number" % (key, given[key])) from None
    if number < 0:
        raise ModelError("%s = %r must not be negative" % (key, given[key]))
    return number


def _milliseconds(given: Mapping[str, str], key: str) -> float | None:
    return _number(given, key, 0.0) / 1000 or None
