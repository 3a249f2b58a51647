"""The swap machine in one process: every way a swap can go."""

import pytest
import toy_models

from sedna_bridge.models import (
    ACTIVATE,
    ROLLBACK,
    Gate,
    ModelError,
    Offer,
    Orders,
    RejectedModel,
    SourceError,
    StoreBusy,
    Terms,
    apply_at_rest,
    seed,
    take_in,
)


def events(store, *names):
    return [(e["event"], e["version"]) for e in store.history.read() if e["event"] in names]


ENDS = ("kept", "rejected", "rolled_back")


@pytest.fixture(params=["availability", "memory"])
def policy(request):
    return request.param


def test_a_better_model_is_kept(store, install, rig, policy):
    install("1", activate=True)
    install("2", boxes=3)
    line = rig(policy)
    Orders(store).place(ACTIVATE, "little@2", by="me")
    line.walk()
    assert store.pointer().active == "little@2" and store.pointer().previous == "little@1"
    assert line.frames() == "little@2"
    assert line.reports == [("little@2", "completed", "")]
    assert events(store, *ENDS) == [("kept", "little@2")]
    line.walk()
    assert line.runtime.open == 1, "the old session is released"
    stamps = [stamp for stamp, _ in line.judged_by]
    assert stamps == sorted(stamps, key=lambda s: s.serial) and line.board.counts.late == 0


@pytest.mark.parametrize(
    "behaviour, step, why",
    [
        ({"load": "fail"}, "load", "the layers do not fit"),
        ({"load": "memory"}, "load", "out of memory"),
        ({"load": "hang"}, "load", "took longer than"),
        ({"warm_up": "fail"}, "warm_up", "no kernel"),
        ({"warm_up": "hang"}, "warm_up", "took longer than"),
        ({"nan": True}, "judge", "NaN"),
        ({"boxes": 0}, "judge", "0 % of the boxes"),
        ({"boxes": 400}, "judge", "400 boxes"),
        ({"classes": ["cat"]}, "judge", "lacks the classes person, helmet"),
        ({"score": 7.0}, "judge", "a score of 7"),
    ],
)
def test_a_bad_model_never_judges_a_frame(store, install, rig, policy, behaviour, step, why):
    install("1", activate=True)
    install("2", **behaviour)
    gate = Gate(drain_seconds=0.2, load_seconds=0.3, warm_up_seconds=0.3)
    line = rig(policy, gate=gate)
    Orders(store).place(ACTIVATE, "little@2")
    line.walk()
    assert store.pointer().active == "little@1" and line.frames() == "little@1"
    assert {by for _, by in line.judged_by} == {"little@1"}
    (report,) = line.reports
    assert report[:2] == ("little@2", "failed") and why in report[2]
    assert why in store.rejection("little@2").reason
    entry = store.history.read()[-1]
    assert entry["event"] == "rejected" and why in entry["reason"]
    assert not (store.root / "swap.json").exists()


def test_slower_than_the_line_bears(store, install, rig, policy):
    install("1", activate=True)
    install("2", frame_seconds=0.05)
    line = rig(policy, gate=Gate(max_frame_seconds=0.04, drain_seconds=0.2))
    Orders(store).place(ACTIVATE, "little@2")
    line.walk()
    assert "50.0 ms for a frame; the line bears 40.0 ms" in store.rejection("little@2").reason


@pytest.mark.parametrize(
    "behaviour, why",
    [({"fail_after": 3}, "frames failed"), ({"blind_after": 1}, "of what the old model|boxes per frame")],
)
def test_a_model_that_breaks_on_the_line_is_rolled_back(store, install, rig, policy, behaviour, why):
    import re

    install("1", activate=True)
    install("2", **behaviour)
    line = rig(policy)
    line.frames(40)
    Orders(store).place(ACTIVATE, "little@2")
    try:
        line.walk()
    except ValueError:
        assert policy == "memory" and behaviour.get("fail_after"), "nobody can step in when only one model is in memory"
        with pytest.raises(ValueError):
            for _ in range(10):
                line.frames()
        for _ in range(5):
            try:
                line.frames()
            except ValueError:
                pass
        line.walk(until=None)
    assert store.pointer().active == "little@1" and line.frames() == "little@1"
    assert re.search(why, line.reports[0][2]) and line.reports[0][:2] == ("little@2", "failed")
    stamps = [stamp for stamp, _ in line.judged_by]
    assert stamps == sorted(stamps, key=lambda s: s.serial), "the serial grows also on the way back"
    line.walk()
    assert line.runtime.open == 1
    if policy == "availability" and behaviour.get("fail_after"):
        assert line.board.counts.rescued == line.board.counts.errors > 0, (
            "the old model judged what the new one could not"
        )


