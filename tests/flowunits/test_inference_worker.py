"""The inference worker as a Sedna pod starts it: the shipped graph, and nothing but Sedna's environment."""
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgevision.scenes import Camera, write_video

REPO = Path(__file__).resolve().parents[2]
FRAMES = 40


@pytest.fixture
def pod(tmp_path):
    """A video of a site at night, the deployed model, and the environment of the pod."""
    write_video(tmp_path / "video.mp4", Camera(3, "night", fps=20, size=(640, 352)), FRAMES)
    shutil.copytree(str(REPO / "models" / "little"), str(tmp_path / "deploy"))
    return {
        "NAMESPACE": "default", "JOB_NAME": "helmet", "WORKER_NAME": "inferworker-abcde",
        "JOB_KIND": "incrementallearningjob", "SERVICE_NAME": "helmet",
        "LC_SERVER": "http://127.0.0.1:9", "HEM_NAME": "IBT",
        "HEM_PARAMETERS": json.dumps([{"key": "threshold_img", "value": "0.7"},
                                      {"key": "threshold_box", "value": "0.6"}]),
        "MODEL_URL": str(tmp_path / "deploy" / "model.onnx"), "video_url": "file://%s" % (tmp_path / "video.mp4"),
        "HE_SAVED_URL": str(tmp_path / "he"), "SEDNABOX_STATE": str(tmp_path / "state"),
    }


def infer(pod, tmp_path):
    return subprocess.run([sys.executable, "-m", "sedna_bridge.workers.infer"], cwd=str(tmp_path), capture_output=True,
                          text=True, timeout=100, env={**os.environ, "PYTHONPATH": str(REPO), **pod})


def test_each_frame_is_told_and_the_hard_ones_arrive(pod, tmp_path):
    done = infer(pod, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [json.loads(line) for line in
            (tmp_path / "helmet_incremental.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["index"] for row in rows] == list(range(FRAMES))
    assert {row["model"] for row in rows} == {"little@1"}
    hard = [row["index"] for row in rows if row["hard"]]
    sidecars = [json.loads(path.read_text(encoding="utf-8")) for path in (tmp_path / "he" / "sidecars").glob("*.json")]
    assert hard and {sidecar["index"] for sidecar in sidecars} <= set(hard)


def test_a_model_that_stands_alone_says_itself_how_to_run_it(pod, tmp_path):
    """Sedna's LocalController carries the .onnx, and nothing beside it."""
    for path in (tmp_path / "deploy").iterdir():
        if path.name != "model.onnx":
            shutil.rmtree(str(path)) if path.is_dir() else path.unlink()
    done = infer(pod, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    told = (tmp_path / "helmet_incremental.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(told) == FRAMES and json.loads(told[0])["model"] == "little@1"
    assert json.loads(told[0])["model_name"] == "little"


def test_a_video_that_is_not_there_is_told(pod, tmp_path):
    (tmp_path / "video.mp4").unlink()
    done = infer(pod, tmp_path)
    assert done.returncode == 1 and "video.mp4" in done.stdout + done.stderr
