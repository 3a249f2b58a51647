import pytest

from edgevision.errors import ManifestError
from edgevision.letterbox import InputSpec
from edgevision.manifest import Manifest, ModelInfo, OutputSpec

GOOD = """[model]
name = "little"
version = "1"
[input]
width = 640
height = 352
[output]
head = "yolov8"
classes = ["person", "helmet"]
"""


def test_written_is_read_again(tmp_path):
    manifest = Manifest(ModelInfo("a", "v2", 7, "m.onnx", "ab" * 32, 5, "v1", "Apache-2.0"),
                        InputSpec(64, 32, "nhwc", "bgr", "float32", (1.5, 2, 3), (0.1, 1 / 3, 1), 114, "topleft"),
                        OutputSpec("yolov3", ("x", "y"), 0.25, 0.5, ((10, 13), (16, 30))), {"day": {"mAP50": 0.9}})
    manifest.write(tmp_path)
    again = Manifest.read(tmp_path)
    assert (again.model, again.input, again.output, again.metrics["day"]["mAP50"], again.folder) == (
        manifest.model, manifest.input, manifest.output, 0.9, tmp_path)
    assert again.model_path == tmp_path / "m.onnx"


def test_defaults():
    manifest = Manifest.parse(GOOD)
    assert manifest.input == InputSpec(640, 352) and manifest.output.nms_threshold == 0.4


@pytest.mark.parametrize("change, words", [
    (("width = 640", "width = -1"), r"m.toml:5: \[input\] width: expected a whole number from 1 to 16384, got -1"),
    (("width = 640\n", ""), r"m.toml:4: \[input\] width is missing"),
    (('head = "yolov8"', 'head = "yolo99"'), r"m.toml:8: .*one of yolov3.*'yolo99'"),
    (('version = "1"', 'version = "1 2"'), "m.toml:3: .*white space"),
    (('version = "1"', "version = 1"), "m.toml:3: .*a text"),
    (('["person", "helmet"]', "[]"), "m.toml:9: .*list of the classes"),
    (('["person", "helmet"]', '["a", "a"]'), "differ"),
    (("height = 352", 'height = 352\nmean = ["1", "x", "2"]'), "m.toml:7: .*three numbers"),
    (("height = 352", 'height = 352\ncolor = "grey"'), "rgb, bgr"),
    (("height = 352", 'height = 352\nfill = "300"'), "0 to 255"),
    (('name = "little"', 'name = "little"\nfile = "../x.onnx"'), "inside the model's folder"),
    (('name = "little"', 'name = "little"\nsha256 = "zz"'), "64 hexadecimal"),
    (("[output]", "[output]\nscore_threshold = 3"), "0 to 1"),
    (("[output]", '[output]\nanchors = ["1"]'), "width and height"),
    (("[output]", "[outputs]"), r"\[output\] is missing"),
    (("[input]", "[input"), "m.toml:4: not valid TOML"),
])
def test_complaints_name_file_line_and_key(tmp_path, change, words):
    path = tmp_path / "m.toml"
    text = GOOD.replace(*change)
    assert text != GOOD
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ManifestError, match=words):
        Manifest.read(path)


def test_no_file(tmp_path):
    with pytest.raises(ManifestError, match="cannot be read"):
        Manifest.read(tmp_path)
