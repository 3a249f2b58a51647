import json
import os

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sedna_bridge.datasets import Box, DatasetFormatError, LabelledSet, Sample, convert, guess, read, read_samples
from sedna_bridge.datasets.append import append_lines, append_samples
from sedna_bridge.datasets.check import check
from sedna_bridge.datasets.pictures import picture_size
from sedna_bridge.datasets.sheet import contact_sheet
from sedna_bridge.datasets.split import least_batch, split
from sedna_bridge.datasets.statistics import statistics
from sedna_bridge.datasets.txt import index_lines, read_index, write_index

CLASSES = ["person", "helmet", "helmet_on", "helmet_off"]


@pytest.fixture
def folder(tmp_path):
    """Three pictures of 64x48, the second without boxes."""
    random = np.random.default_rng(1)
    os.makedirs(tmp_path / "images")
    for number in range(3):
        picture = random.integers(0, 255, (48, 64, 3), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / "images" / f"{number}.jpg"), picture)
    (tmp_path / "train.txt").write_text(
        "images/0.jpg 1,2,30,40,0 5,6,20,30,2\nimages/1.jpg\nimages/2.jpg 0,0,64,48,3\n"
    )
    return tmp_path


def boxes(data):
    return {os.path.basename(sample.path): [box.values() for box in sample.boxes] for sample in data.samples}


def test_sednas_lines(folder):
    data = read(str(folder / "train.txt"), classes=CLASSES)
    assert data.problems == []
    assert data.samples[0].boxes == (Box(1, 2, 30, 40, 0), Box(5, 6, 20, 30, 2))
    assert data.samples[0].path == str(folder / "images" / "0.jpg")
    assert data.samples[1].boxes == ()
    assert data.samples[0].relative_line() == "images/0.jpg 1,2,30,40,0 5,6,20,30,2"


@pytest.mark.parametrize(
    "format, name",
    [
        ("txt", "out/data.txt"),
        ("csv", "out/data.csv"),
        ("jsonl", "out/data.jsonl"),
        ("voc", "out/voc"),
        ("coco", "out/data.json"),
        ("yolo", "out/yolo"),
    ],
)
def test_every_format_there_and_back_keeps_every_box(folder, format, name):
    data = read(str(folder / "train.txt"), classes=CLASSES)
    target = str(folder / name)
    convert(data, target, format)
    assert guess(target) == format
    root = str(folder / "images") if format == "voc" else ""
    again = read(target, classes=CLASSES, root=root)
    assert [problem for problem in again.problems if problem.fatal] == []
    assert set(boxes(again)) == set(boxes(data))
    for picture, expected in boxes(data).items():
        assert np.allclose(boxes(again)[picture], expected, atol=0.01)
    assert all(os.path.isfile(sample.path) for sample in again.samples)


def test_classification_folders_there_and_back(folder):
    (folder / "labels.txt").write_text("images/0.jpg cat\nimages/1.jpg dog\nimages/2.jpg cat\n")
    data = read(str(folder / "labels.txt"))
    convert(data, str(folder / "tree"), "folders")
    again = read(str(folder / "tree"))
    assert sorted(sample.label for sample in again.samples) == ["cat", "cat", "dog"]
    assert again.classes == ["cat", "dog"]


@pytest.mark.parametrize(
    "line, word",
    [
        ("a.jpg 1,2,3", "expected x1,y1,x2,y2,class"),
        ("a b.jpg 1,2,3,4,0", "no blanks"),
        ("a.jpg 9,9,1,1,0", "turned round"),
        ("a.jpg 1,1,nan,4,0", "finite"),
        ("a.jpg -1,1,2,4,0", "outside"),
        ("a.jpg 1,2,3,4,9", "class 9 does not exist"),
        ("a.jpg 1,2,3,4,x", "whole class number"),
        ("", "blank line"),
        ("a.jpg " + "1,2,3,4,0 " * 8000, "64 KiB"),
    ],
)
def test_every_bad_line_is_named_with_its_number(tmp_path, line, word):
    (tmp_path / "d.txt").write_text(f"ok.jpg 1,2,3,4,0\n{line}\nok2.jpg 1,2,3,4,1\n")
    data = read(str(tmp_path / "d.txt"), classes=CLASSES)
    assert [sample.name for sample in data.samples] == ["ok.jpg", "ok2.jpg"]
    assert len(data.problems) == 1
    assert data.problems[0].where.endswith("d.txt:2")
    assert word in data.problems[0].message