def test_a_rejected_version_is_not_tried_again_unless_asked(store, install, rig):
    install("1", activate=True)
    bad = install("2", warm_up="fail")
    line = rig()
    offer = Offer("key", "v2", lambda store, progress: bad, "test")
    assert line.machine.propose(offer)
    line.walk()
    assert not line.machine.propose(offer)
    assert line.machine.propose(Offer("other", "v2 again", lambda store, progress: bad, "test"))
    line.walk()
    assert [entry["event"] for entry in store.history.read(version="little@2")].count("loaded") == 1
    assert "tried before" in store.history.read()[-1]["reason"]
    loads = len(line.runtime.loaded)
    Orders(store).place(ACTIVATE, "little@2")
    line.walk()
    assert len(line.runtime.loaded) == loads + 1, "asked for, it was tried again"
    assert [report[0] for report in line.reports] == ["v2", "v2 again", "little@2"]


def test_a_person_goes_back(store, install, rig, policy):
    install("1", activate=True)
    install("2")
    line = rig(policy)
    Orders(store).place(ACTIVATE, "little@2")
    line.walk()
    order = Orders(store).place(ROLLBACK, "", by="ann")
    line.walk()
    assert store.pointer().active == "little@1" and line.frames() == "little@1"
    assert Orders(store).outcome(order)["event"] == "kept"
    assert store.rejection("little@2").reason == "rolled back by ann"
    assert len(line.reports) == 1


def test_a_person_goes_back_during_probation(store, install, rig, policy):
    install("1", activate=True)
    install("2")
    line = rig(policy)
    Orders(store).place(ACTIVATE, "little@2")
    line.walk(until="active")
    assert line.frames() == "little@2"
    order = Orders(store).place(ROLLBACK, "", by="ann")
    line.walk()
    assert store.pointer().active == "little@1" and line.frames() == "little@1"
    assert Orders(store).outcome(order)["event"] == "rolled_back"
    assert line.reports == [("little@2", "failed", "rolled back by ann")]


def test_an_update_during_probation_waits_its_turn(store, install, rig):
    install("1", activate=True)
    install("2")
    install("3")
    line = rig()
    Orders(store).place(ACTIVATE, "little@2")
    line.walk(until="active")
    Orders(store).place(ACTIVATE, "little@3")
    line.walk()
    assert events(store, *ENDS) == [("kept", "little@2"), ("kept", "little@3")]


def test_two_orders_race_and_the_later_wins(store, install, rig):
    install("1", activate=True)
    install("2")
    install("3")
    line = rig()
    first = Orders(store).place(ACTIVATE, "little@2")
    second = Orders(store).place(ACTIVATE, "little@3")
    line.walk()
    assert Orders(store).outcome(first)["event"] == "superseded"
    assert Orders(store).outcome(second)["event"] == "kept"
    assert events(store, *ENDS) == [("kept", "little@3")]


def test_two_offers_of_a_source_race_and_the_newer_wins(store, install, rig):
    install("1", activate=True)
    two, three = install("2"), install("3")
    line = rig()
    line.machine.propose(Offer("a", "2", lambda store, progress: two, "source"))
    line.machine.propose(Offer("b", "3", lambda store, progress: three, "source"))
    line.walk()
    assert events(store, *ENDS) == [("kept", "little@3")]


def test_a_source_that_is_away_is_asked_again_later(store, install, rig):
    install("1", activate=True)
    tries = []

    def fetch(store, progress):
        tries.append(1)
        if len(tries) < 3:
            raise SourceError("no route")
        return two

    two = install("2")
    line = rig()
    line.machine.propose(Offer("a", "2", fetch, "source"))
    for expected in (1, 2):
        line.walk()
        assert len(tries) == expected and store.pointer().active == "little@1"
        line.now += 5.0 * 2**expected
    line.walk()
    assert store.pointer().active == "little@2" and len(line.reports) == 1


