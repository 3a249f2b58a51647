"""Threads that run nodes: those nearest to the end of the graph first, several at a time where that pays.

One lock guards queues and states; units run without it. A thread is woken for more work when a node that is known to
take its time starts; a lookout catches those that turn out to. Cheap nodes are run by one thread, because handing them
over would cost more than they do.

As many calls run at once as there are cores, and no more: a thread that loses its core while it holds Python's lock
would stop all the others. A call that waits (for a camera, a server, an event) takes no core, and the lookout, which
sees that by the clock of its thread, lets another run beside it. To stand in the queue for a core is no waiting.
"""
from __future__ import annotations

import heapq
import os
import threading
import time
from typing import Any, Callable

from ..errors import PocketboxError, RunError
from .call import StopAsked

LOOKOUT_SECONDS = 0.002
IDLE_SECONDS = 0.2
WAITS_BELOW = 0.25      # a call whose thread had less of the time than this is waiting for something

_CLOCKS = hasattr(time, "pthread_getcpuclockid")    # not everywhere: without them nobody can tell who waits
_local = threading.local()


class Worker(threading.Thread):
    """One of the scheduler's threads, and whether its call takes a core or waits."""

    def __init__(self, work: Callable[[Worker], None], number: int) -> None:
        super().__init__(name="pocketbox-%d" % number, daemon=True)
        self.work = work
        self.busy = False       # in a call
        self.waits = False      # in a call that waits
        self.seen: tuple[float, float] | None = None    # when this call was last looked at: the time, and its own
        self._clock = 0
        self._kernel: dict[str, int] = {}   # what Linux tells of a thread, where it does

    def run(self) -> None:
        if _CLOCKS:
            self._clock = time.pthread_getcpuclockid(threading.get_ident())
        try:
            for name in ("stat", "schedstat"):
                self._kernel[name] = os.open("/proc/self/task/%d/%s" % (threading.get_native_id(), name), os.O_RDONLY)
        except OSError:
            pass
        try:
            self.work(self)
        finally:
            for opened in self._kernel.values():
                os.close(opened)

    def at_work(self) -> float:
        """Seconds that this thread, which asks, had a core or stood in the queue for one."""
        queue = os.pread(self._kernel["schedstat"], 100, 0).split() if "schedstat" in self._kernel else ()
        return time.thread_time() + (int(queue[1]) * 1e-9 if len(queue) > 1 else 0.0)

    def look(self) -> bool:
        """Whether the call has been waiting since it was last looked at."""
        now, used = time.perf_counter(), time.clock_gettime(self._clock)
        before, self.seen = self.seen, (now, used)
        if before is None:
            return self.waits
        return used - before[1] < WAITS_BELOW * (now - before[0]) and not self._in_the_queue()

    def _in_the_queue(self) -> bool:
        """Whether it would run if others did not have the cores."""
        state = os.pread(self._kernel["stat"], 100, 0) if "stat" in self._kernel else b""
        return state.rpartition(b") ")[2][:1] == b"R"


class Scheduler:
    """Runs nodes until `ended`. Subclassed by Engine, which knows when a graph is over."""

    def __init__(self, threads: int, cores: int) -> None:
        self.threads = threads
        self.cores = cores if _CLOCKS else threads
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
        self._waiting = 0       # of those that run, the calls that wait and take no core
        self._wanted = False    # a call that will take its time began while other nodes were ready
        self._sleeping = 0
        self._completed = 0
        self._lookout = False
        self._workers: list[Worker] = []
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
        worker = Worker(self._work, len(self._workers))
        self._workers.append(worker)
        self._alive += 1
        worker.start()

    def _help(self) -> None:
        """Get another thread going, because this one will be busy for a while (lock held)."""
        self._wanted = True
        if not self._free():
            return
        if self._sleeping:
            self.condition.notify()
        else:
            self._spawn()

    def _free(self) -> bool:
        """Whether a core is free for one more call (lock held)."""
        return self._running - self._waiting < self.cores

    def _work(self, worker: Worker) -> None:
        _local.engine = self
        self.condition.acquire()
        try:
            while not self.stopping:
                node = self._next() if self._free() else None
                if node is None:
                    self._wait()
                    continue
                self._run(node, worker)
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

    def _run(self, node: Any, worker: Worker) -> None:
        job = node.take()
        node.running += 1
        self._running += 1
        self._wanted = False
        worker.busy, worker.seen = True, None
        heavy = node.heavy()
        if heavy and node.at_work < WAITS_BELOW:
            worker.waits = True
            self._waiting += 1
        self.ready(node)
        if self._heap and heavy:
            self._help()
        elif self._alive == 1 and self.threads > 1:
            self._spawn()   # the lookout
        self.condition.release()
        error: BaseException | None = None
        used = worker.at_work() if heavy else 0.0
        began = time.perf_counter()
        try:
            node.run(job)
        except BaseException as caught:
            error = caught
        took = time.perf_counter() - began
        used = worker.at_work() - used if heavy else 0.0
        self.condition.acquire()
        self._running -= 1
        worker.busy = False
        if worker.waits:
            worker.waits = False
            self._waiting -= 1
        node.running -= 1
        self._completed += 1
        count = len(job.entries)
        node.spent(took, count)
        if heavy:
            node.at_work += 0.2 * (used / took - node.at_work)
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
        self._sleeping += 1
        self._lookout = self._lookout or lookout
        try:
            if not lookout:
                self.condition.wait(None if self._running else IDLE_SECONDS)
                return
            completed = -1
            while self._running and not self.stopping:
                # Runs come and go: whoever runs them takes the next ones as well, unless one is known to take long.
                if self._heap and self._free() and (completed == self._completed or self._wanted):
                    break
                completed = self._completed
                self.condition.wait(LOOKOUT_SECONDS)
                self._look()
        finally:
            self._sleeping -= 1
            if lookout:
                self._lookout = False
                if self._sleeping and self._heap:
                    self.condition.notify()     # somebody else keeps the lookout

    def _look(self) -> None:
        """See which calls wait (lock held)."""
        for worker in self._workers:
            if worker.busy and worker.look() != worker.waits:
                worker.waits = not worker.waits
                self._waiting += 1 if worker.waits else -1

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
