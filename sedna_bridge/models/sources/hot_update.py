"""Sedna's hot-update file: LocalController writes a model beside it, then rewrites it in place, and nobody is told.

What is known of that writer (and guarded against here): the version is an opaque text and the only thing that changes
by design; the model keeps one file name; neither file is written in one step; a shorter new file keeps the end of the
longer old one; there is no checksum. So: the version must be readable twice and the same over `settle` seconds, the
model file must hold still for as long, and must be one whole ONNX model; a stale tail is cut when the old model
proves it. A file that holds still and is still no model is given up after `patience` seconds: it goes to the store,
which says why it is bad.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Callable, Mapping

from ..errors import BadModelFile, ModelError, SourceError
from ..intake import Parcel, take_in
from ..offers import Offer, OfferLedger, Progress
from ..onnx_wire import inspect_onnx
from ..record import VersionRecord
from ..store import ModelStore
from .base import Source
from .settled import Stillness, mark_of


def read_hot_update(path: Path) -> tuple[str, str] | None:
    """(model path, version) of model_config.json, or None when there is no such file or it is being written.

    Text after the first JSON value is a stale tail and is not looked at.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
        value, _ = json.JSONDecoder().raw_decode(text.lstrip())
        config = value["model_config"]
        model, version = config["model_path"], config["model_update_time"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not isinstance(model, str) or not model or version in (None, ""):
        return None
    return model, str(version)


class HotUpdateFile(Source):
    """Polls MODEL_HOT_UPDATE_CONFIG as Sedna's lib does, but believes only what has held still."""

    def __init__(
        self,
        config: Path,
        period: float = 60.0,
        settle: float = 1.0,
        patience: float = 30.0,
        name: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.config = Path(config)
        self.poll_period = period
        self.settle = settle
        self.patience = patience
        self.model_name = name
        self._still = Stillness(clock)
        self._clock = clock
        self._moving_since: float | None = None
        self._offered: Offer | None = None
        self._looking = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> HotUpdateFile | None:
        """The source that Sedna's environment asks for; None when hot update is off."""
        config = environment.get("MODEL_HOT_UPDATE_CONFIG", "")
        if not config or environment.get("MODEL_HOT_UPDATE", "true").lower() not in ("true", "1", "yes"):
            return None
        try:
            period = float(environment.get("MODEL_POLL_PERIOD_SECONDS", "60"))
        except ValueError:
            period = 60.0
        return cls(Path(config), period=period if period >= 1 else 60.0)

    @property
    def name(self) -> str:
        return "sedna:%s" % self.config

    @property
    def period(self) -> float:  # type: ignore[override]
        """Sedna's period while nothing new is there; short steps while a new model is settling."""
        return min(self.poll_period, max(0.05, self.settle / 4)) if self._looking else self.poll_period

    def wait(self, period: float) -> None:
        self.poll_period = period

    def poll(self, store: ModelStore) -> Offer | None:
        self._looking = False
        found = read_hot_update(self.config)
        if found is None:
            self._looking = self.config.exists()
            return None
        model, version = self._model_path(found[0]), found[1]
        mark = mark_of(model)
        key = "%s|%s|%s" % (self.name, version, mark)
        if self._offered and self._offered.key == key:
            return self._offered
        if OfferLedger(store).ended(key):
            self._moving_since = None
            return None
        self._looking = True
        if self._moving_since is None:
            self._moving_since = self._clock()
        if mark is None:
            return None
        moving = self._clock() - self._moving_since
        if self._still.seconds((version, mark)) < self.settle and moving < self.patience:
            return None
        try:
            inspect_onnx(model)
        except (BadModelFile, OSError) as error:
            provable = isinstance(error, BadModelFile) and any(
                record.files[record.model_file].size == mark[1] for record in store.versions()
            )
            if not provable and self._still.seconds((version, mark)) < self.patience:
                return None
        self._looking, self._moving_since = False, None
        self._offered = Offer(
            key, version, lambda store, progress: self._take(store, model, version, progress), self.name
        )
        return self._offered

    def _model_path(self, text: str) -> Path:
        """The path of the config; where it is not mounted there, the file of that name beside the config."""
        path = Path(text)
        return path if path.exists() or not path.name else self.config.parent / path.name

    def _take(self, store: ModelStore, model: Path, version: str, progress: Progress) -> VersionRecord:
        before = mark_of(model)
        active = store.pointer().active or ""
        progress(0, before[1] if before else None)
        name = self.model_name or (store.get(active).name if active and store.has(active) else model.stem)
        parcel = Parcel(
            name=name,
            version=version,
            source=self.name,
            source_version=version,
            inherit=active,
            cut_stale_tail=True,
        )
        try:
            return take_in(store, model, parcel)
        except ModelError:
            now = read_hot_update(self.config)
            if mark_of(model) != before or now is None or now[1] != version:
                raise SourceError("%s was written while it was read; it is read again." % model) from None
            raise
