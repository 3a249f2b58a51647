"""Sessions from load to release: each holds a lease on its version, and is released when its last frame is through."""

from __future__ import annotations

import ctypes
import logging
import time
from typing import Any, Callable, Sequence

from .deadline import Deadlines
from .errors import ModelError, RejectedModel
from .judging import Gate
from .probe import ProbeLimits, probe
from .runtime import Judged, Runtime
from .store import Lease, ModelStore
from .switchboard import Switchboard

log = logging.getLogger(__name__)


class Sessions:
    """What is in memory. Used by the swap machine's thread only; the frames see the switchboard."""

    def __init__(
        self, store: ModelStore, runtime: Runtime, board: Switchboard, gate: Gate, limits: ProbeLimits
    ) -> None:
        self.store = store
        self.runtime = runtime
        self.board = board
        self.gate = gate
        self.limits = limits
        self._deadlines = Deadlines()
        self._leases: dict[str, Lease] = {}
        self._retired: dict[str, float] = {}

    def probe(self, version: str) -> None:
        """First load ever of these bytes, in a child process with limits."""
        with self.store.lease(version) as lease:
            command = list(self.runtime.probe_command(lease.folder))
            if command:
                probe(command, self.limits, version)

    def bring_up(self, version: str) -> None:
        """Load a version beside what runs; no frame is judged by it yet."""
        self._retired.pop(version, None)
        if self.board.session(version) is not None:
            return
        lease = self.store.lease(version)
        try:
            session = self._call(self.gate.load_seconds, "load", version, self.runtime.load, lease.folder)
        except BaseException:
            lease.close()
            raise
        self._leases[version] = lease
        self.board.put(version, session)

    def warm_up(self, version: str) -> None:
        self._call(self.gate.warm_up_seconds, "warm-up", version, self.runtime.warm_up, self.board.session(version))

    def ready(self, version: str) -> None:
        """Load and warm up."""
        self.bring_up(version)
        self.warm_up(version)

    def judge(self, version: str, frames: Sequence[Any]) -> Sequence[Judged]:
        """What a loaded version says of frames."""
        session = self.board.session(version)
        return self._call(self.gate.judge_seconds, "golden frames", version, self.runtime.judge, session, frames)

    def golden(self, version: str) -> Sequence[Any]:
        """The golden frames that were shipped with a version."""
        folder = self._leases[version].folder
        return self._call(self.gate.judge_seconds, "reading golden frames", version, self.runtime.golden_frames, folder)

    def classes(self, version: str) -> Sequence[str]:
        session = self.board.session(version)
        return [] if session is None else list(self.runtime.classes(session))

    def retire(self, version: str) -> None:
        """Release a session as soon as no frame needs it."""
        if version in self._leases:
            self._retired[version] = time.monotonic() + self.gate.drain_seconds
            self.tick()

    def retire_now(self, version: str) -> None:
        """Release a session after waiting for its last frames; for the policy `memory`, whose line stands still
        meanwhile: so not for frames that a unit on the way has dropped."""
        if not self.board.wait_drained(version, self.gate.drain_seconds, self.gate.quiet_seconds):
            log.info("frames of model %s were dropped on the way; it is released all the same", version)
        self._take_off(version, force=True)

    def tick(self) -> None:
        """Release what has no frames left."""
        for version, deadline in list(self._retired.items()):
            if self._take_off(version, force=time.monotonic() > deadline):
                self._retired.pop(version, None)

    def close(self) -> None:
        """Release everything; the line is over."""
        self.board.close()
        for version in list(self._leases):
            self._take_off(version, force=True)
        self._deadlines.close()

    def _take_off(self, version: str, force: bool) -> bool:
        session = self.board.take_off(version, force=force)
        if session is None:
            return self.board.session(version) is None
        self._release(session)
        del session
        lease = self._leases.pop(version, None)
        if lease:
            lease.close()
        return True

    def _release(self, session: Any) -> None:
        try:
            self._deadlines.run(10.0, "release", self.runtime.release, session)
        except Exception as error:
            log.warning("a session could not be released cleanly: %s", error)
        del session
        _give_memory_back()

    def _call(self, seconds: float, what: str, version: str, call: Callable[..., Any], *args: Any) -> Any:
        """Call the runtime with a deadline; whatever it raises is the model's fault, but for what the store raises."""
        late = self.runtime.release if what == "load" else None
        try:
            return self._deadlines.run(seconds, "%s of %s" % (what, version), call, *args, late=late)
        except MemoryError:
            raise RejectedModel("%s of %s: out of memory; the old model keeps judging." % (what, version)) from None
        except ModelError:
            raise
        except Exception as error:
            raise RejectedModel("%s of %s failed: %s: %s" % (what, version, type(error).__name__, error)) from error


def _give_memory_back() -> None:
    """A released model leaves holes in the heap; glibc gives them back to the system only when asked."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
