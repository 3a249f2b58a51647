"""A call that may hang, with a deadline: native code cannot be stopped, but nobody needs to wait for it.

Calls run one after the other on one thread that stays, because a C library that allocates on ever new threads spreads
its memory over ever more arenas. A thread that hangs is left behind and a new one takes its place.
"""

from __future__ import annotations

import queue
import threading
from typing import Any, Callable, TypeVar

from .errors import RejectedModel

T = TypeVar("T")


class _Call:
    """One call, its result, and whether anybody still waits for it."""

    def __init__(self, call: Callable[..., Any], args: Any, late: Callable[[Any], None] | None) -> None:
        self.call, self.args, self.late = call, args, late
        self.done = threading.Event()
        self.guard = threading.Lock()
        self.given_up = False
        self.result: Any = None
        self.error: BaseException | None = None

    def work(self) -> None:
        try:
            result = self.call(*self.args)
        except BaseException as error:
            self.error = error
            self.done.set()
            return
        with self.guard:
            self.result = result
            self.done.set()
            unwanted = self.given_up
        if unwanted and self.late:
            self.late(result)


class Deadlines:
    """Runs calls with deadlines, from one thread at a time."""

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[_Call | None] | None = None

    def run(
        self, seconds: float, what: str, call: Callable[..., T], *args: Any, late: Callable[[T], None] | None = None
    ) -> T:
        """The result of the call, or RejectedModel after `seconds`. `late` gets a result that comes after all."""
        if self._calls is None:
            self._calls = queue.SimpleQueue()
            threading.Thread(target=_serve, args=(self._calls,), name="model-calls", daemon=True).start()
        asked = _Call(call, args, late)
        self._calls.put(asked)
        if not asked.done.wait(seconds):
            with asked.guard:
                if not asked.done.is_set():
                    asked.given_up = True
                    self.close()
                    raise RejectedModel("%s took longer than %.1f s and was given up." % (what, seconds))
        if asked.error is not None:
            raise asked.error
        return asked.result

    def close(self) -> None:
        """Let the thread end after what it does now."""
        if self._calls is not None:
            self._calls.put(None)
            self._calls = None


def _serve(calls: queue.SimpleQueue[_Call | None]) -> None:
    while True:
        call = calls.get()
        if call is None:
            return
        call.work()
        del call
