import ast
from pathlib import Path

import numpy as np
import pytest
from onnx_models import constant_model

from edgevision.detector import Detector
from edgevision.errors import ManifestError
from edgevision.guess import Signature, guess

NAMES = {"names": "{0: 'person', 1: 'helmet', 2: 'helmet_on', 3: 'helmet_off'}", "task": "detect"}


EIGHTY = {"names": str({k: "thing %d" % k for k in range(80)}), "task": "detect"}
TWO = {"names": "{0: 'helmet', 1: 'head'}", "task": "detect"}
ONE = {"names": "{0: 'helmet'}", "stride": "32"}
YOLO = {"description": "Ultralytics YOLOv10n-2c model trained on site.yaml"}     # since 8.0
RTDETR = {"description": "Ultralytics rtdetr-l model "}


def signature(shapes, size=(640, 640), metadata=None, operators=(), last=""):
    return Signature([("images", [1, 3, size[1], size[0]], "float32")],
                     [("output%d" % k, list(s), "float32") for k, s in enumerate(shapes)], metadata or {},
                     frozenset(operators), last)


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
    ([(1, 84, 34000)], EIGHTY, "yolov8", 80, "rgb", "center"),
    ([(1, 84, 2000)], EIGHTY, "yolov8", 80, "rgb", "center"),
    ([(1, 25500, 85)], EIGHTY, "yolov5", 80, "rgb", "center"),
    ([(1, 25200, 6)], ONE, "yolov5", 1, "rgb", "center"),
    ([(1, 1500, 6)], {**EIGHTY, "head": "Detect"}, "end2end", 80, "rgb", "center"),
    ([(1, 300, 6)], {**TWO, "head": "v10Detect"}, "end2end", 2, "rgb", "center"),
    ([(1, 300, 6)], {**TWO, **YOLO}, "end2end", 2, "rgb", "center"),
    ([(None, None, 6)], {**EIGHTY, **YOLO}, "end2end", 80, "rgb", "center"),
    ([(1, 300, 6)], {**EIGHTY, "head": "RTDETRDecoder"}, "rtdetr", 80, "rgb", "stretch"),
    ([(None, None, 6)], {**TWO, "head": "RTDETRDecoder"}, "rtdetr", 2, "rgb", "stretch"),
    ([(1, 300, 6)], {**TWO, **RTDETR}, "detr", 2, "rgb", "stretch"),
    ([(None, None, 84)], {**EIGHTY, **RTDETR}, "detr", 80, "rgb", "stretch"),
])
def test_common_exports(shapes, metadata, head, classes, color, box):
    manifest = guess(Path("m.onnx"), signature(shapes, metadata=metadata))
    assert (manifest.output.head, len(manifest.output.classes), manifest.input.color, manifest.input.letterbox) == (
        head, classes, color, box)
    if metadata:
        assert manifest.output.classes[0] == ast.literal_eval(metadata["names"])[0]


@pytest.mark.parametrize("shapes, metadata, words", [
    ([(1, 300, 6)], {}, "how many classes"),
    ([(1, 123, 45)], {}, "fit no known detector"),
    ([(1, 1000)], {}, "no detector that is known"),
    ([(1, 3, 80, 80, 85)] * 3, {}, "raw or decoded"),
    ([(1, 116, 8400)], {"task": "segment"}, "segment"),
    ([(1, 84, 8400)], NAMES, r"of 4 classes.*yolov8. .80 classes"),
    ([(1, 100, 92), (1, 100, 4)], {}, "how many of the logits"),
    ([(1, 300, 6)], TWO, r"box and its scores.*end2end.*rtdetr.*detr"),
    ([(1, 25200, 6)], {}, r"YOLOv7 takes the first.*yolov7. .1 class"),
    ([(None, None, 85)], {}, "number of its boxes is open"),
    ([(1, 25200, 85), (1, 3, 80, 80, 85), (1, 3, 40, 40, 85), (1, 3, 20, 20, 85)], {}, r"yolov5. .80 classes"),
    ([(1, 300), (1, 300, 4), (1, 300)], {}, r"read such outputs: .detr."),
])
def test_what_cannot_be_known_is_not_guessed(shapes, metadata, words):
    with pytest.raises(ManifestError, match=words) as error:
        guess(Path("m.onnx"), signature(shapes, metadata=metadata))
    assert "m.onnx" in str(error.value) and "manifest.toml" in str(error.value)


def test_yolox_with_its_decoding_inside_is_not_taken_for_a_raw_one():
    """Decoded YOLOX and YOLOv6 have the shape of a raw YOLOX; their operators tell them apart from it."""
    shapes = [(1, 8400, 85)]
    raw = signature(shapes, operators=("Conv", "Concat", "Transpose"), last="Transpose")
    assert guess(Path("m.onnx"), raw).output.head == "yolox"
    for operators, last in ((("Conv", "Exp", "Transpose"), "Transpose"), (("Conv", "Concat"), "Concat")):
        with pytest.raises(ManifestError, match=r"YOLOX with its decoding.*YOLOv6.*yolov5"):
            guess(Path("m.onnx"), signature(shapes, operators=operators, last=last))


def test_small_inputs_where_rows_and_columns_are_as_many():
    with pytest.raises(ManifestError, match="by columns"):
        guess(Path("m.onnx"), signature([(1, 84, 84)], size=(64, 64), metadata=EIGHTY))
    named = signature([(1, 84, 84)], size=(64, 64), metadata={**EIGHTY, "head": "Detect"})
    assert guess(Path("m.onnx"), named).output.head == "yolov8"
    with pytest.raises(ManifestError, match="fit no known detector"):
        guess(Path("m.onnx"), signature([(1, 300, 300)]))


def test_names_that_make_no_sense_do_no_harm():
    for names in ("{0: 'a', 900000000000: 'b'}", "{-1: 'a'}", "[" * 5000):
        with pytest.raises(ManifestError):
            guess(Path("m.onnx"), signature([(1, 300, 6)], metadata={"names": names}))
    assert guess(Path("m.onnx"), signature([(1, 6, 8400)], metadata={"names": "{0: '', 1: 'b'}"})
                 ).output.classes == ("class_0", "b")


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
