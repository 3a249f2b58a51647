"""Everything behind the flowunit model_hot_swap: a store, its sources and a swap machine, beside a line of frames."""

from __future__ import annotations

import logging
import math
import os
import sqlite3
from pathlib import Path
from typing import Any, Callable, Mapping, Sequence

from sedna_bridge import contract
from sedna_bridge.environment import Environment, WorkerEnvironment
from sedna_bridge.errors import BridgeError
from sedna_bridge.local_controller.client import Client
from sedna_bridge.local_controller.outbox import Outbox
from sedna_bridge.spool.files import SpoolFiles
from sedna_bridge.spool.survey import open_reader
from sedna_bridge.spool.upload import state_directory

from .archive import MANIFEST
from .deployed import place_of, put_back
from .errors import ModelError
from .intake import seed
from .judging import Gate
from .line import AVAILABILITY, Line
from .machine import SwapMachine
from .manifest import read_model_table
from .probation import Terms
from .runtime import Runtime
from .sources import source_from
from .store import ModelStore
from .switchboard import Stamp, Switchboard
from .worker import SwapWorker

log = logging.getLogger(__name__)

ATTRIBUTES = (
    "store",
    "spool",
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
YES, NO = ("true", "1", "yes", "on"), ("false", "0", "no", "off")
BAD_NEWS = ("rejected", "rolled_back", "rollback_failed", "put_off", "no_model")
Tell = Callable[[bool, str], None]


class HotSwap:
    """Made from node attributes and Sedna's environment; `open` brings a model up, `stamp` is for each frame.

    `model` is a folder or file that becomes the first version of an empty store. `source` names where newer ones come
    from (several: separated by blanks); in a Sedna worker its hot-update file is one of them, and its versions are
    reported to the LocalController. A new model is also judged on the newest hard examples in this box's `spool`.
    `tell(bad, text)` is called for each thing that happens to a model, from the swap machine's threads.
    """

    def __init__(
        self,
        attributes: Mapping[str, Any],
        runtime: Runtime | Any,
        environment: Mapping[str, str] | None = None,
        tell: Tell | None = None,
    ) -> None:
        values = os.environ if environment is None else environment
        given = {key: str(value) for key, value in attributes.items() if value not in (None, "")}
        use_environment = _flag(given, "environment", True)
        self.worker_environment = WorkerEnvironment.from_environment(Environment(values if use_environment else {}))
        self.state = state_directory("", values)
        self.store = ModelStore(given.get("store") or self.state / "models")
        if tell is not None:
            self.store.history.listener = lambda entry: tell(entry["event"] in BAD_NEWS, sentence(entry))
        self.spool = Path(given.get("spool") or self.state / "spool")
        self.runtime = runtime
        self.model = self._first_model(given.get("model", ""))
        self.sources = self._sources(given)
        self.client: Client | None = None
        gate = Gate(
            min_kept=_number(given, "min_kept", Gate.min_kept),
            max_frame_seconds=_milliseconds(given, "max_frame_ms"),
        )
        terms = Terms(
            frames=whole_number(given, "probation_frames", Terms.frames),
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
            recent_frames=self.recent_frames,
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
        try:
            version = self._worker.start()
        except BaseException:
            self.close()
            raise
        install(self.board)
        return version

    def stamp(self) -> Stamp:
        """The version that must judge the next frame."""
        return self.board.stamp()

    def recent_frames(self) -> Sequence[Any]:
        """The newest hard examples that wait in the spool, as the runtime's frames; a spool may well be empty."""
        picture_of = getattr(self.runtime, "picture", None)
        if picture_of is None or not self.spool.is_dir():
            return []
        frames: list[Any] = []
        try:
            reader = open_reader(self.spool)
            try:
                entries = list(reader.entries("newest", limit=self.line.gate.golden_frames))
            finally:
                reader.close()
        except (BridgeError, sqlite3.Error) as error:
            log.info("no recent frames from the spool: %s", error)
            return []
        files = SpoolFiles(self.spool)
        for entry in entries:
            try:
                frames.append(picture_of(files.read(entry.id, entry.segment).picture))
            except Exception as error:  # it has just been delivered, or is damaged: the others will do
                log.info("hard example %s is not used as a golden frame: %s", entry.id, error)
        return frames

    def close(self) -> None:
        self._worker.stop()
        if self.client is not None:
            self.client.close(5.0)

    def _first_model(self, given: str) -> str:
        """Sedna's MODEL_URL where there is one, as all of Sedna's environment goes before attributes."""
        url = self.worker_environment.model_url
        if not (self.worker_environment.in_sedna and url and Path(url).exists()):
            return given
        path = Path(url)
        beside = path.parent / MANIFEST
        if path.is_file() and beside.is_file() and read_model_table(beside).file == path.name:
            return str(path.parent)
        return url

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
        env = self.worker_environment
        place = place_of(env.model_url) if env.in_sedna and env.hot_update else None
        if status == contract.COMPLETED and place is not None:
            try:
                put_back(self.store, place)
            except (OSError, BridgeError) as error:
                log.warning("the model in use cannot be written to %s (%s): Sedna's next evaluation compares with what "
                            "lies there", place, error)
        if self.client is not None:
            self.client.deploy(version, status == contract.COMPLETED)


def sentence(entry: Mapping[str, Any]) -> str:
    """A line of the store's history for people."""
    facts = ", ".join(
        "%s %s" % (key, entry[key])
        for key in ("old", "by", "took", "frame_ms", "old_frame_ms", "kept", "boxes", "old_boxes")
        if key in entry
    )
    text = "%s: %s" % (entry.get("version") or "store", entry["event"])
    return text + (": " + entry["reason"] if entry.get("reason") else "") + (" (%s)" % facts if facts else "")


def whole_number(given: Mapping[str, str], key: str, default: int) -> int:
    """A setting that counts something; raises ModelError with its name."""
    number = _number(given, key, default)
    if number != int(number):
        raise ModelError("%s = %r: expected a whole number" % (key, given[key]))
    return int(number)


def _number(given: Mapping[str, str], key: str, default: float) -> float:
    try:
        number = float(given.get(key, default))
    except ValueError:
        raise ModelError("%s = %r is no number" % (key, given[key])) from None
    if not math.isfinite(number) or number < 0:
        raise ModelError("%s = %r: expected a number that is not negative" % (key, given[key]))
    return number


def _milliseconds(given: Mapping[str, str], key: str) -> float | None:
    return _number(given, key, 0.0) / 1000 or None


def _flag(given: Mapping[str, str], key: str, default: bool) -> bool:
    text = given.get(key, str(default)).strip().lower()
    if text not in (*YES, *NO):
        raise ModelError("%s = %r: expected true or false" % (key, given[key]))
    return text in YES
