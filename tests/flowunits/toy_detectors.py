"""Model folders for tests of swaps: detectors with a yolov8 head that find one box in each frame, whatever it shows."""
import hashlib
import shutil
from pathlib import Path

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MANIFEST = """[model]
name = "toy"
version = "%s"
file = "model.onnx"
sha256 = "%s"
[input]
width = %d
height = %d
[output]
head = "yolov8"
classes = [%s]
score_threshold = 0.3
nms_threshold = 0.5
"""


def toy_detector(folder, version, score=0.9, box=(32.0, 24.0, 20.0, 20.0), size=(64, 64), classes=("person", "helmet"),
                 golden=True, passes=0, sha256=None, blind_above=None, nan_above=None):
    """A model folder, complete when it appears under its name. `score` may be NaN; `passes` makes the model slow.

    In frames that are brighter than `blind_above` (0 to 1) it finds nothing, than `nan_above` its numbers are NaN.
    `box` is centre, width and height as shares of 64 of the input, so that models of any input size find the same.
    """
    folder = Path(folder)
    room = folder.with_name("." + folder.name)
    room.mkdir(parents=True)
    cells = size[0] * size[1] // 64
    rows = np.zeros((1, 4 + len(classes), cells), np.float32)
    rows[0, :4, 0] = np.array(box, np.float32) * np.array([size[0], size[1], size[0], size[1]], np.float32) / 64
    rows[0, 4, 0] = score
    nodes = []
    last = "images"
    for number in range(passes):
        nodes.append(helper.make_node("Conv", [last, "weights"], ["c%d" % number], pads=[2, 2, 2, 2]))
        last = "c%d" % number
    nodes += [
        helper.make_node("ReduceMean", [last], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["rows", "nothing"], ["usual"]),
        helper.make_node("ReduceMean", ["images"], ["light"], keepdims=0),
        helper.make_node("Greater", ["light", "blind_above"], ["blind"]),
        helper.make_node("Where", ["blind", "zeros", "usual"], ["seen"]),
        helper.make_node("Greater", ["light", "nan_above"], ["broken"]),
        helper.make_node("Where", ["broken", "nans", "seen"], ["output0"]),
    ]
    weights = np.random.default_rng(1).normal(0, 0.01, (3, 3, 5, 5)).astype(np.float32)
    store = [numpy_helper.from_array(value, name) for name, value in (
        ("zero", np.array(0, np.float32)), ("rows", rows), ("weights", weights), ("zeros", np.zeros_like(rows)),
        ("nans", np.full_like(rows, np.nan)),
        ("blind_above", np.array(9 if blind_above is None else blind_above, np.float32)),
        ("nan_above", np.array(9 if nan_above is None else nan_above, np.float32)))]
    graph = helper.make_graph(
        nodes, "toy", [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, size[1], size[0]])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, list(rows.shape))], store)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 7
    data = model.SerializeToString()
    onnx.checker.check_model(model)
    (room / "model.onnx").write_bytes(data)
    (room / "manifest.toml").write_text(MANIFEST % (
        version, sha256 or hashlib.sha256(data).hexdigest(), *size,
        ", ".join('"%s"' % name for name in classes)), encoding="utf-8")
    if golden:
        (room / "golden").mkdir()
        for number in range(2):
            cv2.imwrite(str(room / "golden" / ("%02d.jpg" % number)), np.full((48, 64, 3), 90 + number, np.uint8))
    shutil.rmtree(str(folder), ignore_errors=True)
    room.rename(folder)
    return folder
