import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time

import pytest

from sedna_bridge.jobs import load
from sedna_bridge.local_controller import processes
from sedna_bridge.local_controller.store import Store

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))

JOB = """
apiVersion: sedna.io/v1alpha1
kind: Dataset
metadata: {{name: d}}
spec: {{url: /data/train.txt, format: txt, nodeName: here}}
---
apiVersion: sedna.io/v1alpha1
kind: Model
metadata: {{name: initial}}
spec: {{url: /models/initial/model.json, format: json}}
---
apiVersion: sedna.io/v1alpha1
kind: Model
metadata: {{name: deployed}}
spec: {{url: /models/deploy/model.json, format: json}}
---
apiVersion: sedna.io/v1alpha1
kind: Model
metadata: {{name: judge}}
spec: {{url: /models/judge/model.json, format: json}}
---
apiVersion: sedna.io/v1alpha1
kind: IncrementalLearningJob
metadata:
  name: demo
  annotations: {annotations}
spec:
  initialModel: {{name: initial}}
  dataset: {{name: d, trainProb: 0.8}}
  trainSpec:
    template:
      spec: {train}
    trigger:
      checkPeriodSeconds: 0
      condition: {{operator: ">=", threshold: 8, metric: num_of_samples}}
  evalSpec:
    {judge}
    template:
      spec: {evaluate}
  deploySpec:
    model: {{name: deployed, hotUpdateEnabled: {hot}, pollPeriodSeconds: 1}}
    trigger:
      condition: {{operator: ">", threshold: 0.01, metric: "{metric}"}}
    hardExampleMining: {{name: IBT, parameters: [{{key: threshold_img, value: "0.9"}}]}}
    template:
      spec: {infer}
  outputDir: /output
"""


def wait(condition, deadline=40.0, what="it"):
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come within {deadline} s")


class Site:
    """A root with models and data, a state directory, and a controller in a process of its own."""

    wait = staticmethod(wait)

    def __init__(self, folder):
        self.folder = str(folder)
        self.root = os.path.join(self.folder, "site")
        self.state = os.path.join(self.folder, "state")
        self.controller_folder = os.path.join(self.state, "controller")
        self.process = None
        self.count = 0
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        for name in ("initial", "deploy"):
            self.write(f"models/{name}/model.json", json.dumps({"quality": 0, "rounds": 0}))
        self.write("data/train.txt", "")
        self.store = Store(self.controller_folder)

    def path(self, name):
        return os.path.join(self.root, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w") as file:
            file.write(text)

    def read(self, name):
        with open(self.path(name)) as file:
            return file.read()

    def add_samples(self, count, name="img", pictures=True):
        with open(self.path("data/train.txt"), "a") as file:
            for _ in range(count):
                self.count += 1
                if pictures:
                    self.write(f"data/{name}{self.count}.jpg", "x")
                file.write(f"{name}{self.count}.jpg 1,2,30,40,0\n")

    def apply(self, train=None, evaluate=None, infer=None, hot="true", annotations=None, env=None, text=None, **more):
        def spec(stage, more):
            container = {
                "name": stage,
                "image": "sednabox",
                "args": [f"{stage}.py"],
                "env": [{"name": "ESTIMATOR", "value": "tiny:Tiny"}, {"name": "PYTHONPATH", "value": HERE}],
            }
            value = {"containers": [container], **(more or {})}
            container["env"] += [{"name": k, "value": v} for k, v in (env or {}).get(stage, {}).items()]
            container.update((more or {}).pop("container", {}))
            value.pop("container", None)
            return json.dumps(value)

        run = {"player": f"{sys.executable} {HERE}/infer_loop.py"}
        infer = infer or {"container": {"image": "player", "args": []}}
        values = {"sednabox.io/run": json.dumps(run), **(annotations or {})}
        text = text or JOB.format(
            train=spec("train", train),
            evaluate=spec("eval", evaluate),
            infer=spec("inference", infer),
            hot=hot,
            metric=more.get("metric", "precision_delta[0]"),
            judge="initialEvalModel: {name: judge}" if more.get("eval_model") else "",
            annotations=json.dumps(values),
        )
        for resource in load(text, "job.yaml"):
            self.store.apply(resource)

    def start(self, **settings):
        values = {
            "folder": self.controller_folder,
            "state": self.state,
            "root": self.root,
            "tick": 0.05,
            "check_period": 0.05,
            "first_pause": 0.1,
            "longest_pause": 0.5,
            "report_grace": 0.5,
            "nice": 0,
            "runtime": "process",
            **settings,
        }
        script = textwrap.dedent(
            f"""
            from sedna_bridge.local_controller.context import Settings
            from sedna_bridge.local_controller.controller import Controller
            controller = Controller(Settings(**{values!r}), port={self.port})
            controller.on_signals()
            controller.run()
            """
        )
        self.process = subprocess.Popen([sys.executable, "-c", script], cwd=REPO)
        wait(lambda: (self.store.note("controller") or {}).get("pid") == self.process.pid or self.process.poll(), 20)
        return self

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    @property
    def uid(self):
        return self.store.resource_rows("IncrementalLearningJob")[0]["uid"]

    def sequence(self):
        return [(c.stage, c.type) for c in self.store.conditions(self.uid)]

    def rounds(self):
        return self.store.rounds(self.uid)

    def outcomes(self):
        return [r["outcome"] for r in self.rounds() if r["ended"]]

    def messages(self, reason=""):
        rows = self.store.events("IncrementalLearningJob")
        return [row["message"] for row in rows if not reason or row["reason"] == reason]

    def job_state(self):
        return self.store.job_state(self.uid) or {}

    def await_round(self, number, outcome=None, deadline=40.0):
        def ended():
            rounds = [r for r in self.rounds() if r["number"] == number and r["ended"]]
            return rounds[0] if rounds else None

        try:
            found = wait(ended, deadline, f"round {number}")
        except AssertionError:
            raise AssertionError(f"no round {number}: {self.sequence()} {self.messages()} {self.logs()}") from None
        assert outcome is None or found["outcome"] == outcome, (found, self.messages(), self.logs())
        return found

    def logs(self):
        texts = []
        for row in self.store.workers(self.uid):
            try:
                with open(row["log"]) as file:
                    texts.append(f"{row['name']}.{row['attempt']}: {file.read()[-800:]}")
            except OSError:
                pass
        return "\n".join(texts)

    def close(self):
        self.stop()
        for row in self.store.rows("SELECT folder FROM workers"):
            processes.stop(row["folder"])
        for row in self.store.rows("SELECT folder FROM workers"):
            processes.stop_and_wait(row["folder"], 20)


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    yield site
    site.close()
