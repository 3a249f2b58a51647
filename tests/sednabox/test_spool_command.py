"""`sednabox spool` through its own door."""

import argparse
import json
import os
import subprocess
import sys

import pytest

from sedna_bridge.spool import Limits, Spool
from sednabox.commands import spool as command


@pytest.fixture
def state(tmp_path):
    """A state directory with a spool of six entries and two that were dropped."""
    with Spool(
        str(tmp_path / "state" / "spool"), Limits(most_entries=6, free_floor=0, when_full="drop_oldest")
    ) as spool:
        for n in range(8):
            facts = {
                "camera": "gate-%d" % (n % 2),
                "index": n,
                "wall_time": 1e9 + n,
                "hard_reasons": ["IBT", "flicker"],
                "hard_score": n / 10,
                "model": "7",
                "classes": ["a", "b"],
                "detections": [[1, 1, 8, 8, 0.4, 1]],
            }
            assert spool.offer(b"\xff\xd8\xff\xc0\x00\x11\x08\x00\x10\x00\x10" + bytes([n]) * 400, facts).wait(10)
    return tmp_path / "state"


@pytest.fixture
def sednabox(state, capsys):
    def call(*words):
        parser = argparse.ArgumentParser(prog="sednabox spool")
        command.add_arguments(parser)
        try:
            status = command.run(parser.parse_args(["--state", str(state), *words]))
        except SystemExit as end:
            status = end.code
        told = capsys.readouterr()
        return status, told.out, told.err

    return call


def test_ls(sednabox):
    status, out, _ = sednabox("ls")
    assert status == 0 and len(out.splitlines()) == 7 and "IBT,flicker" in out
    status, out, _ = sednabox("ls", "--json", "--order", "hardest", "--limit", "2")
    assert [json.loads(line)["index"] for line in out.splitlines()] == [7, 6]
    _, out, _ = sednabox("ls", "--camera", "gate-1", "--json")
    assert [json.loads(line)["index"] for line in out.splitlines()] == [3, 5, 7]
    _, out, _ = sednabox("ls", "--gone", "dropped", "--json")
    assert {(item["index"], item["reason"]) for item in map(json.loads, out.splitlines())} == {
        (0, "spool full"),
        (1, "spool full"),
    }


def test_show(sednabox, tmp_path):
    _, out, _ = sednabox("ls", "--json", "--limit", "1")
    id = json.loads(out)["id"]
    status, out, _ = sednabox("show", id[:9], "--json", "--picture", str(tmp_path / "p.jpg"))
    assert status == 0 and json.loads(out)["sidecar"]["camera"] == "gate-0"
    assert (tmp_path / "p.jpg").read_bytes().startswith(b"\xff\xd8\xff")
    assert sednabox("show", id)[0] == 0
    assert sednabox("show", "xyz")[0] == 2
    status, _, err = sednabox("show", "0000000000000")
    assert status == 1 and "no entries begin with" in err


def test_stats_add_up(sednabox):
    status, out, _ = sednabox("--json", "stats")
    figures = json.loads(out)
    assert (
        status == 0
        and figures["adds_up"]
        and figures["accepted"] == 8
        and figures["dropped_by_reason"] == {"spool full": 2}
    )
    assert figures["seconds_to_empty"] is None and figures["oldest_seconds"] is not None
    status, out, _ = sednabox("stats")
    assert "accepted 8 = delivered 0 + waiting 6 + held 0 + dropped 2" in out


def test_flush_to_a_directory(sednabox, tmp_path):
    status, out, _ = sednabox("flush", "--target", str(tmp_path / "he"), "--json")
    assert status == 0 and json.loads(out)["delivered"] == 6
    assert len(list((tmp_path / "he").glob("*.jpg"))) == 6
    assert sednabox("flush", "--target", str(tmp_path / "he"))[0] == 0


def test_flush_that_cannot(sednabox, state, tmp_path, monkeypatch):
    monkeypatch.delenv("HE_SAVED_URL", raising=False)
    status, _, err = sednabox("flush", "--target", "http://127.0.0.1:9/x", "--timeout", "0.5")
    assert status == 3 and "cannot be reached" in err
    status, _, err = sednabox("flush")
    assert status == 1 and "no target is given" in err
    with Spool(str(state / "spool"), Limits(free_floor=0)):
        status, _, err = sednabox("flush", "--target", str(tmp_path / "he"))
        assert status == 3 and "belongs to process" in err
        assert sednabox("ls")[0] == 0 and sednabox("stats")[0] == 0


def test_export_and_labels_back(sednabox, tmp_path):
    status, out, _ = sednabox("export", "--format", "coco", "--to", str(tmp_path / "out"), "--json")
    assert status == 0 and json.loads(out)["examples"] == 6
    status, out, _ = sednabox("import-labels", str(tmp_path / "out"), "--to", str(tmp_path / "data.txt"))
    assert status == 0 and "added 6 pictures" in out
    status, _, err = sednabox("export", "--format", "coco", "--to", str(tmp_path / "out"))
    assert status == 1 and "not empty" in err


def test_verify_and_repair(sednabox, state):
    assert sednabox("verify")[0] == 0
    path = sorted(state.rglob("*.jpg"))[0]
    path.write_bytes(path.read_bytes()[:-3])
    status, out, _ = sednabox("verify", "--json")
    assert status == 1 and len(json.loads(out)["damaged"]) == 1
    status, out, _ = sednabox("verify", "--repair")
    assert status == 0 and "1 damaged" in out
    assert sednabox("verify")[0] == 0
    assert json.loads(sednabox("stats", "--json")[1])["dropped_by_reason"] == {"damaged": 1, "spool full": 2}


def test_a_damaged_index_is_told_and_repaired(sednabox, state):
    index = state / "spool" / "index.db"
    data = bytearray(index.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    index.write_bytes(bytes(data))
    for words in (["ls"], ["stats"], ["verify"]):
        status, _, err = sednabox(*words)
        assert status == 1 and "index" in err
    status, out, _ = sednabox("verify", "--repair", "--json")
    assert status == 0 and json.loads(out)["checked"] == 6
    assert sednabox("stats")[0] == 0


def test_wrong_usage(sednabox, tmp_path):
    assert sednabox()[0] == 2
    assert sednabox("frob")[0] == 2
    assert sednabox("torture", "--cycles", "0")[0] == 2
    status, _, err = sednabox("ls", "--state", str(tmp_path / "nothing"))
    assert status == 2 and "there is no spool" in err


def test_as_a_module_with_a_short_torture():
    done = subprocess.run(
        [sys.executable, "-m", "sednabox.commands.spool", "torture", "--cycles", "8", "--json"],
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ},
    )
    report = json.loads(done.stdout)
    assert done.returncode == 0 and report["holds"] and report["cycles"] == 8
