from pathlib import Path

import numpy as np
import pytest
from onnx_models import constant_model

from edgevision.detector import Detector
from edgevision.errors import ManifestError
from edgevision.guess import Signature, guess

NAMES = {"names": "{0: 'person', 1: 'helmet', 2: 'helmet_on', 3: 'helmet_off'}", "task": "detect"}


def signature(shapes, size=(640, 640), metadata=None):
    return Signature([("images", [1, 3, size[1], size[0]], "float32")],
                     [("output%d" % k, list(s), "float32") for k, s in enumerate(shapes)], metadata or {})


@pytest.mark.parametrize("shapes, metadata, head, classes, color, box", [
    ([(1, 84, 8400)], {}, "yolov8", 80, "rgb", "center"),
    ([(1, 25200, 85)], {}, "yolov5", 80, "rgb", "center"),
    ([(1, 8400, 85)], {}, "yolox", 80, "bgr", "topleft"),
    ([(1, 300, 6)], NAMES, "end2end", 4, "rgb", "center"),
    ([(1, 300, 8)], NAMES, "detr", 4, "rgb", "stretch"),
    ([(None, 7)], NAMES, "end2end", 4, "rgb", "center"),
    ([(1, 100, 5), (1, 100, 4)], NAMES, "detr", 4, "rgb", "stretch"),
    ([(1, 27, 80, 80), (1, 27, 40, 40), (1, 27, 20, 20)], {}, "yolov3", 4, "rgb", "center"),
    ([(None, 8, None)], NAMES, "yolov8", 4, "rgb", "center"),
])
def test_common_exports(shapes, metadata, head, classes, color, box):
    manifest = guess(Path("m.onnx"), signature(shapes, metadata=metadata))
    assert (manifest.output.head, len(manifest.output.classes), manifest.input.color, manifest.input.letterbox) == (
        head, classes, color, box)
    if metadata:
        assert manifest.output.classes[0] == "person"


@pytest.mark.parametrize("shapes, metadata, words", [
    ([(1, 300, 6)], {}, "how many classes"),
    ([(1, 123, 45)], {}, "fit no known detector"),
    ([(1, 1000)], {}, "no detector that is known"),
    ([(1, 3, 80, 80, 85)] * 3, {}, "raw or decoded"),
    ([(1, 116, 8400)], {"task": "segment"}, "segment"),
    ([(1, 84, 8400)], NAMES, "80 classes, but 4 names"),
    ([(1, 100, 92), (1, 100, 4)], {}, "how many of the logits"),
])
def test_what_cannot_be_known_is_not_guessed(shapes, metadata, words):
    with pytest.raises(ManifestError, match=words) as error:
        guess(Path("m.onnx"), signature(shapes, metadata=metadata))
    assert "m.onnx" in str(error.value) and "manifest.toml" in str(error.value)


def test_an_open_input_size_comes_from_the_metadata():
    open_size = Signature([("images", [None, 3, None, None], "float32")], [("o", [None, 8, None], "float32")], NAMES)
    with pytest.raises(ManifestError, match="imgsz"):
        guess(Path("m.onnx"), open_size)
    sized = open_size._replace(metadata={**NAMES, "imgsz": "[352, 640]"})
    assert guess(Path("m.onnx"), sized).input.width == 640


def test_a_bare_export_detects(tmp_path):
    rows = np.zeros((1, 8, 84), np.float32)
    rows[0, :, 3] = [32, 32, 20, 10, 0, 0, 0.9, 0]
    path = constant_model(tmp_path / "best model.onnx", {"output0": rows}, metadata=NAMES)
    with Detector(path, threads=1) as detector:
        assert detector.classes[2] == "helmet_on"
        from edgevision.frame import Frame
        [found] = detector.detect([Frame.from_array(np.zeros((64, 64, 3), np.uint8))])
    assert found.to_meta()[0][:4] == [22, 27, 42, 37]
