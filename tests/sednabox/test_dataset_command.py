import json
import os

import cv2
import numpy as np
import pytest

from sednabox.commands import dataset


@pytest.fixture
def path(tmp_path):
    for number in range(4):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((40, 60, 3), number * 40, np.uint8))
    (tmp_path / "d.txt").write_text("0.png 1,2,30,39,0\n1.png 1,2,30,39,1\n2.png\n3.png 5,5,9,9,2\n")
    return str(tmp_path / "d.txt")


def test_stats(path, capsys):
    assert dataset.main(["stats", path, "--classes", "person,helmet,helmet_on,helmet_off"]) == 0
    text = capsys.readouterr().out
    assert "samples" in text and "4 of 60x40" in text and "helmet_off" in text
    assert dataset.main(["stats", path, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["boxes"] == 3


def test_check_is_1_where_something_is_wrong(path, capsys):
    assert dataset.main(["check", path]) == 0
    with open(path, "a") as file:
        file.write("9.png 1,2,3,4,0\n")
    assert dataset.main(["check", path]) == 1
    assert "d.txt:5: error: the picture" in capsys.readouterr().out
    assert dataset.main(["check", path + ".none"]) == 1


def test_convert_show_split_append(path, tmp_path, capsys):
    assert dataset.main(["convert", path, str(tmp_path / "out" / "d.json")]) == 0
    assert dataset.main(["convert", path, str(tmp_path / "yolo"), "--to", "yolo"]) == 0
    assert os.path.exists(tmp_path / "yolo" / "labels" / "0.txt")
    assert dataset.main(["show", path, "-o", str(tmp_path / "sheet.png")]) == 0
    assert cv2.imread(str(tmp_path / "sheet.png")) is not None
    assert dataset.main(["split", path, str(tmp_path / "train.txt"), str(tmp_path / "eval.txt")]) == 0
    assert len((tmp_path / "train.txt").read_text().splitlines()) == 3
    assert dataset.main(["append", path, str(tmp_path / "watched.txt"), "--train-prob", "0.8"]) == 0
    assert (tmp_path / "watched.txt").read_text().splitlines()[0] == "0.png 1,2,30,39,0"
    assert (
        dataset.main(["append", str(tmp_path / "eval.txt"), str(tmp_path / "watched.txt"), "--train-prob", "0.8"]) == 1
    )
    assert "too few" in capsys.readouterr().err


def test_pictures_that_a_train_pod_would_not_see_are_not_appended(path, tmp_path, capsys):
    target = tmp_path / "watched" / "train_data.txt"
    assert dataset.main(["append", path, str(target)]) == 1
    said = capsys.readouterr().err
    assert "4 of 4 pictures lie outside" in said and "0.png" in said and not target.exists()
    assert dataset.main(["append", path, str(target), "--outside"]) == 0
    assert target.read_text().startswith("../0.png 1,2,30,39,0")


def test_a_bad_dataset_is_not_converted_by_half(path, tmp_path, capsys):
    with open(path, "a") as file:
        file.write("0.png 9,9,1,1,0\n")
    assert dataset.main(["convert", path, str(tmp_path / "x.json")]) == 1
    assert not os.path.exists(tmp_path / "x.json")
    assert "d.txt:5" in capsys.readouterr().err


def test_usage(capsys):
    assert dataset.main([]) == 2
    with pytest.raises(SystemExit) as caught:
        dataset.main(["stats"])
    assert caught.value.code == 2