def test_a_pin_holds_sources_back_but_not_people(store, install, rig):
    install("1", activate=True)
    two = install("2")
    store.pin("little@1")
    line = rig()
    line.machine.propose(Offer("a", "2", lambda store, progress: two, "source"))
    line.walk()
    assert store.pointer().active == "little@1" and not line.reports
    assert ("held_back", "2") in events(store, "held_back")
    Orders(store).place(ACTIVATE, "little@2")
    line.walk()
    assert store.pointer().active == "little@2"


def test_the_same_bytes_under_a_new_version_need_no_swap(store, install, rig, tmp_path):
    from sedna_bridge.models import Parcel

    first = install("1", activate=True)
    bare = tmp_path / "model.onnx"
    bare.write_bytes((store.root / "folders" / first.id / "model.onnx").read_bytes())
    line = rig()

    def fetch(store, progress):
        return take_in(store, bare, Parcel("little", "2026 UTC", source_version="2026 UTC", inherit="little@1"))

    line.machine.propose(Offer("a", "2026 UTC", fetch, "sedna"))
    line.walk()
    assert store.pointer().active == "little@1"
    assert line.reports == [("2026 UTC", "completed", "the same bytes as little@1, which is active")]


def test_reports_only_for_sources_that_want_them(store, install, rig):
    install("1", activate=True)
    install("2")
    line = rig(wants_report=lambda source: source.startswith("sedna:"))
    Orders(store).place(ACTIVATE, "little@2")
    line.walk()
    assert store.pointer().active == "little@2" and line.reports == []


def test_the_report_hook_is_tried_until_it_takes(store, install, rig):
    install("1", activate=True)
    install("2")
    taken, failures = [], iter([OSError("away")])

    def hook(*report):
        for failure in failures:
            raise failure
        taken.append(report)

    line = rig(on_report=hook)
    line.line.reports._wait = 0.0
    Orders(store).place(ACTIVATE, "little@2")
    line.walk()
    line.machine.step()
    line.machine.step()
    assert taken == [("little@2", "completed", "")]


def test_other_classes_and_a_class_map(store, install, rig):
    install("1", activate=True)
    install("2", classes=["Helmet", "PERSON", "vest"], boxes=0)
    install("3", classes=["human", "hard-hat"], boxes=2)
    line = rig(gate=Gate(class_map={"human": "person", "hard-hat": "helmet"}, drain_seconds=0.2))
    Orders(store).place(ACTIVATE, "little@3")
    line.walk()
    assert store.pointer().active == "little@3"
    Orders(store).place(ACTIVATE, "little@2")
    line.walk()
    assert "lacks the classes human" in store.rejection("little@2").reason


def test_probation_ends_by_time_without_frames(store, install, rig):
    install("1", activate=True)
    install("2")
    line = rig(terms=Terms(frames=1000, seconds=5.0))
    Orders(store).place(ACTIVATE, "little@2")
    line.walk(until="active", frames=0)
    for _ in range(5):
        assert not line.machine.step()
    line.now += 6.0
    line.walk(frames=0)
    assert store.pointer().active == "little@2"


@pytest.mark.parametrize(
    "kind, why",
    [
        ("crash", "SIGABRT"),
        ("hang", "hung"),
        ("fail", "InvalidGraph"),
        ("eat", "MemoryError|exit code"),
        ("spin", "processor time"),
    ],
)
def test_the_first_load_is_in_a_child_with_limits(store, install, rig, kind, why):
    import re

    from sedna_bridge.models import ProbeLimits

    install("1", activate=True)
    install("2", probe=kind)
    line = rig(
        probing=True, probe_limits=ProbeLimits(512 << 20, 2 if kind == "spin" else 20, 2.0 if kind == "hang" else 30.0)
    )
    Orders(store).place(ACTIVATE, "little@2")
    line.walk()
    assert re.search(why, store.rejection("little@2").reason)
    assert "little@2" not in line.runtime.loaded


def test_a_damaged_blob_is_found_before_the_load(store, install, rig):
    install("1", activate=True)
    two = install("2")
    path = store.root / "folders" / two.id / "model.onnx"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    line = rig()
    Orders(store).place(ACTIVATE, "little@2")
    line.walk()
    assert "damaged" in store.rejection("little@2").reason and "little@2" not in line.runtime.loaded


