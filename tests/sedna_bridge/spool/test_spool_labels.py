"""Pictures and pre-annotations go out in five formats; labels come back into a Sedna dataset."""

import json
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from sedna_bridge.errors import LabelsError
from sedna_bridge.spool.export import export
from sedna_bridge.spool.formats import FORMATS
from sedna_bridge.spool.labels import guess_format, import_labels
from sedna_bridge.storage import DirectoryTarget

CLASSES = ["person", "helmet", "helmet_on", "helmet_off"]
DETECTIONS = [[20.0, 10.0, 120.0, 90.0, 0.61, 2], [-5.0, 40.0, 60.0, 400.0, 0.4, 0], [50, 50, 50, 50, 0.9, 1]]
LINES = ["10,5,60,45,2", "0,20,30,90,0"]


@pytest.fixture
def source(spool, tools):
    """Two examples, of frames of 320 x 180 that were stored at half the size."""
    opened = spool(longest=160)
    ids = []
    for number in range(2):
        facts = tools.facts(number, classes=CLASSES, detections=DETECTIONS if number == 0 else [], model_name="little")
        offer = opened.offer(np.full((180, 320, 3), 50 * number, np.uint8), facts)
        assert offer.wait(10)
        ids.append(offer.id)
    opened.close()
    opened.ids = ids
    return opened


@pytest.mark.parametrize("form", list(FORMATS))
def test_out(source, tmp_path, form):
    folder = tmp_path / "out"
    report = export(source.path, folder, form)
    assert (report["examples"], report["boxes"], report["damaged"]) == (2, 2, 0)
    assert sorted(p.stem for p in (folder / "images").iterdir()) == sorted(source.ids)
    assert cv2.imread(str(folder / "images" / (source.ids[0] + ".jpg"))).shape == (90, 160, 3)
    with pytest.raises(LabelsError, match="not empty"):
        export(source.path, folder, form)


def test_sedna_text(source, tmp_path):
    export(source.path, tmp_path / "out", "sedna")
    lines = (tmp_path / "out" / "data.txt").read_text().split("\n")
    assert lines == ["images/%s.jpg %s" % (source.ids[0], " ".join(LINES)), "images/%s.jpg" % source.ids[1], ""]


def test_coco(source, tmp_path):
    export(source.path, tmp_path / "out", "coco")
    coco = json.loads((tmp_path / "out" / "annotations.json").read_text())
    assert [c["name"] for c in coco["categories"]] == CLASSES
    assert coco["images"][0] == {"id": 1, "file_name": "images/%s.jpg" % source.ids[0], "width": 160, "height": 90}
    assert coco["annotations"][0] == {
        "id": 1,
        "image_id": 1,
        "category_id": 3,
        "iscrowd": 0,
        "bbox": [10.0, 5.0, 50.0, 40.0],
        "area": 2000.0,
        "score": 0.61,
    }


def test_voc(source, tmp_path):
    export(source.path, tmp_path / "out", "voc")
    root = ElementTree.parse(str(tmp_path / "out" / "Annotations" / (source.ids[0] + ".xml"))).getroot()
    assert root.findtext("filename") == source.ids[0] + ".jpg" and root.findtext("size/width") == "160"
    assert [thing.findtext("name") for thing in root.iter("object")] == ["helmet_on", "person"]
    assert [root.findtext("object/bndbox/" + name) for name in ("xmin", "ymin", "xmax", "ymax")] == [
        "10",
        "5",
        "60",
        "45",
    ]


def test_yolo(source, tmp_path):
    export(source.path, tmp_path / "out", "yolo")
    lines = (tmp_path / "out" / "labels" / (source.ids[0] + ".txt")).read_text().splitlines()
    assert lines[0] == "2 0.218750 0.277778 0.312500 0.444444"
    assert (tmp_path / "out" / "labels" / (source.ids[1] + ".txt")).read_text() == ""
    assert "3: helmet_off" in (tmp_path / "out" / "data.yaml").read_text()


def test_label_studio(source, tmp_path):
    export(source.path, tmp_path / "out", "label-studio", image_url="http://files/")
    tasks = json.loads((tmp_path / "out" / "tasks.json").read_text())
    assert tasks[0]["data"]["image"] == "http://files/%s.jpg" % source.ids[0]
    prediction = tasks[0]["predictions"][0]
    assert prediction["model_version"] == "little 3" and prediction["score"] == 0.4
    value = prediction["result"][0]["value"]
    assert value.pop("rectanglelabels") == ["helmet_on"]
    assert value == pytest.approx(
        {
            "x": 6.25,
            "y": 100 * 5 / 90,
            "width": 31.25,
            "height": 100 * 40 / 90,
            "rotation": 0,
        }
    )
    assert '<Label value="helmet_off"/>' in (tmp_path / "out" / "labelling.xml").read_text()


