"""Every head through the detector, on tiny models that put out the layout of a real export."""
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_models import constant_model

from edgevision.detector import Detector
from edgevision.errors import ManifestError, ModelError
from edgevision.frame import Frame
from edgevision.heads.yolov3 import SEDNA_ANCHORS
from edgevision.letterbox import InputSpec
from edgevision.manifest import Manifest, ModelInfo, OutputSpec

SIZE = 64
CLASSES = ("person", "helmet", "helmet_on", "helmet_off")
WANT = [[8.0, 16.0, 24.0, 40.0, 0.9, 2], [32.0, 8.0, 60.0, 48.0, 0.8, 0]]
FRAME = Frame.from_array(np.zeros((SIZE, SIZE, 3), np.uint8))


def logit(p):
    return np.log(p / (1 - p))


def manifest(head, classes=CLASSES, **changes):
    return Manifest(ModelInfo("m", "1"), InputSpec(SIZE, SIZE, **changes), OutputSpec(head, tuple(classes), 0.3, 0.4))


def detect(path, head, classes=CLASSES, **changes):
    with Detector(path, manifest(head, classes, **changes), threads=1) as detector:
        return detector.detect([FRAME])[0]


def same(detections, want, atol=0.02):
    got = sorted(detections.to_meta())
    assert np.allclose(np.array(got).reshape(-1, 6), np.array(sorted(want)).reshape(-1, 6), atol=atol), got


def centre_size(box):
    x1, y1, x2, y2 = box[:4]
    return [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]


def one_hot(cls, value, low=0.0, count=4):
    row = [low] * count
    row[cls] = value
    return row


def test_yolov8(tmp_path):
    rows = np.zeros((1, 8, 84), np.float32)
    for k, want in enumerate(WANT):
        rows[0, :, 10 + k] = centre_size(want) + one_hot(want[5], want[4])
        rows[0, :, 40 + k] = centre_size(np.array(want[:4]) + 1) + one_hot(want[5], want[4] - 0.2)  # a second guess
    same(detect(constant_model(tmp_path / "m.onnx", {"output0": rows}), "yolov8"), WANT)


def test_yolo11_is_the_same_layout(tmp_path):
    rows = np.zeros((1, 8, 84), np.float32)
    rows[0, :, 0] = centre_size(WANT[0]) + one_hot(2, 0.9)
    same(detect(constant_model(tmp_path / "m.onnx", {"output0": rows}), "yolo11"), WANT[:1])


def test_yolov5(tmp_path):
    rows = np.zeros((1, 252, 9), np.float32)
    for k, want in enumerate(WANT):
        rows[0, k] = [*centre_size(want), 0.95, *one_hot(want[5], want[4] / 0.95)]
    rows[0, 9] = [*centre_size([0, 0, 9, 9]), 0.2, *one_hot(1, 1.0)]  # too little objectness
    same(detect(constant_model(tmp_path / "m.onnx", {"output": rows}), "yolov5"), WANT)


def test_sednas_big_net_in_three_decoded_parts(tmp_path):
    parts = {"pred_%s" % n: np.zeros((1, s, s, 3, 9), np.float32) for n, s in (("s", 8), ("m", 4), ("l", 2))}
    parts["pred_m"][0, 1, 2, 0] = [*centre_size(WANT[0]), 0.9, *one_hot(2, 1.0)]
    parts["pred_l"][0, 1, 1, 2] = [*centre_size(WANT[1]), 0.8, *one_hot(0, 1.0)]
    same(detect(constant_model(tmp_path / "m.onnx", parts), "yolov5"), WANT)


@pytest.mark.parametrize("channels_last", [True, False])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_yolov3_with_sednas_anchors(tmp_path, channels_last, order):
    assert SEDNA_ANCHORS[-1] == (163, 326)
    maps = [np.full((1, s, s, 27), -9, np.float32) for s in (8, 4, 2)]
    want = []
    for level, (y, x, a, cls) in enumerate([(3, 5, 1, 2), (1, 2, 0, 0), (1, 0, 2, 3)]):
        cell = maps[level][0, y, x].reshape(3, 9)
        anchor = SEDNA_ANCHORS[level * 3 + a]
        w, h = 20.0, 12.0 + level
        cell[a] = [logit(0.25), logit(0.75), np.log(w / anchor[0]), np.log(h / anchor[1]), logit(0.9),
                   *one_hot(cls, logit(0.8), -9)]
        step = SIZE / maps[level].shape[1]
        cx, cy = (x + 0.25) * step, (y + 0.75) * step
        want.append([max(0, cx - w / 2), cy - h / 2, cx + w / 2, min(SIZE, cy + h / 2), 0.72, cls])
    outputs = {"map%d" % k: maps[k] if channels_last else maps[k].transpose(0, 3, 1, 2) for k in order}
    same(detect(constant_model(tmp_path / "m.onnx", outputs), "yolov3"), want)


