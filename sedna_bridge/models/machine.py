"""The swap machine: walks one version after the other through the table in states.py, and undoes what does not work
out.

One thread calls `step` again and again; each call does one thing and returns soon, but for loading and warming up,
which have deadlines. The rules that make a crash at any point harmless:

* the journal is written before a step begins, the pointer moves in one rename, and an end (kept, rejected, rolled
  back) is first written to the journal and then carried out (ending.py), each part of which may be done twice;
* in memory nothing is newer than on disk: the line is switched only after the pointer;
* a process that finds a journal counts itself (recovery.py); a version that several processes have died on is given up.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from . import failpoints
from .errors import ModelError, RejectedModel, StoreBusy, StoreError
from .journal import Swap
from .line import MEMORY, Line
from .locks import FileLock
from .offers import Offer
from .orders import ROLLBACK, Order, resting_target
from .recovery import recover
from .states import ACTIVE, DISCOVERED, ENDS, FETCHED, KEPT, REJECTED, ROLLED_BACK, Step, next_step
from .steps import Steps, Unneeded

log = logging.getLogger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 600.0


class SwapMachine:
    """Brings versions into use on one line. `start` before the first frame, `step` from one thread, `close` at the
    end."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.swap: Swap | None = None
        self.steps = Steps(line)
        self._runner: FileLock | None = None
        self._waiting: dict[str, Offer] = {}
        self._pause: dict[str, tuple[float, float]] = {}
        self._held_back: set[str] = set()
        self._figures: dict[str, Any] = {}

    # -- start and end -------------------------------------------------------------------------------------------------
    def start(self) -> str:
        """Bring the active version up, after settling what an earlier process left; returns its id."""
        self._runner = self.line.store.runner(self.line.store.lock_timeout)
        try:
            self.swap, self.steps = recover(self.line)
        except BaseException:
            self.close()
            raise
        stamp = self.line.board.current
        assert stamp is not None
        log.info("model %s judges frames", stamp.version)
        return stamp.version

    def close(self) -> None:
        """Release every session and the right to swap. What was under way goes on at the next start."""
        self.steps.cancel()
        self.line.sessions.close()
        runner, self._runner = self._runner, None
        if runner:
            runner.free()

    # -- what to do next -----------------------------------------------------------------------------------------------
    def propose(self, offer: Offer) -> bool:
        """A source has something. False when it was dealt with before; a source's newer offer replaces its older
        one."""
        if self.line.offers.ended(offer.key) or (self.swap and self.swap.offer == offer.key):
            return False
        for key, older in list(self._waiting.items()):
            if older.source == offer.source and key != offer.key:
                self._waiting.pop(key, None)
        self._waiting[offer.key] = offer
        return True

    def step(self) -> bool:
        """Do one thing; False when there is nothing to do now."""
        moved = self.line.reports.deliver(self.line.on_report) > 0
        self.line.sessions.tick()
        try:
            return (self._go_on(self.swap) if self.swap else self._begin()) or moved
        except StoreBusy:
            return moved
        except OSError as error:
            log.error("the model store cannot be written (%s); the model in use keeps judging", error)
            return moved

    def _begin(self) -> bool:
        order = self.line.orders.waiting()
        if order:
            return self._begin_order(order)
        for key, offer in list(self._waiting.items()):
            if self._pause.get(key, (0.0, 0.0))[0] > self.line.clock():
                continue
            pointer = self.line.store.pointer()
            if pointer.active in self.line.store.pins():
                if key not in self._held_back:
                    self._held_back.add(key)
                    self.line.store.history.add("held_back", offer.version, reason="%s is pinned" % pointer.active)
                continue
            self._take(
                Swap(
                    old=pointer.active or "",
                    older=pointer.previous or "",
                    offer=key,
                    report_key=offer.version,
                    report=self.line.wants_report(offer.source),
                    by=offer.source,
                ),
                offer,
            )
            return True
        return False

    def _begin_order(self, order: Order) -> bool:
        store, pointer = self.line.store, self.line.store.pointer()
        back = order.action == ROLLBACK
        try:
            record = store.get(resting_target(store, order.version) if back else order.version)
        except StoreError as error:
            return self._answer(order, REJECTED, str(error))
        if record.id == pointer.active:
            return self._answer(order, KEPT, "it is active already")
        store.forgive(record.id)
        self._take(
            Swap(
                state=FETCHED,
                version=record.id,
                old=pointer.active or "",
                older=pointer.previous or "",
                trial=not back,
                report=not back and self.line.wants_report(record.source),
                report_key=record.report_key,
                order=order.id,
                by=order.by,
            ),
            None,
        )
        self.line.orders.done(order)
        return True

    def _answer(self, order: Order, event: str, reason: str) -> bool:
        self.line.store.history.add(event, order.version, order=order.id, by=order.by, reason=reason)
        self.line.orders.done(order)
        return True

    def _take(self, swap: Swap, offer: Offer | None) -> None:
        self.swap = self.line.journal.write(swap)
        self.steps = Steps(self.line, offer)
        self.line.store.history.add(
            DISCOVERED if offer else "begun", swap.version or swap.report_key, swap=swap.id, by=swap.by
        )

    # -- walking the table ---------------------------------------------------------------------------------------------
    def _go_on(self, swap: Swap) -> bool:
        if swap.state in ENDS:
            self._conclude(swap)
            return True
        step = next_step(swap.state)
        if swap.state == ACTIVE and self._asked_back(swap):
            return True
        began = time.monotonic()
        try:
            if swap.step != step.name:
                self.swap = swap = swap.to(step=step.name)
                if step.name != "watch":
                    self.line.journal.write(swap)
            failpoints.reach("swap." + step.name)
            figures = getattr(self.steps, step.name)(swap)
        except Unneeded as unneeded:
            self._end(swap, KEPT, str(unneeded))
            return True
        except (ModelError, OSError) as error:
            return self._failed(swap, step, error)
        if figures is None:
            return False
        if step.after == KEPT:
            self._end(swap, KEPT, "", figures)
        else:
            self._reach(swap, step.after, figures, time.monotonic() - began)
        return True

    def _reach(self, swap: Swap, state: str, figures: dict[str, Any], took: float) -> None:
        self.swap = swap = swap.to(state=state, version=figures.pop("version", swap.version))
        try:
            self.line.journal.write(swap)
            self.line.store.history.add(state, swap.version, swap=swap.id, took=round(took, 3), **figures)
        except OSError as error:
            if state != ACTIVE:
                raise
            log.error("the journal cannot be written (%s); the pointer has moved, so a restart finds the same", error)

    def _failed(self, swap: Swap, step: Step, error: Exception) -> bool:
        """A bad model is rejected or rolled back; a bad link, disk or lock is waited out."""
        if isinstance(error, StoreBusy):
            return False
        if isinstance(error, (RejectedModel, StoreError)):
            if step.failed == ROLLED_BACK:
                self._roll_back(swap, str(error))
            else:
                self._undo(swap)
                self._end(swap, step.failed, str(error))
            return True
        if step.name == "watch":
            log.error("probation of %s: %s", swap.version, error)
            return False
        self._put_off(swap, str(error))
        return True

    def _put_off(self, swap: Swap, reason: str) -> None:
        """Not the model's fault: leave everything as it was and try later."""
        self._undo(swap)
        wait = min(self._pause.get(swap.offer, (0.0, FIRST_PAUSE / 2))[1] * 2, LONGEST_PAUSE)
        self._pause[swap.offer] = (self.line.clock() + wait, wait)
        log.warning("the swap to %s is put off for %.0f s: %s", swap.version or swap.report_key, wait, reason)
        self.swap = None
        self.line.journal.clear()
        self.line.store.history.add(
            REJECTED if swap.order else "put_off",
            swap.version or swap.report_key,
            swap=swap.id,
            order=swap.order,
            by=swap.by,
            reason=reason,
        )

    def _undo(self, swap: Swap) -> None:
        """Back to the old model alone; with the policy `memory` it has to be loaded again."""
        self.steps.cancel()
        stamp = self.line.board.current
        if swap.version and (stamp is None or stamp.version != swap.version):
            self.line.sessions.retire(swap.version)
        if stamp is not None and self.line.board.session(stamp.version) is None:
            self._bring_back(stamp.version)
        self.line.board.resume()

    def _bring_back(self, version: str) -> None:
        for attempt in (1, 2, 3):
            try:
                self.line.sessions.ready(version)
                return
            except (ModelError, OSError) as error:
                log.error("model %s cannot be loaded again (attempt %d): %s", version, attempt, error)
        self.line.store.history.add("no_model", version, reason="it could not be loaded again")

    # -- the ends ------------------------------------------------------------------------------------------------------
    def _asked_back(self, swap: Swap) -> bool:
        """A person wants the old model back while the new one is on probation."""
        order = self.line.orders.waiting()
        if order is None or not swap.old:
            return False
        if (order.version or (swap.old if order.action == ROLLBACK else "")) != swap.old:
            return False
        self._roll_back(swap.to(order=order.id, by=order.by), "rolled back" + (" by " + order.by if order.by else ""))
        self.line.orders.done(order)
        return True

    def _roll_back(self, swap: Swap, reason: str) -> None:
        board, sessions = self.line.board, self.line.sessions
        if board.session(swap.old) is None:
            if self.line.policy == MEMORY:
                board.hold()
                sessions.retire_now(swap.version)
            try:
                sessions.ready(swap.old)
            except (ModelError, OSError) as error:
                self._stay(swap, "%s; but %s cannot be loaded: %s" % (reason, swap.old, error))
                return
        board.switch(swap.old, self.line.store.pointer().serial + 1)
        self._end(swap, ROLLED_BACK, reason, self.steps.probation.figures() if self.steps.probation else {})

    def _stay(self, swap: Swap, reason: str) -> None:
        """A bad model is better than none: it stays on probation."""
        log.error("going back from %s is not possible: %s", swap.version, reason)
        self.line.store.history.add("rollback_failed", swap.version, swap=swap.id, reason=reason)
        if self.line.board.session(swap.version) is None:
            self._bring_back(swap.version)
        self.line.board.resume()
        self.steps.begin_probation(swap)

    def _end(self, swap: Swap, state: str, reason: str, figures: dict[str, Any] | None = None) -> None:
        """Decide; what follows from it is carried out now, or after a restart."""
        self.swap = swap = swap.to(state=state, reason=reason)
        self._figures = figures or {}
        self.line.journal.write(swap)
        self._conclude(swap)

    def _conclude(self, swap: Swap) -> None:
        self.line.conclude(swap, self._figures)
        self._waiting.pop(swap.offer, None)
        self.swap = None
        stamp = self.line.board.current
        self.line.board.end_trial()
        for version in self.line.board.loaded():
            if stamp is None or version != stamp.version:
                self.line.sessions.retire(version)
