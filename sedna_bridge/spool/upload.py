"""Everything behind the flowunit upload_to_cloud: one object that takes hard frames and never stops the frame path."""

from __future__ import annotations

import logging
import os
import re
import threading
from pathlib import Path
from typing import Any, Mapping

from sedna_bridge.errors import BridgeError, StorageError
from sedna_bridge.spool.courier import Courier
from sedna_bridge.spool.encoder import Encoder
from sedna_bridge.spool.limits import Limits, read_bytes
from sedna_bridge.spool.offer import REFUSED, Offer
from sedna_bridge.spool.spool import MEMORY, Spool
from sedna_bridge.storage.bandwidth import Bandwidth
from sedna_bridge.storage.open import HTTP_OPTIONS, open_target, target_url
from sedna_bridge.storage.target import unpaced
from sedna_bridge.storage.windows import TransferWindows

log = logging.getLogger(__name__)

FACTS = (
    "camera",
    "index",
    "timestamp",
    "wall_time",
    "width",
    "height",
    "model",
    "model_name",
    "classes",
    "detections",
    "other_detections",
    "thresholds",
    "hard_reasons",
    "hard_score",
)
SPOOL_ATTRIBUTES = (
    "spool",
    "quality",
    "longest_side",
    "memory",
    "spool_bytes",
    "spool_entries",
    "spool_age",
    "free_disk",
    "when_full",
)
COURIER_ATTRIBUTES = ("target", "order", "parallel", "bandwidth", "windows", *HTTP_OPTIONS)
TRY_AGAIN = 30.0
BITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


class Upload:
    """A spool and its courier, made from node attributes and Sedna's environment.

    Wrong settings raise at once. A disk that cannot be used now (read-only, held by another process) does not: until
    it can be used every frame is refused with that reason, and counted.
    """

    def __init__(self, attributes: Mapping[str, Any], environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment
        self._attributes = {key: value for key, value in attributes.items() if value not in (None, "")}
        self._path = str(self._attributes.get("spool") or state_directory("", self._environment) / "spool")
        self._limits = Limits.from_attributes(self._attributes)
        self._settings = spool_settings(self._attributes)
        Encoder(self._settings.get("quality", 92), self._settings.get("longest", 0))
        self._stop = threading.Event()
        courier_settings(self._attributes)
        read_bits(self._attributes.get("bandwidth", ""))
        if self._target_url():
            self._target().close()
        self._lock = threading.Lock()
        self._refusals = 0
        self.trouble = ""
        self.spool: Spool | None = None
        self.courier: Courier | None = None
        if not self._open():
            threading.Thread(target=self._keep_trying, name="spool-opener", daemon=True).start()

    def offer(self, picture: Any, meta: Mapping[str, Any], *, color: str = "bgr", copy: bool = True) -> Offer:
        """Takes a hard frame with its meta. Never waits; see Spool.offer."""
        facts = {key: meta[key] for key in FACTS if meta.get(key) is not None}
        spool = self.spool
        if spool is None:
            self._refusals += 1
            return Offer().settle(REFUSED, self.trouble or "the spool is closed")
        return spool.offer(picture, facts, color=color, copy=copy)

    def status(self) -> dict[str, Any]:
        """Figures for logs and metrics."""
        figures = self.spool.figures() if self.spool is not None else {}
        return {
            "spool": self._path,
            "trouble": self.trouble,
            "figures": figures,
            "refused_without_spool": self._refusals,
            "courier": self.courier.status() if self.courier is not None else None,
        }

    def close(self, timeout: float = 10.0) -> None:
        """Makes durable what is in memory; what was not delivered stays for the next start."""
        self._stop.set()
        with self._lock:
            if self.courier is not None:
                self.courier.stop(timeout)
            if self.spool is not None:
                self.spool.close(timeout)
            self.spool = self.courier = None

    def _open(self) -> bool:
        with self._lock:
            if self._stop.is_set():
                return True
            try:
                spool = Spool(self._path, self._limits, **self._settings)
            except BridgeError as error:
                if str(error) != self.trouble:
                    log.error("%s; frames are not kept until this is better", error)
                self.trouble = str(error)
                return False
            if self._target_url():
                options = courier_settings(self._attributes)
                self.courier = Courier(spool, self._target(), stop=self._stop, **options).start()
            else:
                log.warning("no target is set: hard examples stay in %s until `sednabox spool flush`", self._path)
            self.trouble = ""
            self.spool = spool
            return True

    def _keep_trying(self) -> None:
        while not self._stop.wait(TRY_AGAIN):
            if self._open():
                return

    def _target_url(self) -> str:
        return target_url(self._attributes, self._environment)

    def _target(self) -> Any:
        options = {key: self._attributes[key] for key in HTTP_OPTIONS if key in self._attributes}
        limit = read_bits(self._attributes.get("bandwidth", ""))
        pace = Bandwidth(limit, self._stop).take if limit else unpaced
        return open_target(self._target_url(), options, self._environment, pace)


def spool_settings(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The encoder and memory settings of a spool."""
    settings: dict[str, Any] = {"memory": read_bytes("memory", attributes.get("memory") or MEMORY)}
    for name, key in (("quality", "quality"), ("longest_side", "longest")):
        if attributes.get(name) not in (None, ""):
            settings[key] = read_bytes(name, attributes[name])
    return settings


def courier_settings(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Order, parallel deliveries and transfer windows."""
    settings: dict[str, Any] = {"windows": TransferWindows(str(attributes.get("windows") or ""))}
    if attributes.get("order"):
        settings["order"] = str(attributes["order"])
    if attributes.get("parallel"):
        settings["parallel"] = read_bytes("parallel", attributes["parallel"])
    return settings


def read_bits(given: Any) -> float:
    """`64kbit/s`, `64k` or `1.5M` as bits per second; nothing or 0 is no limit."""
    if given in (None, ""):
        return 0.0
    match = re.match(r"^\s*(\d+(?:\.\d+)?)\s*([kmg]?)(?:bits?|bit/s|bits/s|bps)?\s*$", str(given).lower())
    if not match:
        raise StorageError("bandwidth must read like 64kbit/s or 1.5M (bits per second), not %r" % given)
    return float(match.group(1)) * BITS[match.group(2)]


def state_directory(given: str, environment: Mapping[str, str]) -> Path:
    """The state directory of this box: `--state`, $SEDNABOX_STATE, /var/lib/sednabox where writable, or the home's."""
    if given or environment.get("SEDNABOX_STATE"):
        return Path(given or environment["SEDNABOX_STATE"])
    system = Path("/var/lib/sednabox")
    if os.access(str(system), os.W_OK):
        return system
    return Path(environment.get("HOME") or "/").expanduser() / ".local" / "state" / "sednabox"