def labels_of(form, source, folder):
    """The labels as a tool of this format would save them: what went out, corrected by nobody."""
    export(source.path, folder, form)
    if form != "label-studio":
        return folder
    tasks = json.loads((folder / "tasks.json").read_text())
    done = [
        {
            "data": {"image": "/data/upload/1/ab12cd34-" + task["data"]["image"].rsplit("/", 1)[1]},
            "annotations": [{"was_cancelled": True, "result": []}, {"result": task["predictions"][0]["result"]}],
        }
        for task in tasks
    ]
    (folder / "project.json").write_text(json.dumps(done))
    return folder / "project.json"


@pytest.mark.parametrize("form", list(FORMATS))
def test_back(source, tmp_path, form):
    labels = labels_of(form, source, tmp_path / "out")
    assert guess_format(labels) == form or form == "sedna"
    dataset = tmp_path / "set" / "data.txt"
    report = import_labels(labels, form, source.path, dataset, CLASSES)
    assert (report["added"], report["empty"], report["boxes"]) == (1, 1, 2)
    assert dataset.read_text() == "images/%s.jpg %s\n" % (source.ids[0], " ".join(LINES))
    assert cv2.imread(str(tmp_path / "set" / "images" / (source.ids[0] + ".jpg"))).shape == (90, 160, 3)
    again = import_labels(labels, form, source.path, dataset, CLASSES, with_empty=True)
    assert (again["known"], again["added"]) == (1, 1)
    assert dataset.read_text().splitlines()[1] == "images/%s.jpg" % source.ids[1]


def test_label_studios_short_form(source, tmp_path):
    labels = tmp_path / "min.json"
    labels.write_text(
        json.dumps(
            [
                {
                    "image": "/x/%s.jpg" % source.ids[0],
                    "label": [{"x": 10, "y": 10, "width": 50, "height": 50, "rectanglelabels": ["helmet-off"]}],
                }
            ]
        )
    )
    dataset = tmp_path / "data.txt"
    assert import_labels(labels, "auto", source.path, dataset)["added"] == 1
    assert dataset.read_text().split()[1] == "16,9,96,54,3"


def test_into_a_file_without_its_last_newline(source, tmp_path):
    dataset = tmp_path / "data.txt"
    dataset.write_text("old.jpg 1,2,3,4,0")
    import_labels(labels_of("coco", source, tmp_path / "out"), "auto", source.path, dataset)
    assert dataset.read_text().split("\n")[0] == "old.jpg 1,2,3,4,0" and dataset.read_text().count("\n") == 2


def test_from_a_store_in_which_the_dataset_lies(source, spool, tmp_path, tools):
    store = DirectoryTarget(str(tmp_path / "he"))
    again = spool()
    for entry in again.next("oldest", 5):
        store.put(again.read(entry))
    report = export(tmp_path / "he", tmp_path / "out", "coco")
    assert report["examples"] == 2
    dataset = tmp_path / "he" / "data.txt"
    import_labels(tmp_path / "out", "auto", tmp_path / "he", dataset)
    assert dataset.read_text().startswith(source.ids[0] + ".jpg ") and not (tmp_path / "he" / "images").exists()


def test_labels_of_strangers_and_of_nothing(source, tmp_path):
    labels = tmp_path / "data.txt"
    labels.write_text("images/other.jpg 1,2,3,4,0\n\nimages/%s.jpg 1,2,30,40,0\n" % ("0" * 64))
    report = import_labels(labels, "sedna", source.path, tmp_path / "set.txt", CLASSES)
    assert report["without_example"] == 2 and report["added"] == 0
    with pytest.raises(LabelsError, match="neither a spool nor a directory"):
        import_labels(labels, "sedna", tmp_path / "out", tmp_path / "set.txt")


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("a.json", "{", "is no JSON"),
        ("a.json", '{"images": 5}', "is no COCO file"),
        ("a.json", "[5]", "no export of Label Studio"),
        ("a.xml", "<a", "is no VOC"),
        ("a.xml", "<a><object/></a>", "is no VOC"),
        ("a.txt", "x 1,2,3", "a.txt:1: a box must read"),
    ],
)
def test_wrong_labels_are_named(source, tmp_path, name, content, words):
    (tmp_path / name).write_text(content)
    with pytest.raises(LabelsError, match=words):
        import_labels(tmp_path / name, "auto", source.path, tmp_path / "set.txt", CLASSES)


def test_classes_must_be_known(source, tmp_path):
    labels = tmp_path / "data.txt"
    labels.write_text("%s.jpg 1,2,30,40,7\n" % source.ids[0])
    with pytest.raises(LabelsError, match="the class '7' is none of"):
        import_labels(labels, "sedna", source.path, tmp_path / "set.txt", CLASSES)


def test_a_line_that_sedna_would_cut_is_refused(source, tmp_path):
    labels = tmp_path / "data.txt"
    labels.write_text("%s.jpg %s\n" % (source.ids[0], " ".join(["100,10,150,80,2"] * 4200)))
    with pytest.raises(LabelsError, match="64 KiB"):
        import_labels(labels, "sedna", source.path, tmp_path / "set.txt", CLASSES)
