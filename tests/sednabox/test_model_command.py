"""`sednabox model`, at rest and beside a running pipeline, through its real door."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOYS = ROOT / "tests" / "sedna_bridge" / "models"
sys.path.insert(0, str(TOYS))

import toy_models  # noqa: E402

from sedna_bridge.models import ModelStore  # noqa: E402

ENVIRONMENT = dict(os.environ, PYTHONPATH=os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]), COLUMNS="200")


class Command:
    def __init__(self, folder):
        self.state = folder / "state"
        self.store = ModelStore(self.state / "models")
        self.folder = folder

    def __call__(self, *arguments, rc=0):
        done = subprocess.run(
            [sys.executable, "-m", "sednabox.commands.model", "--state", str(self.state), *arguments],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == rc, (done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done.stdout if rc == 0 or done.stdout else done.stderr

    def json(self, *arguments, rc=0):
        return json.loads(self(*arguments, "--json", rc=rc))

    def make(self, version, **behaviour):
        return str(toy_models.model_folder(self.folder / ("m" + version), version, **behaviour))


@pytest.fixture
def model(tmp_path):
    return Command(tmp_path)


@contextlib.contextmanager
def pipeline(model):
    child = subprocess.Popen(
        [
            sys.executable,
            str(TOYS / "toy_pipeline.py"),
            str(model.store.root),
            str(model.folder / "out"),
            "--seconds",
            "60",
        ],
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 30
        while not list((model.folder / "out").glob("frames-*")):
            assert time.monotonic() < deadline and child.poll() is None
            time.sleep(0.02)
        yield child
    finally:
        child.kill()
        child.wait()


def test_from_an_empty_store_to_a_rollback(model):
    assert "no models" in model("ls") and model.json("ls") == []
    assert "installed and active: little@1" in model("install", model.make("1"), "--no-load")
    model("install", model.make("2", golden=1))
    (one, two) = model.json("ls")
    assert one["state"] == ["active"] and two["state"] == []
    assert "the table [input] is missing" in model("activate", "2", rc=1), "the test load looks at the whole manifest"
    model("activate", "2", "--no-load")
    assert model.json("show")["id"] == "little@2"
    assert "active, on trial" in model("ls")
    assert "active: little@1" in model("rollback")
    events = [entry["event"] for entry in model.json("log")]
    assert events == ["installed", "activated", "installed", "activated", "rolled_back"]
    assert "rolled back by" in model("show", "2")
    assert "little@1" in model("log", "1") and "little@2" not in model("log", "-n", "1", "1")


def test_verify_finds_damage(model, tmp_path):
    model("install", model.make("1"), "--no-load")
    assert "little@1: good" in model("verify", "--no-load")
    path = model.store.root / "folders" / "little@1" / "model.onnx"
    path.chmod(0o644)
    path.write_bytes(b"x")
    assert "little@1: BAD" in model("verify", "--no-load", rc=1)
    assert model.json("verify", "--no-load", "1", rc=1)[0]["ok"] is False
    (tmp_path / "cut.onnx").write_bytes(toy_models.onnx_bytes()[:-5])
    assert "not one whole ONNX" in model("verify", "--file", str(tmp_path / "cut.onnx"), rc=1)


def test_pack_sign_trust(model, tmp_path):
    pytest.importorskip("cryptography")
    folder = model.make("3", counter=3)
    model("sign", "--new-key", str(tmp_path / "key"))
    assert "signed little@3, counter 3, 2 files" in model(
        "sign", folder, "--key", str(tmp_path / "key"), "--expires", "30d"
    )
    packed = model.json("pack", folder, str(tmp_path / "m.tgz"))
    (identity,) = model.json("trust", str(tmp_path / "key.pub"))
    assert "signed models only" in model("install", model.make("1"), rc=1)
    assert "expected sha256" in model("install", str(tmp_path / "m.tgz"), "--sha256", "0" * 64, rc=1)
    found = model.json("install", str(tmp_path / "m.tgz"), "--sha256", packed["sha256"], "--no-load")
    assert found["signed_by"] == identity and found["id"] == "little@3"
    assert "good" in model("verify", "--no-load")
    assert model.json("trust", "--remove", identity) == []
    again = model.json("pack", "little@3", str(tmp_path / "again.tgz"))
    assert again["sha256"] == packed["sha256"]


def test_pin_and_gc(model):
    for version in "12345":
        model("install", model.make(version), "--no-load")
    model("pin", "2")
    assert "pinned" in model("show", "2")
    assert model.json("gc", "--keep", "1", "--dry-run")["removed"] == ["little@3", "little@4"]
    assert model.json("gc", "--keep", "1")["removed"] == ["little@3", "little@4"]
    model("pin", "2", "--off")
    assert model.json("gc", "--keep", "1")["removed"] == ["little@2"]


def test_exit_codes_and_words(model, tmp_path):
    assert "a command is needed" in model(rc=2)
    assert "usage" in model("nonsense", rc=2)
    assert "sednabox model ls" in model("show", "9", rc=1)
    assert "does not exist" in model("install", str(tmp_path / "none"), rc=3)
    assert "no earlier version" in model("rollback", rc=1)
    assert "expected a date" in model("sign", model.make("1"), "--key", "k", "--expires", "soon", rc=1)


def test_beside_a_running_pipeline(model):
    model("install", model.make("1"), "--no-load")
    model("install", model.make("2"))
    model("install", model.make("3", nan=True))
    with pipeline(model):
        assert "kept; active: little@2" in model("activate", "2")
        bad = model.json("activate", "3", rc=1)
        assert bad["event"] == "rejected" and "NaN" in bad["reason"] and bad["active"] == "little@2"
        assert "active: little@1" in model("rollback")
        ordered = model.json("activate", "2", "--no-wait")
        assert ordered["order"]
        deadline = time.monotonic() + 30
        while model.store.pointer().active != "little@2":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert "still under way" in model("activate", "1", "--wait", "0", rc=3)
    for path in (model.folder / "out").glob("frames-*"):
        frames = [json.loads(line) for line in path.read_text().splitlines()[1:-1]]
        frames = [frame for frame in frames if isinstance(frame, list)]
        assert [frame[0] for frame in frames] == list(range(len(frames)))
        assert [frame[1] for frame in frames] == sorted(frame[1] for frame in frames)


def test_activated_at_rest_and_bad_is_undone_by_the_pipeline(model):
    model("install", model.make("1"), "--no-load")
    model("install", model.make("2", load="fail"))
    model("activate", "2", "--no-load")
    with pipeline(model):
        assert model.store.pointer().active == "little@1"
        assert "the layers do not fit" in model("show", "2")