def test_yolov3_counts_every_class_above_the_threshold(tmp_path):
    maps = [np.full((1, s, s, 27), -9, np.float32) for s in (8, 4, 2)]
    maps[0][0, 3, 3].reshape(3, 9)[0] = [0, 0, 0, 0, 9, 2, -9, 1, -9]
    path = constant_model(tmp_path / "m.onnx", {"m%d" % k: m for k, m in enumerate(maps)})
    assert sorted(detect(path, "yolov3").classes.tolist()) == [0, 2]


def test_yolox(tmp_path):
    cells = np.full((1, 84, 9), -4, np.float32)  # 8x8, 4x4 and 2x2 cells
    cells[..., 4:] = 0
    for row, stride, x, y, want in ((64 + 1 * 4 + 2, 16, 2, 1, WANT[0]), (3, 8, 3, 0, WANT[1])):
        cx, cy, w, h = centre_size(want)
        cells[0, row] = [cx / stride - x, cy / stride - y, np.log(w / stride), np.log(h / stride), 1.0,
                         *one_hot(want[5], want[4])]
    same(detect(constant_model(tmp_path / "m.onnx", {"output": cells}), "yolox"), WANT)


def test_yolonas_raw_is_thinned_out(tmp_path):
    boxes, scores = np.zeros((1, 84, 4), np.float32), np.zeros((1, 84, 4), np.float32)
    for k, want in enumerate(WANT):
        boxes[0, 5 + k], scores[0, 5 + k] = want[:4], one_hot(want[5], want[4])
        boxes[0, 50 + k], scores[0, 50 + k] = np.array(want[:4]) + 1, one_hot(want[5], want[4] - 0.2)
    same(detect(constant_model(tmp_path / "m.onnx", {"1135": boxes, "1127": scores}), "yolonas"), WANT)
    same(detect(constant_model(tmp_path / "n.onnx", {"a": scores[..., :3], "b": boxes}), "yolonas", CLASSES[:3]), WANT)


def test_yolonas_after_its_own_nms_keeps_what_that_kept(tmp_path):
    near = [*(np.array(WANT[0][:4]) + 1), 0.7, 2]
    rows = np.array([*WANT, near, [0, 0, 9, 9, 0.1, 1]], np.float32)
    flat = np.insert(rows, 0, 0, axis=1)
    same(detect(constant_model(tmp_path / "m.onnx", {"o": flat}, declared={"o": ["n", 7]}), "yolonas"), [*WANT, near])
    rest = np.full((3, 6), 7, np.float32)       # what lies behind the count is anything
    full = np.concatenate((rows, rest))[None]
    outputs = {"count": np.array([[4]], np.int64), "boxes": full[..., :4], "scores": full[..., 4],
               "classes": full[..., 5].astype(np.int64)}
    same(detect(constant_model(tmp_path / "n.onnx", outputs), "yolonas"), [*WANT, near])
    outputs["count"][:] = 8
    with pytest.raises(ModelError, match="counts 8 boxes and puts out 7"):
        detect(constant_model(tmp_path / "o.onnx", outputs), "yolonas")


def test_end2end_keeps_overlapping_boxes(tmp_path):
    rows = np.zeros((1, 300, 6), np.float32)
    rows[0, :2] = WANT
    rows[0, 2] = [9, 16, 24, 40, 0.7, 2]  # its NMS is done: this one stays
    same(detect(constant_model(tmp_path / "m.onnx", {"output0": rows}), "end2end"), [*WANT, rows[0, 2].tolist()])


def test_end2end_of_yolov7(tmp_path):
    rows = np.array([[0, *w[:4], w[5], w[4]] for w in WANT], np.float32)
    same(detect(constant_model(tmp_path / "m.onnx", {"output": rows}, declared={"output": ["n", 7]}), "end2end"), WANT)


