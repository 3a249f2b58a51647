"""kill -9 of a real process at every named step: the next process finds one consistent version and ends the swap."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sedna_bridge.models import ACTIVATE, ModelStore, Orders

PIPELINE = str(Path(__file__).with_name("toy_pipeline.py"))
ROOT = str(Path(__file__).resolve().parents[3])
BEFORE = ["journal.load", "swap.load", "journal.warm_up", "swap.warm_up", "swap.judge", "journal.switch", "store.point"]
AFTER = ["swap.switched", "journal.active", "swap.watch"]
GOOD_END = ["journal.kept", "swap.conclude", "swap.noted", "journal.clear", "reports.done"]
BAD_END = ["journal.rolled_back", "swap.conclude", "store.point@2", "swap.pointed", "swap.noted", "reports.done"]


def run(store, out, *arguments, failpoints="", check=0):
    environment = dict(os.environ, SEDNABOX_FAILPOINTS=failpoints)
    environment["PYTHONPATH"] = os.pathsep.join([ROOT, os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, PIPELINE, str(store.root), str(out), *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
    )
    assert done.returncode == check, done.stdout.decode()[-3000:]


def frames_of(out):
    for path in sorted(out.glob("frames-*.jsonl"), key=lambda p: p.stat().st_mtime):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        if lines:   # else it was killed before its first frame
            yield lines[0], [line for line in lines if isinstance(line, list)]


def check_frames(out):
    for head, frames in frames_of(out):
        assert head["started"] == head["pointer"], "what judges is what the disk says"
        assert [frame[0] for frame in frames] == list(range(len(frames))), "none lost, none doubled, order kept"
        serials = [frame[1] for frame in frames]
        assert serials == sorted(serials), "versions only move forward"


def reports_of(out):
    return [json.loads(path.read_text()) for path in sorted(out.glob("report-*.json"))]


@pytest.mark.parametrize("place", BEFORE + AFTER + GOOD_END)
def test_killed_while_a_good_model_comes(store, install, tmp_path, place):
    install("1", activate=True)
    install("2", boxes=3)
    out = tmp_path / "out"
    Orders(store).place(ACTIVATE, "little@2")
    run(store, out, failpoints=place + "=kill", check=-9)
    assert store.pointer().active == ("little@1" if place in BEFORE else "little@2")
    run(store, out, "--until", "kept", "little@2")
    check_frames(out)
    assert store.pointer().active == "little@2"
    assert reports_of(out) == [["little@2", "completed", ""]]
    assert [e["event"] for e in store.history.read()].count("kept") == 1
    assert not (store.root / "swap.json").exists()


@pytest.mark.parametrize("place", BAD_END)
def test_killed_while_a_bad_model_is_rolled_back(store, install, tmp_path, place):
    install("1", activate=True)
    install("2", fail_after=4)
    out = tmp_path / "out"
    Orders(store).place(ACTIVATE, "little@2")
    run(store, out, failpoints=place + "=kill", check=-9)
    run(store, out, "--until", "rolled_back", "little@2")
    check_frames(out)
    assert store.pointer().active == "little@1"
    (report,) = reports_of(out)
    assert report[:2] == ["little@2", "failed"]
    assert [e["event"] for e in store.history.read()].count("rolled_back") == 1
    assert store.rejection("little@2")


@pytest.mark.parametrize("place, end", [("swap.warm_up", "rejected"), ("swap.watch", "rolled_back")])
@pytest.mark.parametrize("policy", ["availability", "memory"])
def test_a_model_that_kills_the_process_each_time_is_given_up(store, install, tmp_path, place, end, policy):
    install("1", activate=True)
    install("2")
    out = tmp_path / "out"
    Orders(store).place(ACTIVATE, "little@2")
    for _ in range(2):
        run(store, out, "--policy", policy, failpoints=place + "=kill", check=-9)
    run(store, out, "--policy", policy, "--until", end, "little@2", failpoints=place + "=kill")
    check_frames(out)
    assert store.pointer().active == "little@1" and "2 processes ended" in store.rejection("little@2").reason
    assert [report[:2] for report in reports_of(out)] == [["little@2", "failed"]]


def test_killed_in_the_middle_of_an_install(store, install, tmp_path):
    install("1", activate=True)
    import toy_models

    folder = toy_models.model_folder(tmp_path / "two", "2")
    code = "import sys; from sedna_bridge.models import *; take_in(ModelStore(sys.argv[1]), sys.argv[2])"
    command = [sys.executable, "-c", code, str(store.root), str(folder)]
    environment = dict(os.environ, SEDNABOX_FAILPOINTS="store.add=kill", PYTHONPATH=ROOT)
    assert subprocess.run(command, env=environment, timeout=60).returncode == -9
    assert [record.id for record in store.versions()] == ["little@1"]
    assert list((store.root / "incoming").iterdir())
    from sedna_bridge.models import sweep

    sweep(store)
    assert not list((store.root / "incoming").iterdir()), "the room of the dead is swept"
    assert subprocess.run(command, env=dict(environment, SEDNABOX_FAILPOINTS=""), timeout=60).returncode == 0
    assert ModelStore(store.root).verify("little@2")


def test_sedna_s_updates_across_restarts_are_reported_once_each(store, install, tmp_path):
    """LocalController's way of writing, a pipeline that is killed on the way, one report for each version."""
    import toy_models

    install("1", activate=True, weights=400)
    hot, out = tmp_path / "hot", tmp_path / "out"
    hot.mkdir()
    arguments = ["--hot", str(hot / "model_config.json")]
    moves = [
        ("v2", {"boxes": 3}, 300, "reports.done"),
        ("v3", {"nan": True}, 200, "swap.conclude"),
        ("v4", {}, 100, "swap.watch"),
    ]
    for version, behaviour, weights, place in moves:
        for path, data in (
            (hot / "model.onnx", toy_models.onnx_bytes(weights, **dict(behaviour, v=version))),
            (
                hot / "model_config.json",
                json.dumps(
                    {"model_config": {"model_path": "/model-hot-update/model.onnx", "model_update_time": version}}
                ).encode(),
            ),
        ):
            fd = os.open(str(path), os.O_RDWR | os.O_CREAT)
            os.write(fd, data)
            os.close(fd)
        run(store, out, *arguments, failpoints=place + "=kill", check=-9)
        run(store, out, *arguments, "--seconds", "2.5" if version != "v4" else "9")
    check_frames(out)
    assert [report[:2] for report in reports_of(out)] == [["v2", "completed"], ["v3", "failed"], ["v4", "completed"]]
    assert store.pointer().active == "little@v4" and store.pointer().previous == "little@v2"
