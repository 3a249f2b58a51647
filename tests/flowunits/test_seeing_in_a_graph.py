"""The units that see, in graphs on the embedded engine: what goes through, what is told, and what is refused."""
import os
import threading
import time

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from seeing import film, lines_of, picture, run
from toy_detectors import toy_detector

from edgevision.decode import Reader

SEE = """
    video = video_decode source="%s" %s
    detect = helmet_detect model="%s" batch_size=4
    results = results_output target="out.jsonl" stop_at_end=true
    video:out_video_frame -> detect:in_image
    detect:out_image -> results:in_image
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    folder = tmp_path / "wörk ing"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def model(here):
    toy_detector(here / "möd el", "1", golden=False)
    return "möd el"


def test_every_frame_of_a_file_in_order_with_boxes_in_its_own_pixels(here, model):
    film(here / "a film ä.mp4")
    assert run(here, SEE % ("a film ä.mp4", "", model)) == 0
    records = lines_of("out.jsonl")
    assert [r["index"] for r in records] == list(range(12))
    assert [r["timestamp"] for r in records] == [40 * k for k in range(12)]
    # The toy finds 22..42 x 14..34 of 64 x 64; a frame of 128 x 96 lies in rows 8..56 at half its size.
    assert all(r["detections"] == [{"class": "person", "score": 0.9, "box": [44.0, 12.0, 84.0, 52.0]}] for r in records)
    assert {(r["camera"], r["model"], r["model_name"]) for r in records} == {("a film ä", "1", "toy")}


def test_several_streams_share_a_detector_and_its_batches(here, model):
    for name in "abc":
        film(here / (name + ".mp4"), 20)
    assert run(here, SEE % ("a.mp4,b.mp4,c.mp4", 'camera="x,y,z"', model)) == 0
    records = lines_of("out.jsonl")
    for camera in "xyz":
        assert [r["index"] for r in records if r["camera"] == camera] == list(range(20))


def test_sizes_may_change_and_may_be_tiny_or_huge(here, model):
    sizes = [(64, 64), (1, 1), (3, 2), (7680, 4320), (200, 100)]
    for k, (width, height) in enumerate(sizes):
        picture(here / "shots" / ("%d.png" % k), width, height)
    (here / "shots" / "9.png").write_bytes(b"no picture")
    assert run(here, """
        video = video_decode source="shots"
        detect = helmet_detect model="%s" batch_size=4
        draw = draw_detections
        record = video_record target="out.mp4" stop_at_end=true
        results = results_output target="out.jsonl" stop_at_end=true
        video:out_video_frame -> detect:in_image
        detect:out_image -> draw:in_image
        draw:out_image -> record:in_video_frame
        detect:out_image -> results:in_image
    """ % model) == 0
    records = lines_of("out.jsonl")
    assert [(r["width"], r["height"]) for r in records] == sizes
    big = records[3]["detections"][0]["box"]
    assert (big[0], big[2]) == (2640.0, 5040.0) and big[3] - big[1] == pytest.approx(2400, abs=150)
    with Reader("out.mp4") as reader:
        assert len(list(reader)) == len(sizes)


def test_no_detections_is_an_empty_list(here):
    toy_detector(here / "blind", "1", score=0.1, golden=False)
    film(here / "x.mp4", 3)
    assert run(here, SEE % ("x.mp4", "", "blind")) == 0
    assert [r["detections"] for r in lines_of("out.jsonl")] == [[], [], []]


def test_a_frame_on_which_the_model_gives_nonsense_is_an_error_of_its_own(here, capfd):
    toy_detector(here / "odd", "1", golden=False, nan_above=0.6)
    film(here / "x.mp4", 12, step=16)      # the brightness passes 0.6 at frame 8
    assert run(here, SEE % ("x.mp4", "", "odd")) == 0
    indexes = [r["index"] for r in lines_of("out.jsonl")]
    assert indexes == list(range(len(indexes))) and 6 <= len(indexes) <= 10
    said = "".join(capfd.readouterr())
    assert "odd" in said and "not numbers" in said and "frame %d of camera x" % len(indexes) in said


def broken_models(folder):
    """Model folders and files that must be refused, and what the refusal says."""
    good = toy_detector(folder / "good", "1", golden=False) or folder / "good"
    data = (folder / "good" / "model.onnx").read_bytes()
    cases = {"missing": "missing"}
    for name, content in (("cut", data[:len(data) // 2]), ("alien", b"PK\x03\x04 something else"), ("empty", b"")):
        path = folder / (name + ".onnx")
        path.write_bytes(content)
        cases[name] = name + ".onnx"
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 3, 8])
    flat = helper.make_graph([helper.make_node("Identity", ["images"], ["out"])], "flat",
                             [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 8])], [out])
    model = helper.make_model(flat, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 7
    onnx.save(model, str(folder / "flat.onnx"))
    cases["flat"] = "flat.onnx"
    three = folder / "three"
    three.mkdir()
    text = (folder / "good" / "manifest.toml").read_text("utf-8")
    (three / "manifest.toml").write_text(text.replace('"person", "helmet"', '"a", "b", "c"'), "utf-8")
    (three / "model.onnx").write_bytes(data)
    cases["three"] = "three"
    loaded = onnx.load(str(folder / "good" / "model.onnx"))
    onnx.save_model(loaded, str(folder / "outside.onnx"), save_as_external_data=True, location="weights.bin",
                    size_threshold=0)
    cases["outside"] = "outside.onnx"
    assert good
    return cases


def test_models_that_cannot_be_used_are_refused_by_node_and_file(here, capfd):
    film(here / "x.mp4", 2)
    for name, path in broken_models(here).items():
        assert run(here, SEE % ("x.mp4", "", path)) == 1, name
        said = "".join(capfd.readouterr())
        assert path in said and "detect" in said and "Traceback" not in said, (name, said)


@pytest.mark.parametrize("content", [None, b"", b"nonsense" * 1000], ids=["missing", "empty", "nonsense"])
def test_videos_that_cannot_be_read_are_refused_by_node_and_file(here, model, capfd, content):
    if content is not None:
        (here / "x y.mp4").write_bytes(content)
    assert run(here, SEE % ("x y.mp4", "", model)) == 1
    said = "".join(capfd.readouterr())
    assert "x y.mp4" in said and "video" in said and "Traceback" not in said


@pytest.mark.parametrize("attributes, said", [
    ('source=""', "source"), ('source="x.mp4" source_file="y"', "both"),
    ('source="x.mp4" pix_fmt=yuyv', "pixel format"),
    ('source="x.mp4" camera="a,b"', "as many names"), ('source_file="none.txt"', "none.txt"),
    ('source="x.mp4" retry_first=0', "retry"), ('source="x.mp4" backend=vlc', "backend")])
def test_options_that_cannot_be(here, model, capfd, attributes, said):
    film(here / "x.mp4", 2)
    text = (SEE % ("", "", model)).replace('source="" ', attributes)
    code = run(here, text)
    output = "".join(capfd.readouterr())
    if "retry" in said:     # only a camera is ever tried again
        assert code == 0
    else:
        assert code == 1 and said in output


def test_credentials_never_reach_the_log_or_the_results(here, model, capfd):
    assert run(here, SEE % ("rtsp://admin:hunter2@127.0.0.1:1/ch?token=s3cret", "retry_limit=1 retry_first=0.01 "
                            "open_timeout=1", model)) == 0
    said = "".join(capfd.readouterr())
    assert "127.0.0.1" in said and "given up" in said
    assert "hunter2" not in said and "s3cret" not in said


def test_urls_may_arrive_at_a_port(here, model):
    path = film(here / "x.mp4", 5)
    assert run(here, """
        source = video_input source_url="%s"
        video = video_decode_url camera="port"
        detect = helmet_detect model="%s"
        results = results_output target="out.jsonl"
        source:out_video_url -> video:in_video_url
        video:out_video_frame -> detect:in_image
        detect:out_image -> results:in_image
    """ % (path, model)) == 0
    assert [(r["camera"], r["index"]) for r in lines_of("out.jsonl")] == [("port", k) for k in range(5)]


def test_cameras_come_and_go_while_the_graph_runs(here, model):
    for name in "ab":
        film(here / (name + ".mp4"), 5)
    cameras = here / "cameras.txt"
    cameras.write_text("one a.mp4\n", "utf-8")
    seen, stopped = [], []

    def watch(engine):
        if (here / "out.jsonl").exists():
            seen[:] = [line.split('"')[3] for line in (here / "out.jsonl").read_text("utf-8").splitlines()]
        if not stopped and "one" in seen and "two" not in seen and "two" not in cameras.read_text("utf-8"):
            cameras.write_text("two b.mp4\n", "utf-8")
        if seen.count("two") >= 10 and not stopped:
            stopped.append(True)
            threading.Thread(target=engine.drain, daemon=True).start()
    text = (SEE % ("", "paced=true loop=true", model)).replace('source=""', 'source_file="cameras.txt"')
    deadline = threading.Timer(60, lambda: os._exit(3))
    deadline.start()
    try:
        assert run(here, text.replace("stop_at_end=true", ""), observer=watch) == 0
    finally:
        deadline.cancel()
    records = lines_of("out.jsonl")
    cameras_seen = [r["camera"] for r in records]
    assert "one" in cameras_seen and set(cameras_seen[-8:]) == {"two"}


@pytest.mark.parametrize("attributes, indexes", [
    ('mode=every n=4', [0, 4, 8]), ('mode=fps fps=12.5', [0, 2, 4, 6, 8, 10]), ('mode=motion quiet=100 level=30', [0]),
    ('mode=newest age=100', list(range(12)))])
def test_a_sampler_lets_some_through(here, model, attributes, indexes):
    film(here / "x.mp4")
    assert run(here, """
        video = video_decode source="x.mp4"
        fewer = frame_sampler %s
        detect = helmet_detect model="%s"
        results = results_output target="out.jsonl" stop_at_end=true
        video:out_video_frame -> fewer:in_image
        fewer:out_image -> detect:in_image
        detect:out_image -> results:in_image
    """ % (attributes, model)) == 0
    assert [r["index"] for r in lines_of("out.jsonl")] == indexes


def test_an_alarm_is_one_event_with_a_picture(here, model):
    film(here / "x.mp4", 60)
    assert run(here, """
        video = video_decode source="x.mp4"
        detect = helmet_detect model="%s"
        alarm = alarm classes="person,nobody" seconds=1 zone="0.3 0.3; 0.7 0.3; 0.7 0.9; 0.3 0.9" pictures="alarms"
        results = results_output target="events.jsonl" only=events stop_at_end=true
        video:out_video_frame -> detect:in_image
        detect:out_image -> alarm:in_image
        alarm:out_event -> results:in_image
    """ % model) == 0
    [record] = lines_of("events.jsonl")
    event = record["event"]
    assert (event["since"], event["timestamp"], event["seconds"], event["camera"]) == (0, 1000, 1.0, "x")
    assert os.path.isfile(event["picture"]) and event["detections"][0]["class"] == "person"


def test_drawing_leaves_the_frame_clean(here, model):
    film(here / "x.mp4", 3)
    assert run(here, """
        video = video_decode source="x.mp4"
        detect = helmet_detect model="%s"
        draw = draw_detections
        drawn = video_record target="drawn.mp4" crf=1 stop_at_end=true
        clean = video_record target="clean.mp4" crf=1 stop_at_end=true
        video:out_video_frame -> detect:in_image
        detect:out_image -> draw:in_image
        draw:out_image -> drawn:in_video_frame
        detect:out_image -> clean:in_video_frame
    """ % model) == 0
    with Reader("clean.mp4", "bgr") as clean, Reader("drawn.mp4", "bgr") as drawn:
        for before, after in zip(clean, drawn):
            assert np.ptp(before.frame.bgr().astype(int)) <= 12 < 60 < np.ptp(after.frame.bgr().astype(int))


def test_a_target_that_cannot_be_written_is_told_by_its_name(here, model, capfd):
    film(here / "x.mp4", 3)
    (here / "file").write_bytes(b"")
    assert run(here, (SEE % ("x.mp4", "", model)).replace("out.jsonl", "file/out.jsonl")) == 1
    assert "file/out.jsonl" in "".join(capfd.readouterr())


def test_a_stopped_graph_leaves_whole_files(here, model):
    film(here / "x.mp4", 50)

    def stop(engine):
        threading.Thread(target=engine.drain, daemon=True).start()
    began = time.monotonic()
    assert run(here, """
        video = video_decode source="x.mp4" loop=true
        detect = helmet_detect model="%s"
        record = video_record target="out.mp4"
        video:out_video_frame -> detect:in_image
        detect:out_image -> record:in_video_frame
    """ % model, observer=stop) == 0
    assert time.monotonic() - began < 30
    with Reader("out.mp4") as reader:
        assert len(list(reader)) > 10
        assert reader.end.reason == "end"