def test_an_active_model_that_cannot_be_loaded_gives_way_to_the_previous_one(store, install, rig):
    install("1", activate=True)
    install("2", activate=True, load="fail")
    line = rig()
    assert line.frames() == "little@1" and store.pointer().active == "little@1"
    assert "layers" in store.rejection("little@2").reason


def test_without_any_model_the_start_says_what_to_do(store, rig):
    with pytest.raises(ModelError, match="sednabox model install"):
        rig()


def test_only_one_pipeline_swaps(store, install, rig):
    install("1", activate=True)
    store.lock_timeout = 0.1
    line = rig()
    with pytest.raises(StoreBusy, match="the right to swap models"):
        rig()
    line.machine.close()
    rig()


def test_a_full_disk_puts_the_swap_off(store, install, rig, monkeypatch):
    from sedna_bridge.models import failpoints

    install("1", activate=True)
    two = install("2")
    line = rig()
    for place in ("journal.load", "journal.switch", "store.point"):
        monkeypatch.setattr(failpoints, "_wanted", {place: ("error", 0)})
        line.machine.propose(Offer("a", "2", lambda store, progress: two, "source"))
        line.walk()
        assert store.pointer().active == "little@1" and line.frames() == "little@1", place
        line.now += 1000
    monkeypatch.setattr(failpoints, "_wanted", {})
    line.walk()
    assert store.pointer().active == "little@2" and len(line.reports) == 1


def test_an_expected_rejection_is_a_rejected_model():
    assert issubclass(RejectedModel, ModelError)


def test_activated_and_taken_back_at_rest(store, install, rig):
    install("1", activate=True)
    install("2")
    assert apply_at_rest(store, ACTIVATE, "little@2", "ann") == "little@2"
    assert apply_at_rest(store, ACTIVATE, "little@1", "ann") == "little@1"
    assert store.rejection("little@2").reason == "rolled back by ann"
    assert rig().frames() == "little@1" and not (store.root / "swap.json").exists()


def test_a_trial_at_rest_is_kept_or_rolled_back_by_the_next_pipeline(store, install, rig, policy):
    install("1", activate=True)
    install("2")
    install("3", fail_after=3)
    apply_at_rest(store, ACTIVATE, "little@2")
    line = rig(policy)
    assert line.frames() == "little@2"
    line.walk()
    assert line.reports == [("little@2", "completed", "")] and store.pointer().previous == "little@1"
    line.machine.close()
    apply_at_rest(store, ACTIVATE, "little@3")
    line = rig(policy)
    for _ in range(40):
        try:
            line.frames()
        except ValueError:
            assert policy == "memory" or line.board.session("little@2") is None
        line.machine.step()
    assert line.frames() == "little@2" and store.pointer().active == "little@2"
    assert line.reports[0][:2] == ("little@3", "failed")


def test_a_rollback_at_rest_ends_the_trial_of_a_dead_pipeline(store, install, rig):
    install("1", activate=True)
    install("2")
    line = rig()
    Orders(store).place(ACTIVATE, "little@2")
    line.walk(until="active")
    line.crash()
    assert apply_at_rest(store, ROLLBACK, "", "ann") == "little@1"
    line = rig()
    line.walk()
    assert line.frames() == "little@1" and line.reports == [("little@2", "failed", "rolled back by ann")]


def test_a_pointer_that_never_moved_leaves_no_trial(store, install, rig, monkeypatch):
    from sedna_bridge.models import failpoints

    install("1", activate=True)
    install("2")
    monkeypatch.setattr(failpoints, "_wanted", {"store.point": ("error", 0)})
    with pytest.raises(OSError):
        apply_at_rest(store, ACTIVATE, "little@2")
    monkeypatch.setattr(failpoints, "_wanted", {})
    line = rig()
    assert line.frames() == "little@1" and line.machine.swap is None


def test_the_first_model_of_a_store(store, rig, tmp_path):
    folder = toy_models.model_folder(tmp_path / "m", "1")
    assert seed(store, folder).id == "little@1" and seed(store, folder) is None
    assert rig().frames() == "little@1"
