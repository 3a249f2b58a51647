import threading

import numpy as np
import pytest
from onnx_models import constant_model

from edgevision import registry
from edgevision.detector import Detector
from edgevision.errors import ModelError
from edgevision.frame import Frame
from edgevision.judgement import Verdict, judge
from edgevision.letterbox import InputSpec
from edgevision.manifest import Manifest, ModelInfo, OutputSpec
from edgevision.registry import Detectors


def detector(folder, version, score=0.9):
    """Finds one box of class 1 in the middle of every frame."""
    folder.mkdir()
    found = np.array([[[16, 16, 48, 48, score, 1]]], np.float32)
    constant_model(folder / "model.onnx", {"output": found}, metadata=None)
    Manifest(ModelInfo("toy", version), InputSpec(64, 64), OutputSpec("end2end", ("a", "b"))).write(folder)
    return Detector(folder)


FRAMES = [Frame.from_array(np.full((64, 64, 3), 90, np.uint8)) for _ in range(3)]


@pytest.fixture
def judged(tmp_path):
    board = Detectors()
    board.put("2", detector(tmp_path / "two", "2", 0.8))
    registry.install(board)
    yield detector(tmp_path / "one", "1"), board
    registry.remove(board)


def test_a_stamp_decides_who_judges_and_order_is_kept(judged):
    usual, _ = judged
    verdicts = judge(FRAMES, ["2", "", "2"], usual)
    assert [v.version for v in verdicts] == ["2", "1", "2"]
    assert [round(v.rows[0][4], 2) for v in verdicts] == [0.8, 0.9, 0.8]
    assert verdicts[0].model_name == "toy" and verdicts[0].classes == ["a", "b"]


def test_an_unknown_version_is_an_error_of_its_frames_only(judged):
    usual, _ = judged
    verdicts = judge(FRAMES, ["", "9", ""], usual)
    assert isinstance(verdicts[0], Verdict) and isinstance(verdicts[2], Verdict)
    assert isinstance(verdicts[1], ModelError) and "9" in str(verdicts[1])


def test_a_stamp_without_anybody_who_loads_models_says_what_to_do(tmp_path):
    [verdict] = judge(FRAMES[:1], ["5"], detector(tmp_path / "one", "1"))
    assert "model_hot_swap" in str(verdict)


def test_a_detector_is_not_let_go_while_it_judges():
    gone, inside, go_on = [], threading.Event(), threading.Event()
    board = Detectors(gone.append)
    board.put("1", "it")

    def call(found, frames):
        inside.set()
        go_on.wait(5)
        assert not gone
        return frames
    worker = threading.Thread(target=board.judge, args=("1", [1], call))
    worker.start()
    inside.wait(5)
    taker = threading.Thread(target=board.take_off, args=("1",))
    taker.start()
    with pytest.raises(ModelError, match="no detector"):
        while board.session("1") is not None:
            pass
        board.acquire("1")
    go_on.set()
    worker.join(5)
    taker.join(5)
    assert gone == ["it"]