def test_end2end_with_a_class_that_has_no_name(tmp_path):
    rows = np.zeros((1, 10, 6), np.float32)
    rows[0, 0] = [0, 0, 5, 5, 0.9, 7]
    with pytest.raises(ModelError, match=r"class 7.*4 classes"):
        detect(constant_model(tmp_path / "m.onnx", {"output0": rows}), "end2end")


@pytest.mark.parametrize("extra", [0, 1])
@pytest.mark.parametrize("boxes_first", [True, False])
def test_detr_with_sigmoid_or_softmax(tmp_path, extra, boxes_first):
    logits = np.full((1, 20, 4 + extra), -9, np.float32)
    boxes = np.full((1, 20, 4), 0.5, np.float32)
    if extra:
        logits[:, :, -1] = 9
    for k, want in enumerate(WANT):
        boxes[0, k] = np.array(centre_size(want)) / SIZE
        if extra:
            logits[0, k] = [*one_hot(want[5], np.log(want[4]), -50), np.log(1 - want[4])]
        else:
            logits[0, k, want[5]] = logit(want[4])
    parts = {"logits": logits, "pred_boxes": boxes}
    if boxes_first and extra:
        parts = {"pred_boxes": boxes, "logits": logits}
    same(detect(constant_model(tmp_path / "m.onnx", parts), "detr", letterbox="stretch"), WANT)


def test_detr_in_one_output(tmp_path):
    rows = np.zeros((1, 300, 8), np.float32)
    for k, want in enumerate(WANT):
        rows[0, k] = [*(np.array(centre_size(want)) / SIZE), *one_hot(want[5], want[4])]
    same(detect(constant_model(tmp_path / "m.onnx", {"output0": rows}), "detr"), WANT)


def test_detr_with_labels_boxes_scores_and_a_size_input(tmp_path):
    path = constant_model(tmp_path / "m.onnx", {
        "labels": np.array([[w[5] for w in WANT]], np.int64), "boxes": np.array([[w[:4] for w in WANT]], np.float32),
        "scores": np.array([[w[4] for w in WANT]], np.float32)}, extra_inputs=[("size", TensorProto.INT64, [1, 2])])
    same(detect(path, "detr"), WANT)


