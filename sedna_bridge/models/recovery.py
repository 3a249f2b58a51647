"""The first moment of a process: what did the one before leave, and which version judges frames now?

no journal                       the active version; if it cannot be loaded, the previous one
before the switch                the old version goes on; the new one is tried again from the start
after the switch                 the new version goes on, on probation again; if it cannot be loaded, the old one
an end that was not carried out  it is carried out
too many processes died on it    the new version is rejected, or rolled back
"""

from __future__ import annotations

import logging

from .errors import ModelError
from .journal import Swap
from .line import AVAILABILITY, Line
from .states import ACTIVE, ENDS, FETCHED, REJECTED, ROLLED_BACK
from .steps import Steps

log = logging.getLogger(__name__)


def recover(line: Line) -> tuple[Swap | None, Steps]:
    """Bring up the version that must judge and settle what was under way; the swap that goes on, if any, and its
    steps."""
    swap, pointer = line.journal.read(), line.store.pointer()
    steps = Steps(line)
    if swap and swap.step == "switch" and swap.state not in (ACTIVE, *ENDS) and pointer.active == swap.version:
        swap = swap.to(state=ACTIVE)
    if swap and swap.state in ENDS:
        line.conclude(swap, {})
        swap = None
    if swap and swap.state == ACTIVE and pointer.active != swap.version:
        line.journal.clear()
        swap = None
    if swap is None:
        _bring_up_proven(line)
        return None, steps
    swap = swap.to(starts=swap.starts + 1)
    if swap.state == ACTIVE:
        return _go_on_trial(line, swap, steps), steps
    return _try_again(line, swap), steps


def _bring_up_proven(line: Line) -> None:
    pointer = line.store.pointer()
    version, fallback = pointer.active, pointer.previous
    if not version:
        raise ModelError(
            "the model store %s has no active model; install one with `sednabox model install FILE`." % line.store.root
        )
    try:
        line.sessions.ready(version)
    except (ModelError, OSError) as error:
        if not fallback:
            raise
        log.error("the active model %s cannot be loaded (%s); going back to %s", version, error, fallback)
        line.sessions.ready(fallback)
        line.store.point_back(fallback, None)
        line.store.reject(version, str(error), ROLLED_BACK)
        line.store.history.add(ROLLED_BACK, version, old=fallback, reason=str(error))
        version = fallback
    line.board.switch(version, line.store.pointer().serial)


def _try_again(line: Line, swap: Swap) -> Swap | None:
    _bring_up_proven(line)
    line.store.history.add("interrupted", swap.version, swap=swap.id, state=swap.state, step=swap.step)
    order = line.orders.waiting()
    if order and order.id == swap.order:
        line.orders.done(order)
    if not swap.version or not line.store.has(swap.version):
        line.journal.clear()
        return None
    if swap.starts > line.max_starts:
        _end(line, swap, REJECTED, "%d processes ended in step %s of it." % (swap.starts - 1, swap.step))
        return None
    return line.journal.write(swap.to(state=FETCHED, step="", old=line.store.pointer().active or ""))


def _go_on_trial(line: Line, swap: Swap, steps: Steps) -> Swap | None:
    why = ""
    if swap.starts > line.max_starts and swap.old:
        why = "%d processes ended while it was on probation." % (swap.starts - 1)
    else:
        wanted = swap.report and line.wants_report(line.store.get(swap.version).source)
        swap = line.journal.write(swap.to(report=wanted))
        try:
            line.sessions.probe(swap.version)
            line.sessions.ready(swap.version)
            steps.judge(swap)
        except (ModelError, OSError) as error:
            if not swap.old:
                raise
            why = str(error)
    if why:
        line.sessions.retire(swap.version)
        line.sessions.ready(swap.old)
        line.board.switch(swap.old, line.store.pointer().serial + 1)
        _end(line, swap, ROLLED_BACK, why)
        return None
    line.board.switch(swap.version, line.store.pointer().serial, swap.old if line.policy == AVAILABILITY else "")
    return swap


def _end(line: Line, swap: Swap, state: str, reason: str) -> None:
    swap = line.journal.write(swap.to(state=state, reason=reason))
    line.conclude(swap, {})
