"""Threads that run nodes: those nearest to the end of the graph first, several at a time where that pays.

One lock guards queues and states; units run without it. A thread is woken for more work when a node that is known to
take its time starts; a lookout catches those that turn out to (a call that waits for a device). Cheap nodes are run by
one thread, because handing them over would cost more than they do.
"""
from __future__ import annotations

import heapq
import threading
import time
from typing import Any, Callable

from ..errors import PocketboxError, RunError
from .call import StopAsked

LOOKOUT_SECONDS = 0.002
IDLE_SECONDS = 0.2

_local = threading.local()


class Scheduler:
    """Runs nodes until `ended`. Subclassed by Engine, which knows when a graph is over."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.condition = threading.Condition(threading.Lock())
        self.room = threading.Condition(self.condition._lock)   # type: ignore[attr-defined]
        self.stopping = False
        self.ended = False
        self.failure: PocketboxError | None = None
        self.asked: StopAsked | None = None
        self.on_run: Callable[[Any, float, float, int], None] | None = None
        self._heap: list[tuple[int, int, Any]] = []
        self._turn = 0
        self._running = 0
        self._sleeping = 0
        self._completed = 0
        self._lookout = False
        self._workers: list[threading.Thread] = []
        self._alive = 0
        self._opener = threading.get_ident()

    # -- work --------------------------------------------------------------
    def ready(self, node: Any) -> None:
        """Queue a node if it can run (lock held)."""
        if node.queued or not node.runnable():
            return
        node.queued = True
        self._turn += 1
        heapq.heappush(self._heap, (node.priority, self._turn, node))
        if (self._sleeping and not self._running) or (not in_worker() and self._sleeping):
            self.condition.notify()

    def queued(self) -> bool:
        return bool(self._heap)

    def start_threads(self) -> None:
        with self.condition:
            self._spawn()

    def _spawn(self) -> None:
        """One more thread, if there may be one (lock held)."""
        if len(self._workers) >= self.threads:
            return
        worker = threading.Thread(target=self._work, name="pocketbox-%d" % len(self._workers), daemon=True)
        self._workers.append(worker)
        self._alive += 1
        worker.start()

    def _help(self) -> None:
        """Get another thread going, because this one will be busy for a while (lock held)."""
        if self._sleeping:
            self.condition.notify()
        else:
            self._spawn()

    def _work(self) -> None:
        _local.engine = self
        self.condition.acquire()
        try:
            while not self.stopping:
                node = self._next()
                if node is None:
                    self._wait()
                    continue
                self._run(node)
        finally:
            self._alive -= 1
            last = self._alive == 0
            self.condition.notify_all()
            self.room.notify_all()
            self.condition.release()
        if last:
            self.finish()

    def _next(self) -> Any:
        while self._heap:
            node = heapq.heappop(self._heap)[2]
            node.queued = False
            if node.runnable():
                return node
        return None

    def _run(self, node: Any) -> None:
        job = node.take()
        node.running += 1
        self._running += 1
        self.ready(node)
        if self._heap and node.heavy():
            self._help()
        elif self._alive == 1 and self.threads > 1:
            self._spawn()   # the lookout
        self.condition.release()
        began = time.perf_counter()
        error: BaseException | None = None
        try:
            node.run(job)
        except BaseException as caught:
            error = caught
        took = time.perf_counter() - began
        self.condition.acquire()
        self._running -= 1
        node.running -= 1
        self._completed += 1
        count = len(job.entries)
        node.spent(took, count)
        if self.on_run is not None:
            self.on_run(node, began, took, count)
        if error is None and not self.stopping:
            try:
                node.done(job)
            except PocketboxError as caught:
                error = caught
        if error is not None:
            self._failed(node, error)
            return
        self.ready(node)
        for other in node.upstream:
            if not other.queued:
                self.ready(other)
        # What the job still holds (finished contexts) is released without the lock.
        self.condition.release()
        del job
        self.condition.acquire()

    def _failed(self, node: Any, error: BaseException) -> None:
        if isinstance(error, StopAsked):
            self.asked = self.asked or error
        elif isinstance(error, PocketboxError):
            self.failure = self.failure or error
        else:
            import traceback
            trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
            self.failure = self.failure or RunError("node %s: the engine failed: %s\n%s" % (node.name, error, trace))
        self.stop_now()

    def stop_now(self) -> None:
        """End as soon as the calls that run have returned (lock held)."""
        self.stopping = True
        self.condition.notify_all()
        self.room.notify_all()

    def _wait(self) -> None:
        """Nothing to run: end, keep a lookout on the threads that run, or sleep (lock held)."""
        if not self._running:
            if self.idle():
                return
            if self._heap:
                return
        lookout = self._running > 0 and not self._lookout
        completed = self._completed
        self._sleeping += 1
        self._lookout = self._lookout or lookout
        try:
            self.condition.wait(LOOKOUT_SECONDS if lookout else IDLE_SECONDS if not self._running else None)
            while lookout and self._running and not self.stopping and self._completed != completed:
                # Runs come and go: whoever runs them takes the next ones as well.
                completed = self._completed
                self.condition.wait(LOOKOUT_SECONDS)
        finally:
            self._sleeping -= 1
            if lookout:
                self._lookout = False

    def idle(self) -> bool:
        """Nothing runs and nothing can: True if the scheduler has been told to stop or found work (lock held)."""
        raise NotImplementedError

    def finish(self) -> None:
        """The last thread is about to leave: close what is open."""
        raise NotImplementedError

    def may_block(self) -> bool:
        """Whether the calling thread may wait for room: not one of the engine's, and not while it opens the units."""
        return not in_worker() and (bool(self._workers) or threading.get_ident() != self._opener)


def in_worker() -> bool:
    return getattr(_local, "engine", None) is not None
