"""hard_example_filter and upload_to_cloud, in a graph on the engine."""
import json
import sqlite3

import pytest

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
        b = mb.Buffer(self.get_bind_device(), np.full((48, 64, 3), 10 + i, np.uint8))
        for key, val in (("index", i), ("timestamp", 40 * i), ("camera", "gate"), ("width", 64), ("height", 48),
                         ("pix_fmt", "bgr"), ("model", "little@1"),
                         ("detections", [[4.0, 4.0, 20.0, 30.0, 0.9 if i % 3 else 0.2, 2.0]])):
            b.set(key, val)
        ctx.output("out").push_back(b)
        ctx.set_private_int("i", i + 1)
        if i + 1 < self.config.get_int("count", 12):
            ctx.send_event(mb.FlowUnitEvent())
            return S.STATUS_CONTINUE
        return mb.Status()
"""

LOOK = """
class Look(Base):
    def process(self, ctx):
        for b in ctx.input("in"):
            record("frame", [b.get("index"), b.get("hard"), b.get("hard_reasons"), b.get("hard_score")])
        return mb.Status()
"""

GRAPH = """
c[flowunit=camera]
f[flowunit=hard_example_filter%s]
u[flowunit=upload_to_cloud%s]
x[flowunit=look]
c:out -> f:in_image
f:hard -> u:in_image
f:easy -> x:in
u:out_image -> x:in
"""


@pytest.fixture
def site(project):
    project.unit("Camera", CAMERA, outputs=["out"], stream=True)
    project.unit("Look", LOOK, inputs=["in"], stream=True)
    return project


def test_hard_frames_reach_the_target_and_all_frames_go_on_in_order(site, tmp_path):
    cloud = tmp_path / "cloud"
    settings = ', filter="IBT", threshold_img="0.5", threshold_box="0.5"', ', target="%s"' % cloud
    code, output = site.run(GRAPH % settings, env={"SEDNABOX_STATE": str(tmp_path / "state")})
    assert code == 0, output
    frames = site.records("frame")
    assert [f[0] for f in frames] == list(range(12))
    assert [f[1] for f in frames] == [i % 3 == 0 for i in range(12)]
    assert frames[0][2] == ["IBT"] and frames[1][2] == []
    sidecars = [json.loads(p.read_text(encoding="utf-8")) for p in cloud.rglob("*.json")]
    waiting = sqlite3.connect(str(tmp_path / "state" / "spool" / "index.db")).execute(
        "select count(*) from entries").fetchone()[0]
    assert len(sidecars) + waiting == 4, "every hard frame is delivered or still here"
    for sidecar in sidecars:
        assert sidecar["camera"] == "gate" and sidecar["model"] == "little@1" and sidecar["hard_reasons"] == ["IBT"]
        assert sidecar["index"] % 3 == 0


def test_sednas_environment_goes_before_the_attributes(site, tmp_path):
    code, output = site.run(GRAPH % (', filter="EdgeOnly"', ""), env={
        "SEDNABOX_STATE": str(tmp_path / "state"), "HEM_NAME": "CloudOnly", "HEM_PARAMETERS": "null",
        "HE_SAVED_URL": str(tmp_path / "he")})
    assert code == 0, output
    assert all(f[1] for f in site.records("frame"))


def test_an_expression_with_commas_survives_the_engines_list_sign(site, tmp_path):
    code, output = site.run(GRAPH % (', filter="IBT(threshold_img=0.5, threshold_box=0.95)"', ""),
                            env={"SEDNABOX_STATE": str(tmp_path / "state")})
    assert code == 0, output
    assert all(f[1] for f in site.records("frame"))


@pytest.mark.parametrize("attributes, message", [
    ((', filter="IBT or"', ""), "IBT or"),
    ((', filter="Sure"', ""), "Sure"),
    (("", ', target="ftp://x"'), "ftp"),
    (("", ', bandwidth="fast"'), "bandwidth must read like"),
])
def test_wrong_settings_are_a_build_failure_that_says_why(site, tmp_path, attributes, message):
    code, output = site.run(GRAPH % attributes, env={"SEDNABOX_STATE": str(tmp_path / "state")})
    assert code == 1
    assert message in output[output.index("build flow failed"):]


def test_a_spool_that_cannot_be_used_does_not_stop_the_frames(site, tmp_path):
    (tmp_path / "state").write_text("a file where a folder should be", encoding="utf-8")
    code, output = site.run(GRAPH % (', filter="CloudOnly"', ""), env={"SEDNABOX_STATE": str(tmp_path / "state")})
    assert code == 0, output
    assert len(site.records("frame")) == 12
    assert "frames not kept" in output
