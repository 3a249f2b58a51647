"""How much a spool may hold, and what happens when it is full."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Mapping

from sedna_bridge.errors import SpoolError

POLICIES = ("block", "drop_oldest", "drop_easiest")
UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
SPANS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


@dataclass(frozen=True)
class Limits:
    """Bounds of a spool on disk; 0 means no bound.

    `when_full` says what gives way at `most_bytes`, `most_entries` and the free-disk floor. `block`: the new example
    is refused, what is there stays. `drop_oldest`: the oldest go. `drop_easiest`: the ones with the lowest score go,
    and the new one is refused if it is the easiest of all.
    """

    most_bytes: int = 10 * 10**9
    most_entries: int = 0
    longest_age: float = 0.0
    free_floor: int = 256 * 10**6
    when_full: str = "drop_easiest"

    @classmethod
    def from_attributes(cls, attributes: Mapping[str, Any]) -> Limits:
        """Reads `spool_bytes` ("2GB"), `spool_entries`, `spool_age` ("30d"), `free_disk` and `when_full`."""
        given: dict[str, Any] = {}
        if attributes.get("spool_bytes") not in (None, ""):
            given["most_bytes"] = read_bytes("spool_bytes", attributes["spool_bytes"])
        if attributes.get("spool_entries") not in (None, ""):
            given["most_entries"] = read_bytes("spool_entries", attributes["spool_entries"])
        if attributes.get("spool_age") not in (None, ""):
            given["longest_age"] = read_span("spool_age", attributes["spool_age"])
        if attributes.get("free_disk") not in (None, ""):
            given["free_floor"] = read_bytes("free_disk", attributes["free_disk"])
        if attributes.get("when_full") not in (None, ""):
            given["when_full"] = str(attributes["when_full"])
        return cls(**given)

    def __post_init__(self) -> None:
        if self.when_full not in POLICIES:
            raise SpoolError("when_full must be one of %s, not %r" % (", ".join(POLICIES), self.when_full))


def read_bytes(name: str, given: Any) -> int:
    """`2GB`, `512MiB` or `1000` as a number."""
    match = re.match(r"^\s*(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?\s*$", str(given).lower())
    if not match or match.group(2) not in UNITS:
        raise SpoolError("%s must read like 2GB, 512MiB or 1000, not %r" % (name, given))
    return int(float(match.group(1)) * UNITS[match.group(2)])


def read_span(name: str, given: Any) -> float:
    """`30d`, `12h` or `90` (seconds) as seconds."""
    match = re.match(r"^\s*(\d+(?:\.\d+)?)\s*([smhdw]?)\s*$", str(given).lower())
    if not match:
        raise SpoolError("%s must read like 30d, 12h or 90 (seconds), not %r" % (name, given))
    return float(match.group(1)) * SPANS[match.group(2)]
