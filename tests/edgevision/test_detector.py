import hashlib
import threading
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx_models import constant_model

from edgevision.detector import Detector
from edgevision.errors import ManifestError, ModelError, VisionError
from edgevision.frame import Frame
from edgevision.letterbox import InputSpec
from edgevision.manifest import Manifest, ModelInfo, OutputSpec
from edgevision.session import threads_for_box

CLASSES = ("a", "b")


def rows(*boxes):
    out = np.zeros((1, 6, 84), np.float32)
    for k, (x1, y1, x2, y2, score, cls) in enumerate(boxes):
        out[0, :4, k] = [(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1]
        out[0, 4 + cls, k] = score
    return out


def folder_with(tmp_path, batch=1, **info):
    path = constant_model(tmp_path / "model.onnx", {"output0": rows((16, 16, 48, 40, 0.9, 1))}, batch=batch)
    data = path.read_bytes()
    model = ModelInfo("m", "1", 1, "model.onnx", hashlib.sha256(data).hexdigest(), len(data))
    manifest = Manifest(replace(model, **info), InputSpec(64, 64), OutputSpec("yolov8", CLASSES))
    manifest.write(tmp_path)
    return tmp_path


def test_boxes_are_in_frame_pixels_whatever_the_size_and_format(tmp_path):
    with Detector(folder_with(tmp_path), threads=1) as detector:
        assert detector.warm_up() > 0
        bgr = Frame.from_array(np.zeros((128, 128, 3), np.uint8))
        wide = Frame.from_array(np.zeros((64, 128, 3), np.uint8))
        nv12 = Frame.of(np.zeros(128 * 128 * 3 // 2, np.uint8), "nv12", 128, 128)
        one, two, three = detector.detect([bgr, wide, nv12])
    assert one.to_meta()[0][:4] == [32, 32, 96, 80] and one == three
    assert two.to_meta()[0][:4] == [32, 0, 96, 48]  # 16 rows of fill above
    assert one.classes.tolist() == [1]


def brightness_model(path, kind):
    """One box whose score is how bright the input is, with numbers of the given kind in, within and out."""
    def constant(name, value):
        return onnx.numpy_helper.from_array(value.astype(onnx.helper.tensor_dtype_to_np_dtype(kind)), name)
    box = rows((16, 16, 48, 40, 1.0, 1))[..., :1]
    score = np.where(np.arange(6) == 5, 1, 0).reshape(1, 6, 1)
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("ReduceMean", ["images"], ["mean"], axes=[1, 2, 3], keepdims=0),
         onnx.helper.make_node("Mul", ["mean", "where"], ["scored"]),
         onnx.helper.make_node("Add", ["scored", "box"], ["one"]),
         onnx.helper.make_node("Concat", ["one", "none"], ["output0"], axis=2)],
        "brightness", [onnx.helper.make_tensor_value_info("images", kind, [1, 3, 64, 64])],
        [onnx.helper.make_tensor_value_info("output0", kind, [1, 6, 84])],
        [constant("where", score), constant("box", box * (1 - score)), constant("none", np.zeros((1, 6, 83)))])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)])
    model.ir_version = 7
    onnx.save(model, str(path))
    return path


@pytest.mark.parametrize("written", [True, False])
def test_half_precision_gives_what_full_precision_gives(tmp_path, written):
    frame = Frame.from_array(np.random.default_rng(1).integers(100, 255, (64, 64, 3), np.uint8))
    found = []
    for name, kind in (("full", onnx.TensorProto.FLOAT), ("half", onnx.TensorProto.FLOAT16)):
        (tmp_path / name).mkdir()
        path = brightness_model(tmp_path / name / "model.onnx", kind)
        if written:
            manifest = Manifest(ModelInfo("m", "1"), InputSpec(64, 64), OutputSpec("yolov8", CLASSES))
            manifest.write(path.parent)
            path = path.parent
        with Detector(path, threads=1) as detector:
            found += detector.detect([frame])
    full, half = found
    assert full.boxes.tolist() == half.boxes.tolist() == [[16, 16, 48, 40]]
    assert half.scores.dtype == np.float32 and half.scores[0] == pytest.approx(full.scores[0], abs=1e-3)
    assert full.scores[0] == pytest.approx(177 / 255, abs=0.01)


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (7680, 4320)])
def test_odd_sizes_of_frames(tmp_path, size):
    with Detector(folder_with(tmp_path), threads=1) as detector:
        frame = Frame.from_array(np.zeros((size[1], size[0], 3), np.uint8))
        for box, _, _ in detector.detect([frame])[0]:
            assert 0 <= box[0] < box[2] <= size[0] and 0 <= box[1] < box[3] <= size[1]


