"""model_hot_swap and helmet_detect in a graph on the engine: models change while frames flow, and no frame notices."""
import fcntl
import json
import os
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from toy_detectors import toy_detector

from sedna_bridge.spool import Limits, Spool

CAMERA = """
class Camera(Base):
    def open(self, config):
        self.config = config
        self.feed()
        return mb.Status()

    def data_pre(self, ctx):
        ctx.set_private_int("i", 0)
        return mb.Status()

    def process(self, ctx):
        i = ctx.get_private_int("i")
        b = mb.Buffer(self.get_bind_device(), np.full((48, 64, 3), 150 + i % 100, np.uint8))
        for key, val in (("index", i), ("camera", "gate"), ("width", 64), ("height", 48), ("pix_fmt", "bgr")):
            b.set(key, val)
        ctx.output("out").push_back(b)
        ctx.set_private_int("i", i + 1)
        time.sleep(self.config.get_float("period", 0.01))
        if os.path.exists(OUT + ".stop") or i >= 20000:
            return mb.Status()
        ctx.send_event(mb.FlowUnitEvent())
        return S.STATUS_CONTINUE
"""

LOOK = """
class Look(Base):
    def process(self, ctx):
        for b in ctx.input("in"):
            if b.has_error():
                record("frame", [-1, "error", b.get_error_msg()])
            else:
                rows = b.get("detections")
                record("frame", [b.get("index"), b.get("model"), rows[0][4] if rows else 0.0])
        return mb.Status()
"""

THIN = """
class Thin(Base):
    def process(self, ctx):
        for b in ctx.input("in"):
            if b.get("index") % 3 == 0:
                ctx.output("out").push_back(b)
        return mb.Status()
"""

GRAPH = """
c[flowunit=camera]
s[flowunit=model_hot_swap, model="{model}", source="{source}", period="0.1", probation_frames="40"{more}]
d[flowunit=helmet_detect, threads=1]
x[flowunit=look]
c:out -> s:in_image
s:out_image -> d:in_image
d:out_image -> x:in
"""
THIN_GRAPH = GRAPH.replace("s:out_image -> d:in_image", "t[flowunit=thin]\ns:out_image -> t:in\nt:out -> d:in_image")


class Site:
    """A running pipeline with a folder into which models are dropped."""

    def __init__(self, project, folder):
        self.project = project
        self.first = toy_detector(folder / "first", "1")
        self.drops = folder / "drops"
        self.drops.mkdir()
        self.state = folder / "state"
        self.process = None
        self.output = ""
        project.unit("Camera", CAMERA, outputs=["out"], stream=True)
        project.unit("Look", LOOK, inputs=["in"], stream=True, exception_visible=True)
        project.unit("Thin", THIN, inputs=["in"], outputs=["out"], stream=True)

    def settings(self, graph=GRAPH, **more):
        text = "".join(', %s="%s"' % item for item in more.items())
        return graph.format(model=self.first, source=self.drops, more=text)

    @property
    def env(self):
        return {"SEDNABOX_STATE": str(self.state)}

    def start(self, graph=GRAPH, **more):
        self.process = self.project.start(self.settings(graph, **more), env=self.env)

    def run(self, **more):
        return self.project.run(self.settings(**more), env=self.env)

    def frames(self):
        return self.project.records("frame")

    def history(self, *events):
        try:
            lines = (self.state / "models" / "history.jsonl").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        return [entry for entry in map(json.loads, lines) if not events or entry["event"] in events]

    def until(self, true, seconds=60.0, what=""):
        end = time.monotonic() + seconds
        while not true():
            if self.process.poll() is not None:
                pytest.fail("the pipeline ended: " + self.process.communicate()[0])
            if time.monotonic() > end:
                self.stop()
                pytest.fail("%s not within %.0f s\n%s\n%s" % (what, seconds, self.history(), self.output[-3000:]))
            time.sleep(0.05)

    def until_event(self, event, version, seconds=60.0):
        self.until(lambda: any(e["version"] == version for e in self.history(event)), seconds, "%s %s" % (
            event, version))
        return [e for e in self.history(event) if e["version"] == version][-1]

    def until_frames(self, more):
        count = len(self.frames())
        self.until(lambda: len(self.frames()) >= count + more, what="%d more frames" % more)

    def stop(self):
        """End the stream and the pipeline; its exit code."""
        stop = str(self.project.out) + ".stop"
        open(stop, "w", encoding="utf-8").close()
        try:
            self.output, _ = self.process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.output, _ = self.process.communicate()
            pytest.fail("the pipeline did not end\n" + self.output[-3000:])
        os.unlink(stop)
        return self.process.returncode


