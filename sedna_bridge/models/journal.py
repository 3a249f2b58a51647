"""The swap that is under way, on disk before each step, so that a process that starts finds what one that died was
doing."""

from __future__ import annotations

import time
import uuid
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from . import failpoints
from .durable import read_json, remove_whole, write_json
from .states import DISCOVERED, ENDS, next_step


@dataclass(frozen=True)
class Swap:
    """One attempt to bring one version into use.

    `old` judged frames before, and `older` is what a rollback went to then; `starts` counts the processes that have
    tried; `trial` says whether the version must pass golden frames and probation (a rollback to a proven version need
    not); `order` names the wish of a person behind it.
    """

    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    state: str = DISCOVERED
    step: str = ""
    version: str = ""
    old: str = ""
    older: str = ""
    offer: str = ""
    report_key: str = ""
    starts: int = 1
    trial: bool = True
    report: bool = True
    order: str = ""
    by: str = ""
    since: float = field(default_factory=lambda: round(time.time(), 3))
    reason: str = ""

    def to(self, **changes: Any) -> Swap:
        return replace(self, **changes)


class Journal:
    """Reads and writes swap.json of a store."""

    def __init__(self, root: Path) -> None:
        self.path = root / "swap.json"

    def read(self) -> Swap | None:
        value = read_json(self.path)
        if not isinstance(value, dict):
            return None
        return Swap(**{key: value[key] for key in Swap.__dataclass_fields__ if key in value})

    def write(self, swap: Swap) -> Swap:
        begins = swap.state not in ENDS and next_step(swap.state).name == swap.step
        failpoints.reach("journal." + (swap.step if begins else swap.state))
        write_json(self.path, asdict(swap))
        return swap

    def clear(self) -> None:
        failpoints.reach("journal.clear")
        remove_whole(self.path)