def test_no_frames_no_answers(tmp_path):
    with Detector(folder_with(tmp_path), threads=1) as detector:
        assert detector.detect([]) == []


def test_threads_do_not_mix_up_frames(tmp_path):
    frames = [Frame.from_array(np.zeros((64 * k, 64 * k, 3), np.uint8)) for k in (1, 2, 3, 4)]
    wrong = []
    with Detector(folder_with(tmp_path), threads=1) as detector:
        def work(k):
            for _ in range(40):
                if detector.detect([frames[k]])[0].boxes[0, 0] != 16 * (k + 1):
                    wrong.append(k)
        workers = [threading.Thread(target=work, args=(k,)) for k in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert not wrong


def test_closing_releases_and_says_so(tmp_path):
    detector = Detector(folder_with(tmp_path), threads=1)
    detector.close()
    with pytest.raises(ModelError, match="closed"):
        detector.detect([Frame.from_array(np.zeros((8, 8, 3), np.uint8))])


def test_a_file_that_is_not_the_manifests(tmp_path):
    folder_with(tmp_path)
    (tmp_path / "model.onnx").write_bytes((tmp_path / "model.onnx").read_bytes() + b"\0")
    with pytest.raises(ManifestError, match="bytes"):
        Detector(tmp_path)
    folder_with(tmp_path, sha256="0" * 64)
    with pytest.raises(ManifestError, match="sha256 0000"):
        Detector(tmp_path)


def test_missing_alien_empty_and_truncated_files(tmp_path):
    good = folder_with(tmp_path / "with space \u00e9" if (tmp_path / "with space \u00e9").mkdir() is None else tmp_path)
    with Detector(good, threads=1) as detector:
        detector.warm_up()
    data = (good / "model.onnx").read_bytes()
    cases = {"missing": None, "empty": b"", "text": b"this is not a model at all, far from it",
             "zip": b"PK\x03\x04" + b"x" * 500, "half": data[:len(data) // 2], "lfs": b"version https://git-lfs.github.com/spec",
             "noise": np.random.default_rng(0).integers(0, 255, 4000, np.uint8).tobytes()}
    for name, content in cases.items():
        path = tmp_path / (name + ".onnx")
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(VisionError) as error:
            Detector(path)
        assert name + ".onnx" in str(error.value), name


def test_external_data_is_refused(tmp_path):
    model = onnx.load(str(constant_model(tmp_path / "m.onnx", {"output0": rows()})))
    onnx.save(model, str(tmp_path / "x.onnx"), save_as_external_data=True, location="weights.bin", size_threshold=0)
    with pytest.raises(ModelError, match=r"weights\.bin"):
        Detector(tmp_path / "x.onnx")


@pytest.mark.parametrize("spec, words", [
    (InputSpec(32, 64), r"\(batch, 3, 64, 32\)"), (InputSpec(64, 64, type="uint8"), "uint8"),
    (InputSpec(64, 64, layout="nhwc"), r"\(batch, 64, 64, 3\)")])
def test_an_input_that_differs_from_the_manifest(tmp_path, spec, words):
    path = constant_model(tmp_path / "m.onnx", {"output0": rows()})
    with pytest.raises(ManifestError, match=words):
        Detector(path, Manifest(ModelInfo("m", "1"), spec, OutputSpec("yolov8", CLASSES)))


def test_threads_leave_a_core_for_the_decoder():
    assert [threads_for_box(n) for n in (1, 2, 4, 64)] == [1, 1, 3, 8]


@pytest.mark.parametrize("batch", ["batch", 2])
def test_batches(tmp_path, batch):
    """The constant model always answers for one picture; with a batch of two only the first has an answer."""
    with Detector(folder_with(tmp_path, batch=batch), threads=1) as detector:
        frames = [Frame.from_array(np.zeros((64, 64, 3), np.uint8))] * 3
        assert len(detector.detect(frames)) == 3
        assert detector.batch == (2 if batch == 2 else None)
