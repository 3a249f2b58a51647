"""The states of a swap and the steps between them, as data. machine.py walks this table; docs/hot-swap.md draws it.

    discovered -fetch-> fetched -verify-> verified -load-> loaded -warm_up-> warm -judge-> judged -switch-> active
         |                 |                 |                |                 |              |
         +-----------------+-----------------+----------------+-----------------+--------------+--> rejected
    active -watch-> kept
       +----------> rolled_back

Before each step the journal on disk says which one begins. `resume` is the state from which a new process goes on
when the old one died within the step: nothing that was in memory is believed, everything that is on disk is.
"""

from __future__ import annotations

from dataclasses import dataclass

DISCOVERED = "discovered"
FETCHED = "fetched"
VERIFIED = "verified"
LOADED = "loaded"
WARM = "warm"
JUDGED = "judged"
ACTIVE = "active"
KEPT = "kept"
REJECTED = "rejected"
ROLLED_BACK = "rolled_back"

ENDS = (KEPT, REJECTED, ROLLED_BACK)


@dataclass(frozen=True)
class Step:
    """One edge of the table."""

    name: str
    before: str
    after: str
    failed: str
    resume: str


STEPS = (
    Step("fetch", DISCOVERED, FETCHED, REJECTED, DISCOVERED),
    Step("verify", FETCHED, VERIFIED, REJECTED, FETCHED),
    Step("load", VERIFIED, LOADED, REJECTED, FETCHED),
    Step("warm_up", LOADED, WARM, REJECTED, FETCHED),
    Step("judge", WARM, JUDGED, REJECTED, FETCHED),
    Step("switch", JUDGED, ACTIVE, REJECTED, FETCHED),
    Step("watch", ACTIVE, KEPT, ROLLED_BACK, ACTIVE),
)
BY_STATE = {step.before: step for step in STEPS}
STATES = (*(step.before for step in STEPS), *ENDS)


def next_step(state: str) -> Step:
    """The step that leaves a state which is not an end."""
    return BY_STATE[state]
