import json

import numpy as np
import pytest

from edgevision.decode import Reader, read_picture
from edgevision.errors import SceneError
from edgevision.scenes import Camera, Label, Scene, from_line, to_line, write_dataset, write_video


def test_a_folder_in_sednas_form(tmp_path):
    scene = Scene(1, "day", (320, 176))
    index = write_dataset(tmp_path / "a set", scene, 3, first=5)
    lines = index.read_text(encoding="utf-8").splitlines()
    for number, line in zip((5, 6, 7), lines):
        path, rows = from_line(line)
        assert path == "images/%06d.jpg" % number
        assert rows.tolist() == [list(label) for label in scene.picture(number).labels]
        difference = np.abs(read_picture(str(index.parent / path)).astype(int) - scene.picture(number).bgr)
        assert difference.mean() < 8
    assert json.loads((index.parent / "data.txt.json").read_text(encoding="utf-8"))["seed"] == 1


def test_a_video_with_its_labels(tmp_path):
    camera = Camera(1, "day", 10, (320, 176))
    path = write_video(tmp_path / "v.mp4", camera, 12)
    with Reader(str(path)) as reader:
        shots = list(reader)
    rows = [json.loads(line) for line in (tmp_path / "v.mp4.labels.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(shots) == len(rows) == 12 and [s.timestamp for s in shots] == [r["timestamp"] for r in rows]
    assert rows[7]["labels"] == [list(x) for x in camera.frame(7).labels]
    assert np.abs(shots[7].frame.bgr().astype(int) - camera.frame(7).bgr).mean() < 12


def test_lines():
    assert to_line("a.jpg", [Label(1, 2, 3, 4, 0), Label(5, 6, 7, 8, 3)]) == "a.jpg 1,2,3,4,0 5,6,7,8,3"
    assert from_line("a.jpg")[1].shape == (0, 5)
    with pytest.raises(SceneError, match="white space"):
        to_line("a b.jpg", [])


@pytest.mark.parametrize("line", ["", "a.jpg 1,2,3", "a.jpg 3,2,1,4,0", "a.jpg 1,2,3,4,x", "a.jpg 1,2,3,4,-1",
                                  "a.jpg 1,2,3,4,0.5"])
def test_lines_that_make_no_sense(line):
    with pytest.raises(SceneError, match=r"data\.txt:7"):
        from_line(line, "data.txt:7")
