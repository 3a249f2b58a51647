"""The shipped graphs that see: they pass the check and run from any directory, and their results are those of numpy."""
import base64
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import pytest
import tomlkit
from rtsp_camera import RtspCamera

from edgevision.decode import Reader
from sednabox.rewrite import changed_copy

HOME = Path(__file__).parents[2]
GRAPHS = HOME / "graphs"
NAMES = ["helmet_detect", "helmet_camera", "helmet_cameras", "helmet_http", "helmet_modelbox"]
CLASSES = ["person", "helmet", "helmet_on", "helmet_off"]


def sednabox(*args, cwd, timeout=100):
    return subprocess.run([sys.executable, "-m", "sednabox", *map(str, args)], cwd=cwd, timeout=timeout, text=True,
                          capture_output=True, env={**os.environ, "PYTHONPATH": str(HOME)})


def lines_of(path):
    return [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]


@pytest.mark.parametrize("name", NAMES)
def test_the_check_finds_no_errors(name, tmp_path):
    done = sednabox("check", GRAPHS / (name + ".toml"), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not re.search(r"warning (?!SB301|SB302)", done.stdout), done.stdout


def by_hand(bgr, session, score=0.3, overlap=0.5, width=640, height=352):
    """The detections of a frame, by numpy alone: letterbox, the model, its boxes, greedy NMS class by class."""
    high, wide = bgr.shape[:2]
    scale = min(width / wide, height / high)
    new_wide, new_high = int(wide * scale), int(high * scale)
    left, top = int((width - new_wide) / 2), int((height - new_high) / 2)
    canvas = np.full((height, width, 3), 128, np.uint8)
    canvas[top:top + new_high, left:left + new_wide] = cv2.resize(bgr[:, :, ::-1], (new_wide, new_high))
    tensor = (canvas.astype(np.float32) / 255).transpose(2, 0, 1)[None]
    rows = session.run(None, {session.get_inputs()[0].name: np.ascontiguousarray(tensor)})[0][0].T
    found = []
    for row in rows:
        cls = int(row[4:].argmax())
        if row[4 + cls] >= score:
            x, y, w, h = row[:4]
            box = [(x - w / 2 - left) * wide / new_wide, (y - h / 2 - top) * high / new_high,
                   (x + w / 2 - left) * wide / new_wide, (y + h / 2 - top) * high / new_high]
            found.append((float(row[4 + cls]), cls, box))
    kept = []
    for score_, cls, box in sorted(found, key=lambda one: -one[0]):
        if all(cls != other or iou(box, taken) <= overlap for _, other, taken in kept):
            kept.append((score_, cls, box))
    return [(s, c, [min(max(v, 0), limit) for v, limit in zip(b, (wide, high, wide, high))]) for s, c, b in kept]


def iou(a, b):
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0, wide) * max(0, high)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def test_a_file_gives_a_video_and_the_same_boxes_as_numpy(tmp_path):
    folder = tmp_path / "some wörk"
    folder.mkdir()
    done = sednabox("run", "--engine", "pocketbox", "--quiet", "--set", "video.pix_fmt=bgr",
                    GRAPHS / "helmet_detect.toml", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    records = lines_of(folder / "helmet_detect.jsonl")
    session = onnxruntime.InferenceSession(str(HOME / "models" / "little" / "model.onnx"),
                                           providers=["CPUExecutionProvider"])
    checked = 0
    with Reader(str(GRAPHS / "media" / "site.mp4"), "bgr") as reader:
        shots = list(reader)
    assert [r["index"] for r in records] == [s.index for s in shots]
    for shot, record in list(zip(shots, records))[::25]:
        wanted = by_hand(shot.frame.bgr(), session)
        assert len(wanted) == len(record["detections"]) > 0
        for (score, cls, box), found in zip(wanted, record["detections"]):
            assert found["class"] == CLASSES[cls]
            assert found["score"] == pytest.approx(score, abs=2e-3)
            assert found["box"] == pytest.approx(box, abs=0.1)
            checked += 1
    assert checked > 10
    with Reader(str(folder / "helmet_detect.mp4")) as reader:
        assert sum(1 for _ in reader) == len(records)
        assert (reader.width, reader.height) == (1280, 720)


def test_the_decoders_own_format_gives_nearly_the_same(tmp_path):
    """nv12 is made colour after it was made small; boxes of heads of 20 pixels move by a pixel or two."""
    for name, pix_fmt in (("a", "auto"), ("b", "bgr")):
        done = sednabox("run", "--engine", "pocketbox", "--quiet", "--set", "video.pix_fmt=" + pix_fmt,
                        "--set", "results.target=%s.jsonl" % name, GRAPHS / "helmet_detect.toml", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    pairs = list(zip(lines_of(tmp_path / "a.jsonl"), lines_of(tmp_path / "b.jsonl")))
    matched = total = 0
    for one, other in pairs:
        for found in one["detections"]:
            if found["score"] < 0.5:
                continue
            total += 1
            matched += any(o["class"] == found["class"] and iou(found["box"], o["box"]) > 0.5
                           for o in other["detections"])
    assert total > 100 and matched / total > 0.95


def test_an_installed_pack_runs_from_anywhere(tmp_path):
    """graphs, flowunits and models beside each other somewhere else; the working directory is another one."""
    pack = tmp_path / "share" / "a pack"
    for name in ("flowunits", "graphs", "models"):
        shutil.copytree(HOME / name, pack / name, ignore=shutil.ignore_patterns("__pycache__"))
    work = tmp_path / "work"
    work.mkdir()
    done = sednabox("run", "--engine", "pocketbox", "--quiet", pack / "graphs" / "helmet_detect.toml", cwd=work)
    assert done.returncode == 0, done.stderr
    assert len(lines_of(work / "helmet_detect.jsonl")) == 125
    assert sorted(path.name for path in work.iterdir()) == ["helmet_detect.jsonl", "helmet_detect.mp4"]


def test_the_real_engine_is_given_full_paths_of_the_units(tmp_path, monkeypatch):
    """It takes driver.dir from the working directory only, so `sednabox run` rewrites it."""
    monkeypatch.chdir(tmp_path)
    folders = tomlkit.parse(changed_copy(str(GRAPHS / "helmet_detect.toml"), {}))["driver"]["dir"]
    assert folders[0] == str(HOME / "flowunits")


def test_several_cameras(tmp_path):
    done = sednabox("run", "--engine", "pocketbox", "--quiet", "--set", "cameras.paced=false",
                    GRAPHS / "helmet_cameras.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    records = lines_of(tmp_path / "helmet_cameras.jsonl")
    by_camera = {name: [r["detections"] for r in records if r["camera"] == name] for name in ("gate", "crane")}
    assert len(by_camera["gate"]) == 125 and by_camera["gate"] == by_camera["crane"]
    assert {path.name for path in tmp_path.glob("*.mp4")} == {"helmet_cameras-gate.mp4", "helmet_cameras-crane.mp4"}


def test_modelboxs_own_units_around_the_detector(tmp_path):
    done = sednabox("run", "--engine", "pocketbox", "--quiet", "--set", "results.stop_delay=0",
                    "--set", "results.stop_at_end=false", GRAPHS / "helmet_modelbox.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    records = lines_of(tmp_path / "helmet_modelbox.jsonl")
    assert len(records) == 125 and records[0]["camera"] == "site" and records[0]["detections"]
    with Reader(str(tmp_path / "helmet_modelbox.mp4")) as reader:
        assert sum(1 for _ in reader) == 125


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_a_posted_picture_is_answered_and_so_is_nonsense(tmp_path):
    port = free_port()
    url = "http://127.0.0.1:%d/v1/helmets" % port
    with Reader(str(GRAPHS / "media" / "site.mp4"), "bgr") as reader:
        picture = cv2.imencode(".jpg", next(iter(reader)).frame.bgr())[1].tobytes()
    server = subprocess.Popen([sys.executable, "-m", "sednabox", "run", "--engine", "pocketbox", "--quiet", "--set",
                               "receive.endpoint=" + url, str(GRAPHS / "helmet_http.toml")], cwd=tmp_path,
                              env={**os.environ, "PYTHONPATH": str(HOME)})

    def post(data, kind):
        request = urllib.request.Request(url, data, {"Content-Type": kind})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read())
    try:
        deadline = time.monotonic() + 40
        while True:
            try:
                first = post(base64.b64encode(picture), "text/plain")
                break
            except OSError:
                assert time.monotonic() < deadline and server.poll() is None
                time.sleep(0.1)
        assert {d["class"] for d in first["detections"]} >= {"person"} and first["width"] == 1280
        body = json.dumps({"image_base64": base64.b64encode(picture).decode()}).encode()
        assert post(body, "application/json")["detections"] == first["detections"]
        assert post(picture, "application/x-www-form-urlencoded")["detections"] == first["detections"]
        assert "are no picture" in post(b"hello", "text/plain")["error"]
        assert "holds no data" in post(b"", "text/plain")["error"]
        assert post(base64.b64encode(picture), "text/plain")["detections"] == first["detections"]
    finally:
        server.terminate()
        assert server.wait(20) == 0


def test_the_camera_graph_lives_without_camera_server_and_broker(tmp_path):
    """Everything is away: it keeps trying, says so without passwords, and ends when it is told to."""
    pytest.importorskip("paho.mqtt.client")
    port = free_port()
    graph = subprocess.Popen(
        [sys.executable, "-m", "sednabox", "run", "--engine", "pocketbox", "--interval", "1",
         "--set", "camera.source=rtsp://admin:hunter2@127.0.0.1:%d/1" % port, "--set", "camera.retry_first=0.05",
         "--set", "results.target=mqtt://me:s3cret@127.0.0.1:%d/x" % port, str(GRAPHS / "helmet_camera.toml")],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(HOME)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = []
    reader = threading.Thread(target=lambda: said.extend(iter(graph.stdout.readline, b"")), daemon=True)
    reader.start()
    deadline = time.monotonic() + 40
    while b"degraded" not in b"".join(said) and time.monotonic() < deadline:
        time.sleep(0.05)
    graph.terminate()
    assert graph.wait(30) == 0
    reader.join(5)
    text = b"".join(said).decode()
    assert "degraded" in text and "hunter2" not in text and "s3cret" not in text and "Traceback" not in text


def test_a_camera_and_a_server_that_speak_rtsp(tmp_path):
    """Frames come by rtsp and go on, with boxes, to an rtsp server; the results are told."""
    av = pytest.importorskip("av")
    with Reader(str(GRAPHS / "media" / "site.mp4"), "bgr") as reader:
        pictures = [cv2.resize(shot.frame.planes[0], (640, 360)) for shot, _ in zip(reader, range(40))]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    shown = []

    def watch():
        with av.open("rtsp://127.0.0.1:%d/helmets" % port,
                     options={"rtsp_flags": "listen", "listen_timeout": "60"}) as watched:
            for frame in watched.decode(video=0):
                shown.append(frame.to_ndarray(format="bgr24"))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    with RtspCamera(frames=400, rate=12, picture=lambda k: pictures[k % len(pictures)]) as camera:
        process = subprocess.Popen(
            [sys.executable, "-m", "sednabox", "run", "--engine", "pocketbox", "--set",
             "camera.source=rtsp://viewer:secret@%s/live" % camera.address, "--set",
             "record.target=rtsp://127.0.0.1:%d/helmets" % port, "--set", "results.target=results.jsonl", "--set",
             "alarms.target=alarms.jsonl", str(GRAPHS / "helmet_camera.toml")],
            cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": str(HOME)})
        deadline = time.monotonic() + 60
        while len(shown) < 12 and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.1)
        process.terminate()
        output, _ = process.communicate(timeout=40)
    watcher.join(20)
    records = lines_of(tmp_path / "results.jsonl")
    assert process.returncode == 0 and len(shown) >= 12, output
    assert sum(bool(record["detections"]) for record in records) > 0.5 * len(records)
    assert all(record["camera"] == "gate" for record in records) and "secret" not in output
    assert shown[0].shape == (360, 640, 3)
    yellow = [(np.abs(picture.astype(int) - (0, 255, 255)).max(axis=-1) < 60).sum() for picture in shown]
    assert max(yellow) > 100, "the boxes of persons are yellow"


def test_bench_shows_the_graph_beside_its_ceiling(tmp_path):
    done = sednabox("bench", GRAPHS / "helmet_detect.toml", "--seconds", "0.3", "--rounds", "1", "--json",
                    cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert set(figures["parts"]) == {"decode", "prepare", "detect", "draw", "record"}
    total = 1 / sum(1 / fps for fps in figures["parts"].values())
    assert figures["ceiling"] == pytest.approx(total, rel=0.02)
    assert figures["efficiency"] == pytest.approx(figures["graph"] / figures["ceiling"], rel=0.02)
    assert figures["plain"] > 0 and set(figures["latency_ms"]) == {"p50", "p95", "p99"} and "drops" in figures
    assert not list(tmp_path.iterdir())