def test_reading_for_training_names_the_first_bad_lines(tmp_path):
    (tmp_path / "d.txt").write_text("a.jpg 9,9,1,1,0\n")
    with pytest.raises(DatasetFormatError, match=r"d.txt:1: the box"):
        read_samples(str(tmp_path / "d.txt"))


@pytest.mark.parametrize(
    "name, text, word",
    [
        ("d.csv", "a,b\n1,2\n", "header with `path`"),
        ("d.csv", "path,x1,y1\na,1,2\n", "all of x1"),
        ("d.json", "{", "no JSON"),
        ("d.json", "[]", "COCO"),
        ("d.bin", "x", "cannot be told"),
    ],
)
def test_what_is_no_dataset_is_an_error(tmp_path, name, text, word):
    (tmp_path / name).write_text(text)
    with pytest.raises(DatasetFormatError, match=word):
        read(str(tmp_path / name))


def test_bytes_that_are_no_text_are_named_with_their_line(tmp_path):
    (tmp_path / "d.txt").write_bytes(b"a.jpg\n\xff\xfe.jpg\n")
    with pytest.raises(DatasetFormatError, match=r"d.txt:2: not UTF-8"):
        read(str(tmp_path / "d.txt"))


def test_bad_rows_of_tables_and_annotations(tmp_path):
    (tmp_path / "d.csv").write_text("path,x1,y1,x2,y2,class\na,1,2,3,4,person\nb,1,2,3\nc,9,9,1,1,0\nd,1,2,3,4,cat\n")
    data = read(str(tmp_path / "d.csv"), classes=CLASSES)
    assert [problem.where.rsplit(":", 1)[1] for problem in data.problems] == ["3", "4", "5"]
    (tmp_path / "d.jsonl").write_text(
        '{"path": "a", "boxes": [[1,2,3,4,0]]}\n{"path": 3}\nnonsense\n{"path":"b","boxes":[[1]]}\n'
    )
    data = read(str(tmp_path / "d.jsonl"))
    assert len(data.samples) == 1 and [p.where.rsplit(":", 1)[1] for p in data.problems] == ["2", "3", "4"]
    coco = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 10, "height": 10}],
        "categories": [{"id": 5, "name": "x"}],
        "annotations": [
            {"image_id": 1, "category_id": 5, "bbox": [1, 1, 5, 5]},
            {"image_id": 2, "category_id": 5, "bbox": [1, 1, 5, 5]},
            {"image_id": 1, "category_id": 6, "bbox": [1, 1, 5, 5]},
            {"image_id": 1, "category_id": 5, "bbox": [1, 1, 50, 5]},
        ],
    }
    (tmp_path / "d.json").write_text(json.dumps(coco))
    data = read(str(tmp_path / "d.json"))
    assert len(data.samples[0].boxes) == 1 and len(data.problems) == 3


def test_voc_names_the_line_of_a_bad_object_and_refuses_entities(tmp_path):
    (tmp_path / "a.xml").write_text(
        "<annotation>\n<filename>a.jpg</filename>\n<size><width>10</width><height>10</height></size>\n"
        "<object><name>x</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>99</xmax><ymax>5</ymax></bndbox></object>\n"
        "</annotation>"
    )
    (tmp_path / "b.xml").write_text('<!DOCTYPE a [<!ENTITY x "y">]><annotation/>')
    (tmp_path / "c.xml").write_text("<annotation>")
    data = read(str(tmp_path))
    texts = [str(problem) for problem in data.problems]
    assert any("a.xml:4" in text and "outside" in text for text in texts)
    assert any("entities" in text for text in texts)
    assert any("no xml" in text for text in texts)