def sednas_inference_graph(path, width, height, labels=(2, 0, 1), names=("classes", "scores", "boxes")):
    """A net of Sedna's helmet example after its export: what it finds scales with the size that it is fed."""
    found = [[w[1] / 64, w[0] / 64, w[3] / 64, w[2] / 64] for w in WANT] + [[0.0, 0.0, 0.5, 0.5]]
    values = {"found": np.array(found, np.float32), "ready_classes": np.array(labels, np.int32),
              "ready_scores": np.array([0.9, 0.8, 0.2], np.float32)}
    nodes = [helper.make_node("Cast", ["shapes"], ["size"], to=TensorProto.FLOAT),
             helper.make_node("Concat", ["size", "size"], ["twice"], axis=0),
             helper.make_node("ReduceMax", ["images"], ["most"], keepdims=0),   # a grey picture's is 1
             helper.make_node("Mul", ["found", "twice"], ["in_pixels"]),
             helper.make_node("Mul", ["in_pixels", "most"], ["boxes"]),
             helper.make_node("Identity", ["ready_classes"], ["classes"]),
             helper.make_node("Identity", ["ready_scores"], ["scores"])]
    outputs = {"classes": (TensorProto.INT32, ["n"]), "scores": (TensorProto.FLOAT, ["n"]),
               "boxes": (TensorProto.FLOAT, ["n", 4])}
    graph = helper.make_graph(
        nodes, "sedna", [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, height, width, 3]),
                         helper.make_tensor_value_info("shapes", TensorProto.INT32, [2])],
        [helper.make_tensor_value_info(name, *outputs[name]) for name in names],
        [numpy_helper.from_array(value, name) for name, value in values.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 7
    onnx.save(model, str(path))
    return path


@pytest.mark.parametrize("names", [("classes", "scores", "boxes"), ("boxes", "scores", "classes")])
def test_sednas_helmet_net_as_it_is_deployed(tmp_path, names):
    """Size and picture in, boxes as top, left, bottom, right out, several frames in one call."""
    about = Manifest(ModelInfo("m", "1"), InputSpec(128, 64, "nhwc"), OutputSpec("yolov3_nms", CLASSES, 0.3, 0.4))
    white = np.full((64, 128, 3), 255, np.uint8)
    wide = [[w[0] * 2, w[1], w[2] * 2, w[3], w[4], w[5]] for w in WANT]
    with Detector(sednas_inference_graph(tmp_path / "m.onnx", 128, 64, names=names), about, threads=1) as detector:
        one, two = detector.detect([Frame.from_array(white), Frame.from_array(white.repeat(2, 0).repeat(2, 1))])
    same(one, wide)
    same(two, [[2 * v for v in w[:4]] + w[4:] for w in wide])


def test_sednas_helmet_net_with_a_class_that_has_no_name(tmp_path):
    about = Manifest(ModelInfo("m", "1"), InputSpec(64, 64, "nhwc"), OutputSpec("yolov3_nms", CLASSES[:2], 0.3, 0.4))
    with Detector(sednas_inference_graph(tmp_path / "m.onnx", 64, 64), about, threads=1) as detector:
        with pytest.raises(ModelError, match=r"yolov3_nms: the model found class 2.*2 classes"):
            detector.warm_up()


def test_sednas_helmet_net_without_its_size_input(tmp_path):
    """Other detectors put out the same three shapes, with x and y the other way round."""
    path = constant_model(tmp_path / "m.onnx", {
        "boxes": np.zeros((3, 4), np.float32), "labels": np.zeros(3, np.int64), "scores": np.ones(3, np.float32)})
    with pytest.raises(ManifestError, match="input for the picture's size"):
        Detector(path, manifest("yolov3_nms"), threads=1)


def test_rtdetr_as_chosen_rows(tmp_path):
    rows = np.zeros((1, 300, 6), np.float32)
    for k, want in enumerate(WANT):
        rows[0, k] = [*(np.array(centre_size(want)) / SIZE), want[4], want[5]]
    same(detect(constant_model(tmp_path / "m.onnx", {"output0": rows}), "rtdetr", letterbox="stretch"), WANT)


@pytest.mark.parametrize("head, score", [("yolov5", 0.36), ("yolov7", 0.9)])
def test_one_class_of_yolov5_and_of_yolov7(tmp_path, head, score):
    rows = np.zeros((1, 252, 6), np.float32)
    rows[0, 7] = [*centre_size(WANT[0]), 0.9, 0.4]
    same(detect(constant_model(tmp_path / "m.onnx", {"o": rows}), head, ("helmet",)), [[*WANT[0][:4], score, 0]])


def test_raw_maps_beside_the_decoded_table_are_not_read(tmp_path):
    table = np.zeros((1, 252, 9), np.float32)
    table[0, 3] = [*centre_size(WANT[0]), 0.9, *one_hot(2, 1.0)]
    parts = {"table": table, **{"raw%d" % n: np.full((1, 3, n, n, 9), 5, np.float32) for n in (8, 4, 2)}}
    same(detect(constant_model(tmp_path / "m.onnx", parts), "yolov5"), WANT[:1])


@pytest.mark.parametrize("activation, found", [("sigmoid", 1), ("softmax", 0), ("", 0)])
def test_the_activation_of_detrs_logits_may_be_said(tmp_path, activation, found):
    """RF-DETR has one logit more than classes and sigmoids all the same."""
    logits, boxes = np.full((1, 20, 5), 0.8, np.float32), np.full((1, 20, 4), 0.5, np.float32)
    logits[0, 1:] = -9
    path = constant_model(tmp_path / "m.onnx", {"labels": logits, "dets": boxes})
    about = Manifest(ModelInfo("m", "1"), InputSpec(SIZE, SIZE), OutputSpec("detr", CLASSES, 0.3, 0.4,
                                                                           activation=activation))
    with Detector(path, about, threads=1) as detector:
        assert len(detector.detect([FRAME])[0]) == found


def table(*shape, **values):
    rows = np.zeros(shape, np.float32)
    for column, value in values.items():
        rows[..., int(column[1:])] = value
    return rows


@pytest.mark.parametrize("head, outputs, words", [
    ("yolov5", {"raw": np.full((1, 3, 8, 8, 9), -3, np.float32)}, r"scores go from -3 to -3.*raw maps"),
    ("yolov5", {"o": table(1, 252, 9, c4=0.9, c5=7)}, "from 0 to 7"),
    ("yolov8", {"o": np.full((1, 8, 84), 338, np.float32)}, "338"),
    ("yolox", {"o": table(1, 84, 9, c4=4)}, "scores go from 4"),
    ("end2end", {"o": table(1, 300, 6, c4=12)}, "12"),
    ("end2end", {"o": table(1, 300, 6, c4=0.9, c5=0.4)}, "not whole .0.4"),
    ("yolonas", {"b": table(1, 84, 4, c2=0.4, c3=0.6), "s": table(1, 84, 4, c1=0.9)}, "end at 0.6, as shares"),
    ("yolonas", {"b": table(1, 84, 4, c2=30, c3=60), "s": table(1, 84, 4, c1=-3)}, "from -3 to 0"),
    ("yolonas", {"o": table(9, 7, c3=30, c4=30, c5=2, c6=0.9)}, "scores go from 2 to 2"),
    ("end2end", {"o": table(9, 7, c3=30, c4=30, c5=0.9, c6=2)}, "scores go from 2 to 2"),
    ("rtdetr", {"o": table(1, 300, 6, c2=44, c4=0.9)}, "boxes reach 44"),
    ("detr", {"o": table(1, 300, 8, c2=50, c4=0.9)}, "boxes reach 50"),
    ("detr", {"boxes": table(1, 300, 4), "scores": np.ones((1, 300), np.float32),
              "labels": np.full((1, 300), 7, np.int64)}, "class 7.*4 classes"),
])
def test_numbers_that_belong_to_another_head_are_an_error(tmp_path, head, outputs, words):
    with pytest.raises(ModelError, match=words):
        detect(constant_model(tmp_path / "m.onnx", outputs), head)


@pytest.mark.parametrize("head, shape, words", [
    ("yolov8", (1, 10, 84), "4 classes need 8 numbers a box, the model has 10 .enough for 6"),
    ("yolov8", (1, 84), "3 dimensions"),
    ("yolov5", (1, 84, 8), "need 9 numbers"),
    ("yolov5", (84, 9), "3 or 5 dimensions"),
    ("yolov3", (1, 8, 8, 27), "9 anchors cannot be shared|27 channels|need 81"),
    ("yolox", (1, 99, 9), "84 or 85 cells"),
    ("end2end", (1, 10, 5), "6 numbers"),
    ("detr", (1, 10, 5), "need 8 numbers"),
    ("yolonas", (1, 10, 7), "boxes, 7"),
    ("yolov3_nms", (1, 10, 4), "two outputs of 1 dimension and one of 2"),
])
def test_shapes_that_do_not_fit_are_refused_on_loading(tmp_path, head, shape, words):
    path = constant_model(tmp_path / "m.onnx", {"output0": np.zeros(shape, np.float32)})
    with pytest.raises(ManifestError, match=words) as error:
        Detector(path, manifest(head), threads=1)
    assert "m.onnx" in str(error.value)


def test_what_the_model_leaves_open_is_checked_on_the_first_frame(tmp_path):
    """onnxruntime works out most shapes; here it cannot, since the size depends on the values."""
    nodes = [helper.make_node("ReduceMax", ["images"], ["most"], keepdims=0),
             helper.make_node("Cast", ["most"], ["whole"], to=TensorProto.INT64),
             helper.make_node("Unsqueeze", ["whole", "axis"], ["more"]),
             helper.make_node("Concat", ["one", "ten", "more"], ["shape"], axis=0),
             helper.make_node("Expand", ["one_value", "shape"], ["output0"])]
    whole = {"axis": 0, "one": 1, "ten": 10}
    store = [*(numpy_helper.from_array(np.array([value], np.int64), name) for name, value in whole.items()),
             numpy_helper.from_array(np.ones((1, 1, 1), np.float32), "one_value")]
    graph = helper.make_graph(
        nodes, "open", [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, ["a", "b", "c"])], store)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 7
    onnx.save(model, str(tmp_path / "m.onnx"))
    with pytest.raises(ManifestError, match="10"):
        with Detector(tmp_path / "m.onnx", manifest("yolov8", scale=(1.0, 1.0, 1.0)), threads=1) as detector:
            detector.warm_up()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_none_are_an_error(tmp_path, bad):
    rows = np.zeros((1, 8, 84), np.float32)
    rows[0, 3, 7] = bad
    with pytest.raises(ModelError, match="1 of 672 values"):
        detect(constant_model(tmp_path / "m.onnx", {"output0": rows}), "yolov8")
