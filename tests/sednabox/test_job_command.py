"""`sednabox job` through its own door: real processes, a real controller."""

import json
import os
import re
import subprocess
import sys
import time

import pytest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROOM = os.path.join(REPO, "tests", "sedna_bridge", "local_controller")

# The shape of Sedna's quick start, with its traps: unquoted times, a metric without an index, a hostPath type that
# Kubernetes refuses, a checkpoint folder as the base, another framework's format, variables that nobody expanded.
QUICK_START = """\
apiVersion: sedna.io/v1alpha1
kind: Dataset
metadata: {name: incremental-dataset}
spec: {url: "/data/train_data.txt", format: "txt", nodeName: $WORKER_NODE}
---
apiVersion: sedna.io/v1alpha1
kind: Model
metadata: {name: initial-model}
spec: {url: "/models/base_model", format: "ckpt"}
---
apiVersion: sedna.io/v1alpha1
kind: Model
metadata: {name: deploy-model}
spec: {url: "/models/deploy_model/saved_model.pb", format: "pb"}
---
apiVersion: sedna.io/v1alpha1
kind: IncrementalLearningJob
metadata:
  name: helmet-detection-demo
spec:
  initialModel: {name: "initial-model"}
  dataset: {name: "incremental-dataset", trainProb: 0.8}
  trainSpec:
    template:
      spec:
        nodeName: $WORKER_NODE
        containers:
          - image: $IMAGE
            name:  train-worker
            imagePullPolicy: IfNotPresent
            args: ["train.py"]
            env: [{name: "batch_size", value: "32"}, {name: "epochs", value: "1"}]
    trigger:
      checkPeriodSeconds: 1
      timer:
        start: 00:00
        end: 23:59
      condition:
        operator: ">"
        threshold: 7
        metric: num_of_samples
  evalSpec:
    template:
      spec:
        nodeName: $WORKER_NODE
        containers:
          - {image: $IMAGE, name: eval-worker, args: ["eval.py"]}
  deploySpec:
    model: {name: "deploy-model", hotUpdateEnabled: true, pollPeriodSeconds: 1}
    trigger:
      condition: {operator: ">", threshold: 0.1, metric: precision_delta}
    hardExampleMining:
      name: "IBT"
      parameters: [{key: "threshold_img", value: "0.9"}, {key: "threshold_box", value: "0.9"}]
    template:
      spec:
        nodeName: $WORKER_NODE
        containers:
        - image: $IMAGE
          name:  infer-worker
          args: ["inference.py"]
          env: [{name: "video_url", value: "file://video/video.mp4"}, {name: "HE_SAVED_URL", value: "/he_saved_url"}]
          volumeMounts: [{name: localvideo, mountPath: /video/}, {name: hedir, mountPath: /he_saved_url}]
          resources: {limits: {memory: 2Gi}}
        volumes:
          - {name: localvideo, hostPath: {path: /incremental_learning/video/, type: DirectoryorCreate}}
          - {name: hedir, hostPath: {path: /incremental_learning/he/, type: DirectoryorCreate}}
  outputDir: "/output"
"""
JOB = "helmet-detection-demo"