@pytest.fixture
def site(project, tmp_path):
    made = Site(project, tmp_path)
    yield made
    if made.process and made.process.poll() is None:
        made.process.kill()
        made.process.communicate()


def versions(frames):
    """The versions in the order in which they came, each once for each time that it began to judge."""
    found = []
    for _, version, _ in frames:
        if not found or found[-1] != version:
            found.append(version)
    return found


def sound(frames):
    """Every frame once, in order, and judged."""
    assert [f[0] for f in frames] == list(range(len(frames)))
    assert all(f[2] > 0.3 for f in frames)


def test_an_empty_store_begins_with_the_nodes_model(site):
    site.start()
    site.until_frames(10)
    assert site.stop() == 0, site.output
    sound(site.frames())
    assert versions(site.frames()) == ["toy@1"]


def test_a_dropped_model_is_swapped_in_between_two_frames_and_stays_after_a_restart(site):
    site.start()
    site.until_frames(10)
    toy_detector(site.drops / "second", "2", score=0.8, size=(96, 64))
    site.until_event("kept", "toy@2")
    site.until_frames(10)
    assert site.stop() == 0, site.output
    frames = site.frames()
    sound(frames)
    assert versions(frames) == ["toy@1", "toy@2"]
    assert {(f[1], round(f[2], 1)) for f in frames} == {("toy@1", 0.9), ("toy@2", 0.8)}, "each by its own model"

    site.project.out.unlink()
    site.start()
    site.until_frames(10)
    assert site.stop() == 0, site.output
    assert versions(site.frames()) == ["toy@2"]


@pytest.mark.parametrize("made, event, why", [
    ({"score": float("nan")}, "rejected", "finite|NaN"),
    ({"sha256": "0" * 64}, "rejected", "sha256"),
    ({"box": (8.0, 8.0, 6.0, 6.0)}, "rejected", "sure of"),
    ({"classes": ("cat",)}, "rejected", "lacks the classes"),
], ids=["nan", "wrong-sha", "finds-other-things", "other-classes"])
def test_a_bad_model_never_judges_a_frame(site, made, event, why):
    site.start()
    site.until_frames(10)
    toy_detector(site.drops / "bad", "bad", **made)
    site.until(lambda: site.history(event), what=event)
    site.until_frames(10)
    assert site.stop() == 0, site.output
    sound(site.frames())
    assert versions(site.frames()) == ["toy@1"]
    assert any(word in site.history(event)[-1]["reason"] for word in why.split("|")), site.history(event)