def test_statistics_and_check(folder):
    with open(folder / "train.txt", "a") as file:
        file.write("images/0.jpg 1,2,30,40,0\nimages/none.jpg\nimages/2.jpg 0,0,65,48,1")
    data = read(str(folder / "train.txt"), classes=CLASSES)
    counts = statistics(data)
    assert (counts.samples, counts.boxes, counts.empty) == (6, 5, 2)
    assert counts.classes == {"person": 2, "helmet_on": 1, "helmet_off": 1, "helmet": 1}
    assert counts.picture_sizes == {"64x48": 5}
    assert len(counts.missing) == 1 and len(counts.same_path) == 2 and len(counts.outside) == 1
    texts = [str(problem) for problem in check(data)]
    assert any("train.txt:5: error: the picture" in text for text in texts)
    assert any("train.txt:6: error: 0,0,65,48,1 ends outside" in text for text in texts)
    assert any("no newline" in text for text in texts)
    assert any("stands at" in text for text in texts)


@pytest.mark.parametrize(
    "count, prob, share", [(10, 0.8, 8), (1, 0.8, 0), (7, 0.8, 5), (100, 0.29, 28), (3, 1, 3), (3, 0, 0)]
)
def test_splits_as_sedna_splits(count, prob, share):
    train, evaluation = split(list(range(count)), prob)
    assert train == list(range(share)) and evaluation == list(range(share, count))


def test_the_least_batch_is_one_that_lc_trains_on():
    assert [least_batch(prob) for prob in (0.8, 0.5, 0.3, 0.1, 1)] == [2, 2, 4, 10, 1]


def test_appending_for_lc(tmp_path):
    path = str(tmp_path / "d.txt")
    with open(path, "w") as file:
        file.write("first.jpg 1,2,3,4,0")
    assert append_samples(path, [Sample("a.jpg", "", (Box(1, 2, 3, 4, 0),)), Sample("b.jpg", "")], 0.8) == 2
    with open(path) as file:
        assert file.read() == "first.jpg 1,2,3,4,0\na.jpg 1,2,3,4,0\nb.jpg\n"
    with pytest.raises(DatasetFormatError, match="too few"):
        append_lines(path, ["c.jpg"], 0.8)
    for bad in ("", "a\nb", "x" * 70000):
        with pytest.raises(DatasetFormatError):
            append_lines(path, [bad])
    with open(path) as file:
        assert len(file.readlines()) == 3


def test_index_files_are_lcs(tmp_path):
    path = str(tmp_path / "dataIndex.txt")
    write_index("s3://kubeedge/data/", ["mnist/0.jpg 1,2,3,4,0", "mnist/1.jpg 5"], path)
    with open(path) as file:
        assert file.read() == "s3://kubeedge/data/\nmnist/0.jpg\nmnist/1.jpg\n"
    assert read_index(path) == ("s3://kubeedge/data/", ["mnist/0.jpg", "mnist/1.jpg"])
    assert index_lines("p/", ["a.jpg 1,2.5,3,4,0"]) == ["p/", "a.jpg", "1,2.5,3,4,0"]


def test_a_contact_sheet_is_a_png(folder):
    data = read(str(folder / "train.txt"), classes=CLASSES)
    data.samples.append(Sample("gone.jpg", "/none/gone.jpg"))
    path = str(folder / "sheet.png")
    assert contact_sheet(data, path, columns=2, width=120) == 4
    assert picture_size(path) == (240, 2 * (67 + 18))


def test_picture_sizes_from_headers(tmp_path):
    for name in ("a.png", "a.jpg", "a.bmp"):
        cv2.imwrite(str(tmp_path / name), np.zeros((7, 11, 3), np.uint8))
        assert picture_size(str(tmp_path / name)) == (11, 7)
    (tmp_path / "no.jpg").write_bytes(b"\xff\xd8\xff\xe0junk")
    assert picture_size(str(tmp_path / "no.jpg")) is None


coordinate = st.integers(0, 500)
box = st.tuples(coordinate, coordinate, st.integers(1, 500), st.integers(1, 500), st.integers(0, 3)).map(
    lambda v: Box(v[0], v[1], v[0] + v[2], v[1] + v[3], v[4])
)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(box, max_size=4), min_size=1, max_size=5))
def test_any_boxes_survive_txt_csv_jsonl_and_coco(tmp_path, lists):
    samples = [Sample(f"{n}.jpg", str(tmp_path / f"{n}.jpg"), tuple(found)) for n, found in enumerate(lists)]
    data = LabelledSet(samples, CLASSES)
    for name in ("d.txt", "d.csv", "d.jsonl", "d.json"):
        convert(data, str(tmp_path / name))
        assert boxes(read(str(tmp_path / name), classes=CLASSES)) == boxes(data)