class Box:
    def __init__(self, folder):
        self.folder = folder
        self.root = folder / "site"
        self.state = folder / "state"
        for name in ("base_model/model.onnx", "deploy_model/saved_model.pb"):
            path = self.root / "models" / name
            path.parent.mkdir(parents=True)
            path.write_text('{"quality": 0, "rounds": 0}')
        (self.root / "data").mkdir()
        (self.root / "data/train_data.txt").write_text("")
        (folder / "job.yaml").write_text(QUICK_START)

    def run(self, *words, env=None, text=None, deadline=60):
        done = subprocess.run(
            [sys.executable, "-m", "sednabox.commands.job", *map(str, words)],
            cwd=REPO,
            env={**os.environ, "SEDNABOX_STATE": str(self.state), **(env or {})},
            capture_output=True,
            text=True,
            input=text,
            timeout=deadline,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr

    def good(self, *words, **options):
        code, out, err = self.run(*words, **options)
        assert code == 0, (out, err)
        return out

    def add_samples(self, count):
        lines = []
        for number in range(count):
            (self.root / f"data/{number}.jpg").write_text("x")
            lines.append(f"{number}.jpg 1,2,3,4,0\n")
        with open(self.root / "data/train_data.txt", "a") as file:
            file.write("".join(lines))


@pytest.fixture
def box(tmp_path):
    box = Box(tmp_path)
    yield box
    box.run("delete", JOB, "--timeout", "40")
    box.run("stop")


def test_sednas_quick_start_runs_unchanged(box):
    env = {
        "ESTIMATOR": "tiny:Tiny",
        "ENGINE": "{python} %s/infer_loop.py" % ROOM,
        "GRAPH": str(box.folder / "job.yaml"),
        "PYTHONPATH": ROOM,
    }
    code, out, err = box.run("apply", "-f", box.folder / "job.yaml", "--root", box.root, "--port", "0", env=env)
    assert code == 0, err
    assert f"incrementallearningjob.sedna.io/{JOB} created" in out
    assert re.search(r"local controller started at http://127.0.0.1:\d+", out)
    for word in ("DirectoryOrCreate", "has no index", "$WORKER_NODE", "$IMAGE", "looks each 10 s"):
        assert word in err
    assert all(re.match(r".*job\.yaml:\d+: warning: ", line) for line in err.splitlines())
    box.add_samples(10)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        history = json.loads(box.good("history", JOB, "--json"))
        if history and history[-1]["ended"]:
            break
        time.sleep(0.2)
    assert history[0]["outcome"] == "deployed", (history, box.good("describe", JOB))
    assert json.loads((box.root / "models/deploy_model/saved_model.pb").read_text())["quality"] == 8
    table = box.good("get")
    assert table.split()[:8] == ["NAME", "STAGE", "STATUS", "ROUND", "DEPLOYED", "PENDING", "INFERENCE", "AGE"]
    assert JOB in table
    assert "10" in box.good("get", "datasets") and "saved_model.pb" in box.good("get", "models")
    whole = json.loads(box.good("get", "il", JOB, "-o", "json"))
    assert [c["type"] for c in whole["status"]["conditions"]][:3] == ["Waiting", "Ready", "Starting"]
    text = box.good("describe", JOB)
    for word in (
        "Conditions:",
        "Workers:",
        "Events:",
        "FormatMismatch",
        "rewritten to host paths: video_url",
        "mean of 2",
    ):
        assert word in text, word
    assert "evaluating" in box.good("logs", JOB) and "training on 8" in box.good("logs", JOB, "--worker", "train")
    assert len(box.good("logs", JOB, "--worker", "train", "--tail", "1").splitlines()) == 1
    assert "reported train completed" in box.good("logs", JOB, "--worker", "train", "-f")
    assert "HotUpdate" in box.good("events", JOB)
    assert "unchanged" in box.good("apply", "-f", box.folder / "job.yaml")
    assert "stopped; workers go on" in box.good("stop")
    assert "not running" in box.good("describe", JOB)
    assert "deleted" in box.good("delete", JOB)
    assert "No resources found" in box.good("get")


def test_bad_files_have_lines_and_exit_code_1(box):
    bad = QUICK_START.replace("trainProb: 0.8", "trainProb: x")
    code, _out, err = box.run("apply", "-f", "-", text=bad)
    assert code == 1 and re.search(r"<stdin>:22: error: spec\.dataset\.trainProb must be a number", err)
    assert box.run("apply", "-f", box.folder / "none.yaml")[0] == 1
    assert box.run("check", "-f", box.folder / "job.yaml")[0] == 0
    findings = json.loads(box.good("check", "-f", box.folder / "job.yaml", "--json"))
    assert {finding["level"] for finding in findings} == {"warning"}
    assert box.run("apply")[0] == 2
    assert box.run("nonsense")[0] == 2
    assert box.run()[0] == 2


def test_what_is_not_there_is_exit_code_1(box):
    for words in (
        ("describe", "x"),
        ("logs", "x"),
        ("history", "x"),
        ("delete", "x"),
        ("get", "il", "x"),
        ("get", "pods"),
    ):
        code, out, err = box.run(*words)
        assert code == 1 and err.startswith(("error: there is no", "argument: error: there is no")), (words, out, err)


def test_set_expands_what_a_shell_would(box):
    box.good(
        "apply", "-f", box.folder / "job.yaml", "--set", "WORKER_NODE=edge", "--set", "IMAGE=sednabox:1", "--no-start"
    )
    value = json.loads(box.good("get", "il", JOB, "--json"))
    spec = value["spec"]["trainSpec"]["template"]["spec"]
    assert (spec["nodeName"], spec["containers"][0]["image"]) == ("edge", "sednabox:1")
    assert f"{JOB} configured" in box.good(
        "apply", "-f", box.folder / "job.yaml", "--run", "sednabox=true", "--no-start"
    )
    value = json.loads(box.good("get", "il", JOB, "--json"))
    assert json.loads(value["metadata"]["annotations"]["sednabox.io/run"]) == {"sednabox": "true"}


def test_a_port_in_use_is_exit_code_3_and_stands_in_describe(box):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, out, err = box.run("apply", "-f", box.folder / "job.yaml", "--root", box.root, "--port", port)
        assert code == 3 and f"port {port}" in err and "created" in out
    assert f"port {port} on 127.0.0.1 cannot be used" in box.good("describe", JOB)
    assert "PortInUse" in box.good("events", JOB)


def test_delete_without_a_controller(box):
    box.good("apply", "-f", box.folder / "job.yaml", "--no-start")
    assert box.good("delete", "-f", box.folder / "job.yaml").count("deleted") == 4
    assert "No resources found" in box.good("get", "all")