def test_a_truncated_file_never_judges_a_frame(site):
    site.start()
    site.until_frames(10)
    folder = toy_detector(site.drops.parent / "whole", "2")
    data = (folder / "model.onnx").read_bytes()
    (site.drops / "cut.onnx").write_bytes(data[:len(data) // 2])
    site.until(lambda: site.history("rejected"), what="rejected")
    site.until_frames(10)
    assert site.stop() == 0, site.output
    sound(site.frames())
    assert versions(site.frames()) == ["toy@1"]


@pytest.mark.parametrize("policy", ["availability", "memory"])
def test_a_model_that_turns_bad_on_the_line_is_rolled_back(site, policy):
    site.start(policy=policy)
    site.until_frames(30)
    toy_detector(site.drops / "blind", "blind", score=0.8, golden=False, blind_above=0.0)
    ended = site.until_event("rolled_back", "toy@blind")
    site.until_frames(10)
    assert site.stop() == 0, site.output
    frames = site.frames()
    assert [f[0] for f in frames] == list(range(len(frames)))
    assert versions(frames) == ["toy@1", "toy@blind", "toy@1"]
    assert "boxes per frame" in ended["reason"] or "sure of" in ended["reason"]
    pointer = json.loads((site.state / "models" / "active.json").read_text(encoding="utf-8"))
    assert pointer["active"] == "toy@1"


def test_numbers_that_are_none_on_the_line_cost_no_frame(site):
    site.start()
    site.until_frames(30)
    toy_detector(site.drops / "nan", "nan", score=0.8, golden=False, nan_above=0.54)
    ended = site.until_event("rolled_back", "toy@nan")
    site.until_frames(10)
    assert site.stop() == 0, site.output
    sound(site.frames())
    assert "frames failed" in ended["reason"]


def test_a_model_without_golden_frames_is_judged_on_hard_examples_of_the_spool(site):
    bright = cv2.imencode(".jpg", np.full((48, 64, 3), 220, np.uint8))[1].tobytes()
    with Spool(str(site.state / "spool"), Limits(free_floor=0)) as spool:
        for number in range(3):
            assert spool.offer(bright, {"camera": "gate", "index": number}).wait(10)
    site.start()
    site.until_frames(10)
    toy_detector(site.drops / "nan", "nan", score=0.8, golden=False, nan_above=0.54)
    ended = site.until_event("rejected", "toy@nan")
    site.until_frames(10)
    assert site.stop() == 0, site.output
    sound(site.frames())
    assert versions(site.frames()) == ["toy@1"]
    assert "NaN" in ended["reason"] or "finite" in ended["reason"]


def test_with_little_memory_frames_wait_and_none_is_lost(site):
    site.start(policy="memory")
    site.until_frames(10)
    toy_detector(site.drops / "second", "2", score=0.8)
    site.until_event("kept", "toy@2")
    site.until_frames(10)
    assert site.stop() == 0, site.output
    sound(site.frames())
    assert versions(site.frames()) == ["toy@1", "toy@2"]


@pytest.mark.parametrize("policy", ["availability", "memory"])
def test_frames_that_leave_on_the_way_do_not_keep_the_old_model(site, policy):
    site.start(THIN_GRAPH, policy=policy)
    site.until_frames(10)
    toy_detector(site.drops / "second", "2", score=0.8)
    site.until_event("kept", "toy@2")
    site.until_frames(5)
    lease = site.state / "models" / "leases" / "toy@1.lock"
    site.until(lambda: free(lease), seconds=30, what="the old model released")
    assert site.stop() == 0, site.output
    frames = site.frames()
    assert [f[0] for f in frames] == list(range(0, 3 * len(frames), 3))
    assert versions(frames) == ["toy@1", "toy@2"]
    assert all(f[2] > 0.3 for f in frames)


def free(lease):
    """Whether no process uses the version of a lease."""
    with open(str(lease), "a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


def test_a_person_swaps_and_takes_back_beside_the_running_pipeline(site):
    site.start()
    site.until_frames(10)
    second = toy_detector(site.drops.parent / "second", "2", score=0.8)
    assert "2" in model(site, "install", str(second), "--activate")
    model(site, "rollback")
    site.until_frames(10)
    assert site.stop() == 0, site.output
    sound(site.frames())
    assert versions(site.frames()) == ["toy@1", "toy@2", "toy@1"]


def model(site, *words):
    done = subprocess.run([sys.executable, "-m", "sednabox", "model", "--state", str(site.state), *words],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=100)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_killed_in_the_middle_of_a_swap(site):
    env = dict(site.env, SEDNABOX_FAILPOINTS="swap.switched=kill")
    site.process = site.project.start(site.settings(), env=env)
    site.until_frames(10)
    toy_detector(site.drops / "second", "2", score=0.8)
    assert site.process.wait(60) == -signal.SIGKILL
    assert versions(site.frames()) == ["toy@1"]
    site.project.out.unlink()
    site.start()
    site.until_event("kept", "toy@2")
    assert site.stop() == 0, site.output
    sound(site.frames())
    assert versions(site.frames()) == ["toy@2"], "the pointer had moved before the process died"


@pytest.mark.parametrize("more, message", [
    ({"policy": "both"}, "policy 'both'"),
    ({"probation_frames": "many"}, "probation_frames = 'many' is no number"),
    ({"min_kept": "-1"}, "expected a number that is not negative"),
    ({"probation_seconds": "nan"}, "probation_seconds"),
    ({"probation_frames": "1.5"}, "probation_frames"),
    ({"threads": "few"}, "threads = 'few'"),
    ({"source": "ftp://models"}, "ftp"),
    ({"store": "graph.toml"}, "graph.toml"),
    ({"environment": "perhaps"}, "environment = 'perhaps'"),
])
def test_wrong_settings_are_a_build_failure_that_says_why(site, more, message):
    graph = GRAPH if "source" not in more else GRAPH.replace(', source="{source}"', "")
    code, output = site.project.run(site.settings(graph, **more), env=site.env)
    assert code == 1, output
    assert message in output[output.index("build flow failed"):], output


def test_a_first_model_that_is_not_there_is_a_build_failure(site):
    site.first = "nowhere"
    code, output = site.run()
    assert code == 1, output
    assert "nowhere" in output[output.index("build flow failed"):], output
