"""A swap machine with all that it needs, in the hands of a test."""

import toy_models

from sedna_bridge.models import Gate, Line, SwapMachine, Terms


class Rig:
    """A line with a toy runtime, a clock that the test moves, and a camera."""

    def __init__(self, store, policy="availability", probing=False, start=True, **settings):
        self.now = 1000.0
        self.reports = []
        self.runtime = toy_models.ToyRuntime(probing)
        settings.setdefault("gate", Gate(drain_seconds=0.2, load_seconds=2.0, warm_up_seconds=0.5))
        settings.setdefault("terms", Terms(frames=30, seconds=60.0, min_frames=10))
        settings.setdefault("on_report", lambda *report: self.reports.append(report))
        settings.setdefault("recent_frames", lambda: ["recent"])
        settings.setdefault("keep_seconds", 0.0)
        self.line = Line(store, self.runtime, policy=policy, clock=lambda: self.now, **settings)
        self.line.board.hold_limit = 1.0
        self.machine = SwapMachine(self.line)
        self.judged_by = []
        if start:
            self.machine.start()

    @property
    def board(self):
        return self.line.board

    def frames(self, count=1):
        for _ in range(count):
            stamp = self.board.stamp()
            _, by = self.board.judge(stamp.version, ["frame"], lambda session, frames: session.detect(frames))
            self.judged_by.append((stamp, by))
        return self.judged_by[-1][1] if self.judged_by else None

    def walk(self, until=None, frames=1, most=600):
        """Step the machine while frames flow, until it rests or is in a state."""
        for _ in range(most):
            if self.machine.swap and self.machine.swap.state == until:
                return self
            moved = self.machine.step()
            if not self.board.holding:
                self.frames(frames)
            if not moved and self.machine.swap is None and until is None:
                return self
        raise AssertionError("still %s" % self.machine.swap)

    def crash(self):
        """The process is gone: locks are free, nothing was put in order."""
        if self.machine._runner:
            self.machine._runner.free()
        for lease in self.line.sessions._leases.values():
            lease.close()
