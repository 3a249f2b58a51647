"""The state machine of an incremental job, as data.

States are Sedna's conditions (stage, type); the latest condition is the state. An event that a state does not know is
ignored and told: that is what keeps a report that comes twice, late or out of order from moving a job, where the real
GM appends whatever comes.
"""

from __future__ import annotations

from sedna_bridge.contract_conditions import (
    COMPLETED,
    DEPLOY,
    EVAL,
    FAILED,
    READY,
    RUNNING,
    STARTING,
    TRAIN,
    WAITING,
)

State = tuple

TRIGGERED = "triggered"
"""The stage's condition holds and its input files are written."""
STARTED = "started"
"""The stage's worker was started; for a hot update: the new model is on its way."""
RUNS = "runs"
"""The worker runs; for a hot update: the inference worker runs."""
COMPLETES = "completes"
"""The worker reported that it is done; for a cold update: the inference worker has the new model."""
NEEDLESS = "needless"
"""The new model is not better enough."""
FAILS = "fails"
"""The stage failed for good: retries are used up, or it can never succeed."""
GOES_ON = "goes-on"
"""The stage is over."""

START: State = (TRAIN, WAITING)

TRANSITIONS: dict[State, dict[str, State]] = {
    (TRAIN, WAITING): {TRIGGERED: (TRAIN, READY), FAILS: (TRAIN, FAILED)},
    (TRAIN, READY): {STARTED: (TRAIN, STARTING), FAILS: (TRAIN, FAILED)},
    (TRAIN, STARTING): {RUNS: (TRAIN, RUNNING), FAILS: (TRAIN, FAILED)},
    (TRAIN, RUNNING): {COMPLETES: (TRAIN, COMPLETED), FAILS: (TRAIN, FAILED)},
    (TRAIN, COMPLETED): {GOES_ON: (EVAL, WAITING)},
    (TRAIN, FAILED): {GOES_ON: (TRAIN, WAITING)},
    (EVAL, WAITING): {TRIGGERED: (EVAL, READY), FAILS: (EVAL, FAILED)},
    (EVAL, READY): {STARTED: (EVAL, STARTING), FAILS: (EVAL, FAILED)},
    (EVAL, STARTING): {RUNS: (EVAL, RUNNING), FAILS: (EVAL, FAILED)},
    (EVAL, RUNNING): {COMPLETES: (EVAL, COMPLETED), FAILS: (EVAL, FAILED)},
    (EVAL, COMPLETED): {GOES_ON: (DEPLOY, WAITING)},
    (EVAL, FAILED): {GOES_ON: (TRAIN, WAITING)},
    (DEPLOY, WAITING): {TRIGGERED: (DEPLOY, READY), NEEDLESS: (DEPLOY, COMPLETED), FAILS: (DEPLOY, FAILED)},
    (DEPLOY, READY): {STARTED: (DEPLOY, STARTING), COMPLETES: (DEPLOY, COMPLETED), FAILS: (DEPLOY, FAILED)},
    (DEPLOY, STARTING): {RUNS: (DEPLOY, RUNNING), FAILS: (DEPLOY, FAILED)},
    (DEPLOY, RUNNING): {COMPLETES: (DEPLOY, COMPLETED), FAILS: (DEPLOY, FAILED)},
    (DEPLOY, COMPLETED): {GOES_ON: (TRAIN, WAITING)},
    (DEPLOY, FAILED): {GOES_ON: (TRAIN, WAITING)},
}


def follow(state: State, event: str) -> State | None:
    """The state after `event`, or None where `state` does not know it."""
    return TRANSITIONS[state].get(event)


def drawing() -> str:
    """The table as a mermaid state diagram; docs/local-controller.md holds it and a test compares."""
    lines = ["stateDiagram-v2", f"    [*] --> {''.join(START)}"]
    for state, events in TRANSITIONS.items():
        for event, target in events.items():
            lines.append(f"    {''.join(state)} --> {''.join(target)}: {event}")
    return "\n".join(lines)
