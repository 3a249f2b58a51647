"""`sednabox demo` through its own door: the graph, the local controller, the workers and the swap, small."""
import json
import os
import subprocess
import sys

import pytest

pytest.importorskip("torch")
pytestmark = [pytest.mark.slow, pytest.mark.train, pytest.mark.timeout(420)]


def demo(*args):
    return subprocess.run([sys.executable, "-m", "sednabox", "demo", *args], capture_output=True, text=True,
                          timeout=400)


def test_two_rounds_and_what_is_told_of_them(tmp_path):
    """A good round and a poisoned one, of a few steps: enough to go every way of the loop, too few to learn much."""
    out = tmp_path / "run"
    done = demo("--out", str(out), "--rounds", "2", "--steps", "12", "--samples", "20", "--exam", "6", "--dark", "3",
                "--json")
    assert done.returncode == 0, done.stderr
    story = json.loads(done.stdout)
    first, good, poisoned = story["rounds"]
    assert first["outcome"] == "shipped" and first["marks"]["day"]["mAP50"] > 0.6
    assert good["train_samples"] >= 16 and good["outcome"] in ("deployed", "rejected")
    assert poisoned["poisoned"] and poisoned["outcome"] == "rejected"
    assert story["poisoned_labels"] > 0 and story["labelled"] > story["poisoned_labels"]
    assert story["frames_missing"] == 0 and story["frames"] > 50
    assert len(story["swaps"]) == (good["outcome"] == "deployed")
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") >= 4 and page.count("data:image/jpeg") == 4
    assert str(tmp_path) not in page
    assert not _alive(str(out)), "the demo leaves no process behind"


def _alive(folder):
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/cmdline" % name, "rb") as file:
                    command = file.read().decode("utf-8", "replace")
            except OSError:
                continue
            if folder in command:
                found.append(command)
    return found


def test_wrong_use_is_told_at_once(tmp_path):
    done = demo("--rounds", "0", "--out", str(tmp_path))
    assert done.returncode == 2 and "--rounds" in done.stderr
