"""One example in the spool, as the index knows it."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple

WAITING, LEAVING, HELD = 0, 1, 2
STATES = {WAITING: "waiting", LEAVING: "leaving", HELD: "held"}


class Entry(NamedTuple):
    """A row of the index. `trouble` says why it is held. `born` counts in the spool's own clock."""

    seq: int
    id: str
    segment: int
    state: int
    size: int
    score: float
    camera: str
    frame: int
    wall_time: float
    reasons: str
    model: str
    accepted: float
    born: float
    trouble: str

    def as_json(self) -> dict[str, Any]:
        """The row for programs."""
        return {
            "seq": self.seq,
            "id": self.id,
            "state": STATES.get(self.state, str(self.state)),
            "bytes": self.size,
            "score": self.score,
            "camera": self.camera,
            "index": self.frame,
            "wall_time": self.wall_time,
            "reasons": self.reasons.split(",") if self.reasons else [],
            "model": self.model,
            "accepted": self.accepted,
            "trouble": self.trouble or None,
        }


def columns_of(facts: Mapping[str, Any]) -> tuple[float, str, int, float, str, str]:
    """score, camera, index, wall_time, reasons and model out of a sidecar, whatever is missing or odd in it."""
    reasons = facts.get("hard_reasons") or ()
    if isinstance(reasons, str):
        reasons = [reasons]
    return (
        score_of(facts),
        str(facts.get("camera") or "")[:200],
        int(max(-(2**62), min(2**62, _number(facts.get("index"))))),
        _number(facts.get("wall_time")),
        ",".join(str(reason) for reason in reasons)[:200],
        str(facts.get("model") or "")[:200],
    )


def score_of(facts: Mapping[str, Any]) -> float:
    """How hard an example is, 0 to 1."""
    return min(1.0, max(0.0, _number(facts.get("hard_score"))))


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return 0.0
    return number if abs(number) < float("inf") else 0.0
