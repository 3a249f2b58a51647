"""The swap machine against a model of it: whatever people, sources, models and power cuts do, in any order, these hold:

* every frame is judged, by a version that is sound or on trial, and the serial of the stamps never falls in a process;
* after a crash anywhere, a new process judges with the version that the pointer on the disk names;
* at rest the active version is a sound one, its pointer says so, and no session but its own is open;
* each version that ended has exactly one report.
"""

import os
import shutil
import tempfile
from pathlib import Path
from unittest import mock

import pytest
import toy_models
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from swap_rig import Rig

from sedna_bridge.models import ACTIVATE, ROLLBACK, ModelStore, Offer, Orders, Terms, failpoints, take_in

KINDS = {
    "sound": {},
    "better": {"boxes": 4},
    "no_load": {"load": "fail"},
    "no_warm_up": {"warm_up": "fail"},
    "nan": {"nan": True},
    "blind": {"boxes": 0},
    "breaks": {"fail_after": 4},
}
BAD = {"no_load", "no_warm_up", "nan", "blind", "breaks"}
PLACES = [
    "journal.fetch",
    "journal.verify",
    "journal.load",
    "journal.warm_up",
    "journal.judge",
    "journal.switch",
    "journal.active",
    "journal.kept",
    "journal.rejected",
    "journal.rolled_back",
    "journal.clear",
    "store.point",
    "swap.fetch",
    "swap.load",
    "swap.warm_up",
    "swap.switch",
    "swap.switched",
    "swap.watch",
    "swap.conclude",
    "swap.pointed",
    "swap.noted",
    "reports.done",
    "sweep.record",
]


class Crash(BaseException):
    """The process ends here."""


class SwapModel(RuleBasedStateMachine):
    policy = "availability"

    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp(prefix="swap-model-"))
        self.store = ModelStore(self.folder / "models", lock_timeout=1.0)
        self.kinds = {}
        self.outbox = {}
        self.crash_at = None
        self.line = None
        self.patch = mock.patch.object(failpoints, "reach", self.reach)
        self.patch.start()
        self.quick = mock.patch("os.fsync")  # crashes here are of the process; power cuts are beyond a test
        self.quick.start()
        first = self.install("sound")
        self.store.point_at(first)
        self.start()

    def teardown(self):
        self.patch.stop()
        self.quick.stop()
        shutil.rmtree(str(self.folder), ignore_errors=True)

    def reach(self, place):
        if place == self.crash_at:
            self.crash_at = None
            raise Crash(place)

    def install(self, kind):
        version = str(len(self.kinds) + 1)
        made = toy_models.model_folder(self.folder / "made" / version, version, **KINDS[kind])
        record = take_in(self.store, made)
        self.kinds[record.id] = kind
        return record.id

    def report(self, version, status, reason):
        """An outbox: one entry per version."""
        assert self.outbox.setdefault(version, status) == status, "two reports that differ"

    def start(self):
        while True:
            self.line = Rig(
                self.store,
                self.policy,
                on_report=self.report,
                max_starts=3,
                start=False,
                keep_versions=3,
                terms=Terms(frames=12, seconds=60.0, min_frames=5, min_pairs=2),
            )
            try:
                self.line.machine.start()
                break
            except Crash:
                self.line.crash()
        pointer = self.store.pointer()
        assert self.line.board.current.version == pointer.active, "what judges is what the disk says"
        self.shown = 0

    def guarded(self, work):
        try:
            work()
        except Crash:
            self.line.crash()
            self.start()

    @rule(kind=st.sampled_from(sorted(KINDS)))
    def install_and_order(self, kind):
        version = self.install(kind)
        self.guarded(lambda: Orders(self.store).place(ACTIVATE, version))

    @rule(kind=st.sampled_from(sorted(KINDS)))
    def a_source_offers(self, kind):
        version = str(len(self.kinds) + 1)
        made = toy_models.model_folder(self.folder / "made" / version, version, **KINDS[kind])
        self.kinds["little@" + version] = kind
        offer = Offer("key " + version, "offer " + version, lambda store, progress: take_in(store, made), "a source")
        self.line.machine.propose(offer)

    @rule(data=st.data())
    def order_any(self, data):
        version = data.draw(st.sampled_from([record.id for record in self.store.versions()]))
        self.guarded(lambda: Orders(self.store).place(ACTIVATE, version))

    @rule()
    def order_back(self):
        self.guarded(lambda: Orders(self.store).place(ROLLBACK, ""))

    @rule(place=st.sampled_from(PLACES))
    def a_power_cut_is_near(self, place):
        self.crash_at = place

    @rule()
    def power_cut(self):
        self.line.crash()
        self.start()

    @rule(count=st.integers(1, 20))
    def go(self, count):
        def work():
            for _ in range(count):
                self.line.machine.step()
                self.look_at_frames()

        self.guarded(work)

    @rule()
    def settle(self):
        self.guarded(self.rest)

    def rest(self):
        for _ in range(900):
            moved = self.line.machine.step()
            self.look_at_frames()
            machine = self.line.machine
            if not moved and machine.swap is None and not Orders(self.store).waiting() and not machine._waiting:
                break
            if not moved:
                self.line.now += 5.0
        else:
            raise AssertionError("it never rests: %s" % self.line.machine.swap)
        active = self.store.pointer().active
        assert self.line.board.current.version == active
        assert self.kinds[active] not in BAD, "%s (%s) is in use" % (active, self.kinds[active])
        assert not (self.store.root / "swap.json").exists()
        assert all(report.done for report in self.line.line.reports.all())

    def look_at_frames(self):
        line = self.line
        if line.board.holding:
            return
        before = len(line.judged_by)
        try:
            line.frames(1)
        except ValueError:
            swap = line.machine.swap
            assert self.policy == "memory" or self.line.board.session(swap.old) is None, (
                "the old one could have judged it"
            )
            return
        assert len(line.judged_by) == before + 1
        if before:
            assert line.judged_by[-1][0].serial >= line.judged_by[-2][0].serial

    @precondition(lambda self: self.line is not None)
    @invariant()
    def the_pointer_names_an_installed_version(self):
        assert self.store.has(self.store.pointer().active)
        assert self.line.runtime.open <= 4

    @precondition(lambda self: self.line is not None)
    @invariant()
    def one_report_at_most(self):
        reports = self.line.line.reports.all()
        assert len({report.version for report in reports}) == len(reports)


class SwapModelInMemory(SwapModel):
    policy = "memory"


QUICK = settings(
    max_examples=int(os.environ.get("SWAP_EXAMPLES", "30")),
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
TestAvailability = SwapModel.TestCase
TestAvailability.settings = QUICK
TestMemory = SwapModelInMemory.TestCase
TestMemory.settings = QUICK
