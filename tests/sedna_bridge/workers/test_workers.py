"""The workers as container entry points: real processes, nothing but Sedna's environment."""

import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))


class LC:
    def __init__(self):
        self.bodies = []
        lc = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                lc.bodies.append((self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b'{\n "Status": 200,\n "Message": "OK"\n}')

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def lc():
    server = LC()
    yield server
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture
def mounts(tmp_path):
    """A worker's view: everything below its own /home/data."""
    root = tmp_path / "home" / "data"
    for name, text in {
        "models/initial/model.json": '{"seen": 1}',
        "models/deploy/model.json": '{"seen": 1}',
        "data/helmet/train_data.txt": "",
        "data/helmet/img/1.jpg": "x",
        "data/helmet/img/2.jpg": "x",
        "output/data/train/1/data.txt": "img/1.jpg 1,2,3,4,0 5,6,7,8,2\nimg/2.jpg\n",
        "output/data/eval/1/data.txt": "img/2.jpg 1,2,3,4,0\n",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def environment_of(worker, lc, mounts, **env):
    values = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([REPO, HERE]),
        "NAMESPACE": "default",
        "JOB_NAME": "helmet-demo",
        "WORKER_NAME": f"{worker}-worker-abcde",
        "LC_SERVER": lc.url if lc else "",
        "DATA_PATH_PREFIX": str(mounts),
        "ORIGINAL_DATASET_URL": f"{mounts}/data/helmet/train_data.txt",
        "BASE_MODEL_URL": f"{mounts}/models/initial/model.json",
        "MODEL_URL": f"{mounts}/output/train/1",
        "MODEL_URLS": f"{mounts}/output/train/1/model.json;{mounts}/models/deploy/model.json",
        "TRAIN_DATASET_URL": f"{mounts}/output/data/train/1/data.txt",
        "TEST_DATASET_URL": f"{mounts}/output/data/eval/1/data.txt",
        "ESTIMATOR": "numbers_estimator:Numbers",
        "class_names": "person,helmet",
        "input_shape": "352,640",
        "epochs": "3",
        **env,
    }
    return {name: value for name, value in values.items() if value is not None}


def run(worker, lc, mounts, **env):
    values = environment_of(worker, lc, mounts, **env)
    done = subprocess.run(
        [sys.executable, "-m", f"sedna_bridge.workers.{worker}"], env=values, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout + done.stderr


def test_train_reports_a_model_at_its_host_path(lc, mounts):
    code, text = run("train", lc, mounts)
    assert code == 0, text
    path, body = lc.bodies[0]
    assert path == "/sedna/workers/train-worker-abcde/info"
    assert body["kind"] == "train" and body["status"] == "completed" and body["ownerName"] == "helmet-demo"
    assert body["results"] == [
        {"format": "json", "url": "/output/train/1/model.json", "metrics": {"loss": 0.5, "note": "text"}}
    ]
    model = json.loads((mounts / "output/train/1/model.json").read_text())
    assert model["seen"] == 3 and model["epochs"] == 3 and model["input_shape"] == [352, 640]
    assert model["x"][0] == f"{mounts}/data/helmet/img/1.jpg"
    assert model["y"] == [[[1, 2, 3, 4, 0], [5, 6, 7, 8, 2]], []]
    assert "100 % done" in text


def test_a_trainer_killed_halfway_resumes_and_a_finished_one_only_reports(lc, mounts):
    assert run("train", lc, mounts, DIE_HALFWAY="1")[0] == 5
    assert lc.bodies == []
    assert run("train", lc, mounts, DIE_HALFWAY="1")[0] == 0
    assert json.loads((mounts / "output/train/1/model.json").read_text())["resumed"]
    code, text = run("train", lc, mounts)
    assert code == 0 and "only reports" in text
    assert len(lc.bodies) == 1


def test_a_round_that_finds_another_ones_work_in_its_folder_starts_anew(lc, mounts):
    """A real LC that is started again counts its rounds from one, and asks for a model where the old one lies."""
    assert run("train", lc, mounts)[0] == 0
    folder = mounts / "output/train/1"
    (folder / ".checkpoints").mkdir(exist_ok=True)
    (folder / ".checkpoints/old").write_text("half of another round")
    code, text = run("train", lc, mounts, WORKER_NAME="train-worker-fghij")
    assert code == 0 and "starts anew" in text and "only reports" not in text
    assert not (folder / ".checkpoints/old").exists()
    (mounts / "output/data/train/1/data.txt").write_text("img/2.jpg 1,2,3,4,0\n")
    code, text = run("train", lc, mounts, WORKER_NAME="train-worker-fghij")
    assert code == 0 and "starts anew" in text, "the same worker, other samples"
    code, text = run("train", lc, mounts, WORKER_NAME="train-worker-fghij")
    assert code == 0 and "only reports" in text


def evaluating(lc, mounts, pause):
    for name in ("output/train/1", "models/deploy"):
        (mounts / name).mkdir(parents=True, exist_ok=True)
        (mounts / name / "model.json").write_text('{"seen": 1}')
    return subprocess.Popen(
        [sys.executable, "-m", "sedna_bridge.workers.evaluate"], stdout=subprocess.PIPE, text=True,
        env=environment_of("evaluate", lc, mounts, REPORT_PAUSE=pause)
    )


def test_a_worker_that_is_quick_waits_with_its_report_and_ends_on_sigterm(lc, mounts):
    """GM overwrites what it hears before it saw the pod run. And a container's first process must ask for SIGTERM."""
    process = evaluating(lc, mounts, "60")
    lines = [process.stdout.readline() for _ in range(4)]
    assert "model.json: {" in lines[3], lines
    time.sleep(0.3)
    process.terminate()
    assert process.wait(20) == 128 + 15 and not lc.bodies
    process.stdout.close()


def test_a_worker_stays_a_while_after_its_report(lc, mounts):
    process = evaluating(lc, mounts, "1.5")
    while not lc.bodies:
        assert process.poll() is None
        time.sleep(0.02)
    reported = time.monotonic()
    assert process.wait(20) == 0 and time.monotonic() - reported > 1.2
    process.stdout.close()


def test_evaluate_reports_two_results_of_lists(lc, mounts):
    run("train", lc, mounts)
    code, text = run("evaluate", lc, mounts)
    assert code == 0, text
    body = lc.bodies[1][1]
    assert body["kind"] == "eval"
    assert [result["url"] for result in body["results"]] == ["/output/train/1/model.json", "/models/deploy/model.json"]
    assert body["results"][0]["metrics"] == {"precision": [0.3], "map50": [0.15]}
    assert body["results"][1]["metrics"] == {"precision": [0.1], "map50": [0.05]}


@pytest.mark.parametrize("how, word", [("none", "no metric"), ("nan", "finite"), ("uneven", "differ")])
def test_metrics_that_lc_cannot_compare_are_an_error(lc, mounts, how, word):
    run("train", lc, mounts)
    code, text = run("evaluate", lc, mounts, BAD_METRICS=how)
    assert code == 1 and word in text and "Traceback" not in text
    assert len(lc.bodies) == 1


@pytest.mark.parametrize(
    "worker, env, word",
    [
        ("train", {"MODEL_URL": None}, "MODEL_URL is not set"),
        ("train", {"TRAIN_DATASET_URL": None}, "TRAIN_DATASET_URL is not set"),
        ("train", {"TRAIN_DATASET_URL": "/none.txt"}, "does not exist"),
        ("train", {"BASE_MODEL_URL": "/none.onnx"}, "does not exist"),
        ("train", {"ESTIMATOR": "numbers"}, "module:Class"),
        ("train", {"ESTIMATOR": "no_such_module:X"}, "no_such_module"),
        ("train", {"ESTIMATOR": "numbers_estimator:None_"}, "has no None_"),
        ("train", {"ESTIMATOR": "numbers_estimator:Lacking"}, "lacks evaluate"),
        ("train", {"epochs": "many"}, "whole number"),
        ("train", {"input_shape": "big"}, "height,width"),
        ("train", {"MODEL_URL": "gs://bucket/x"}, "expected a folder or s3"),
        ("evaluate", {"MODEL_URLS": "/a"}, "new;deployed"),
        ("evaluate", {"MODEL_URLS": "/a;/b"}, "does not exist"),
        ("infer", {"GRAPH": "/none.toml"}, "no such file"),
        ("infer", {"GRAPH": "nothing-of-that-name"}, "no such graph"),
    ],
)
def test_what_is_missing_is_named_without_a_traceback(lc, mounts, worker, env, word):
    code, text = run(worker, lc, mounts, **env)
    assert code == 1 and word in text and "Traceback" not in text


def test_bad_lines_are_left_out_and_named_missing_pictures_are_an_error(lc, mounts):
    data = mounts / "output/data/train/1/data.txt"
    data.write_text("img/1.jpg 9,9,1,1,0\nimg/2.jpg 1,2,3,4,0\n")
    code, text = run("train", lc, mounts)
    assert code == 0 and "data.txt:1: error: the box 9,9,1,1" in text and "1 samples remain" in text
    data.write_text("img/1.jpg\nimg/none.jpg\n")
    code, text = run("train", lc, mounts, MODEL_URL=f"{mounts}/output/train/2")
    assert code == 1 and "1 of 2 pictures" in text and "img/none.jpg" in text


def test_without_sedna_the_results_are_printed(mounts):
    code, text = run("train", None, mounts, JOB_NAME=None, WORKER_NAME=None)
    assert code == 0 and '"url": "/output/train/1/model.json"' in text


def test_raw_lines_for_sednas_own_estimators(lc, mounts):
    run("train", lc, mounts, use_raw="true")
    model = json.loads((mounts / "output/train/1/model.json").read_text())
    assert model["x"][0] == f"{mounts}/data/helmet/img/1.jpg 1,2,3,4,0 5,6,7,8,2" and model["y"] == []


def test_infer_becomes_its_engine(lc, mounts, tmp_path):
    graph = tmp_path / "graph.toml"
    graph.write_text("")
    engine = "{python} -c 'import os, sys; print(sys.argv[1], os.environ[\"JOB_NAME\"]); sys.exit(7)' {graph}"
    code, text = run("infer", lc, mounts, GRAPH=str(graph), ENGINE=engine)
    assert code == 7 and f"{graph} helmet-demo" in text


def test_a_model_for_s3_is_uploaded_and_reported_with_its_url(lc, mounts, tmp_path):
    pytest.importorskip("boto3")
    puts = {}

    class Bucket(BaseHTTPRequestHandler):
        def do_PUT(self):
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            puts[self.path] = (raw, self.headers["Authorization"])
            self.send_response(200)
            self.send_header("ETag", '"x"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Bucket)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        code, text = run(
            "train",
            lc,
            mounts,
            MODEL_URL="s3://bucket/output/train/1",
            S3_ENDPOINT_URL=f"http://127.0.0.1:{server.server_port}",
            ACCESS_KEY_ID="key",
            SECRET_ACCESS_KEY="secret",
            TMPDIR=str(tmp_path),
        )
    finally:
        server.shutdown()
        server.server_close()
    assert code == 0, text
    ((path, (raw, authorization)),) = puts.items()
    assert (
        path == "/bucket/output/train/1/model.json"
        and json.loads(raw)["seen"] == 3
        and "Credential=key/" in authorization
    )
    assert lc.bodies[0][1]["results"][0]["url"] == "s3://bucket/output/train/1/model.json"


@pytest.mark.parametrize(
    "text, words",
    [
        (
            "camera.source={video_url}; detect.model={MODEL_URL}",
            ["--set", "camera.source=/v.mp4", "--set", "detect.model=/m"],
        ),
        ("camera.source", "NODE.KEY=VALUE"),
        ("camera.source={nothing}", "names no environment variable"),
    ],
)
def test_infer_sets_nodes_from_the_environment(tmp_path, text, words):
    from sedna_bridge.environment import Environment
    from sedna_bridge.workers.errors import WorkerError
    from sedna_bridge.workers.infer import command

    (tmp_path / "g.toml").write_text("")
    env = Environment({"GRAPH": str(tmp_path / "g.toml"), "GRAPH_SET": text, "video_url": "/v.mp4", "MODEL_URL": "/m"})
    if isinstance(words, list):
        assert command(env)[-len(words) :] == words
    else:
        with pytest.raises(WorkerError, match=words):
            command(env)


def test_infer_logs_no_password(lc, mounts, tmp_path):
    engine = tmp_path / "engine"
    engine.write_text("#!/bin/sh\necho runs\n")
    engine.chmod(0o755)
    code, text = run(
        "infer", lc, mounts, GRAPH="helmet_camera",
        ENGINE=f"{engine} {{graph}} --set camera.source=rtsp://viewer:se@cret@10.0.0.7/live",
    )
    assert code == 0 and "runs" in text
    assert "rtsp://***@10.0.0.7/live" in text and "cret" not in text and "viewer" not in text
