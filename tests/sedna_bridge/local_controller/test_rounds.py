"""Whole rounds with real processes."""

import json
import os
import sys

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
STEPS = [
    ("Train", "Waiting"),
    ("Train", "Ready"),
    ("Train", "Starting"),
    ("Train", "Running"),
    ("Train", "Completed"),
    ("Eval", "Waiting"),
    ("Eval", "Ready"),
    ("Eval", "Starting"),
    ("Eval", "Running"),
    ("Eval", "Completed"),
    ("Deploy", "Waiting"),
    ("Deploy", "Ready"),
    ("Deploy", "Starting"),
    ("Deploy", "Running"),
    ("Deploy", "Completed"),
    ("Train", "Waiting"),
]


def test_two_rounds_deploy_by_hot_update_as_sedna_writes_them(site):
    site.apply()
    site.start()
    site.add_samples(10)
    first = site.await_round(1, "deployed")
    assert site.sequence()[: len(STEPS)] == STEPS
    assert site.read("output/data/train/1/data.txt").splitlines() == [f"img{n}.jpg 1,2,30,40,0" for n in range(1, 9)]
    assert site.read("output/data/eval/1/data.txt").splitlines() == [f"img{n}.jpg 1,2,30,40,0" for n in (9, 10)]
    assert first["train_samples"] == 8 and first["eval_samples"] == 2
    assert first["model"] == "/output/train/1/model.json"
    assert json.loads(site.read("models/deploy/model.json"))["quality"] == 8
    folder = os.path.join(site.controller_folder, "model-hot-update/default/incrementallearningjob/demo")
    with open(os.path.join(folder, "model_config.json")) as file:
        config = json.load(file)["model_config"]
    assert config["model_path"] == os.path.join(folder, "model.json")
    assert config["model_update_time"].endswith(config["model_update_time"].split(" UTC ")[1])
    site.add_samples(10)
    second = site.await_round(2, "deployed")
    assert second["base"] == "/output/train/1/model.json"
    assert len(site.read("output/data/eval/2/data.txt").splitlines()) == 4
    assert json.loads(site.read("models/deploy/model.json")) == {"quality": 16, "rounds": 2}
    conditions = site.store.conditions(site.uid)
    ready = json.loads(next(c for c in conditions if (c.stage, c.type) == ("Train", "Ready")).data)
    assert ready == {
        "input": {
            "models": [{"format": "json", "url": "/models/initial/model.json"}],
            "dataURL": "/output/data/train/1/data.txt",
            "outputDir": "/output/train/1",
        }
    }


def test_a_poisoned_round_is_rejected_and_the_next_starts_from_the_last_good_model(site):
    site.apply()
    site.start()
    site.add_samples(10)
    site.await_round(1, "deployed")
    site.add_samples(10, "poison")
    site.await_round(2, "rejected")
    assert [c for c in site.sequence() if c[0] == "Deploy"][-1] == ("Deploy", "Completed")
    assert json.loads(site.read("models/deploy/model.json"))["rounds"] == 1
    site.add_samples(10)
    third = site.await_round(3, "deployed")
    assert third["base"] == "/output/train/1/model.json"


def test_a_cold_update_starts_the_inference_worker_anew(site):
    site.apply(hot="false")
    site.start()
    site.add_samples(10)
    site.await_round(1, "deployed")
    assert json.loads(site.read("models/deploy/model.json"))["quality"] == 8
    deploy = [c[1] for c in site.sequence() if c[0] == "Deploy"]
    assert deploy[:3] == ["Waiting", "Ready", "Completed"]
    site.wait(lambda: len({row["name"] for row in site.store.workers(site.uid, "inference")}) == 2, what="a new worker")


def test_workers_get_gms_environment(site, tmp_path):
    script = tmp_path / "dump.py"
    script.write_text(
        "import json, os\n"
        f"open({str(tmp_path)!r} + '/' + os.environ['WORKER_NAME'].split('-')[0] + '.json', 'w')"
        ".write(json.dumps(dict(os.environ)))\n"
        "import time; time.sleep(60)\n"
    )
    run = json.dumps({"dump": f"{sys.executable} {script}"})
    container = {"container": {"image": "dump"}}
    site.apply(train=dict(container), infer={"container": {"image": "dump"}}, annotations={"sednabox.io/run": run})
    site.start()
    site.add_samples(10)
    site.wait(lambda: (tmp_path / "train.json").exists() and (tmp_path / "train.json").read_text().endswith("}"))
    train = json.loads((tmp_path / "train.json").read_text())
    root = site.root
    assert train["NAMESPACE"] == "default"
    assert train["JOB_NAME"] == "demo"
    assert train["WORKER_NAME"].startswith("train-worker-")
    assert train["LC_SERVER"] == f"http://127.0.0.1:{site.port}"
    assert train["DATA_PATH_PREFIX"] == root
    assert train["BASE_MODEL_URL"] == f"{root}/models/initial/model.json"
    assert train["MODEL_URL"] == f"{root}/output/train/1"
    assert train["TRAIN_DATASET_URL"] == f"{root}/output/data/train/1/data.txt"
    assert train["ORIGINAL_DATASET_URL"] == f"{root}/data/train.txt"
    site.wait(lambda: any(name.startswith("inferworker") for name in os.listdir(tmp_path)))
    name = next(name for name in os.listdir(tmp_path) if name.startswith("inferworker"))
    site.wait(lambda: (tmp_path / name).read_text().endswith("}"))
    infer = json.loads((tmp_path / name).read_text())
    assert infer["HEM_NAME"] == "IBT"
    assert infer["HEM_PARAMETERS"] == '[{"key":"threshold_img","value":"0.9"}]'
    assert infer["MODEL_HOT_UPDATE"] == "true"
    assert infer["MODEL_POLL_PERIOD_SECONDS"] == "1"
    assert infer["MODEL_HOT_UPDATE_CONFIG"].endswith("/default/incrementallearningjob/demo/model_config.json")
    assert infer["MODEL_URL"] == f"{root}/models/deploy/model.json"


def test_a_separate_eval_model_is_compared_and_gets_the_new_model_too(site):
    site.write("models/judge/model.json", json.dumps({"quality": 1, "rounds": 0}))
    site.apply(eval_model="judge")
    site.start()
    site.add_samples(10)
    site.await_round(1, "deployed")
    ready = next(c for c in site.store.conditions(site.uid) if (c.stage, c.type) == ("Eval", "Ready"))
    urls = [model["url"] for model in json.loads(ready.data)["input"]["models"]]
    assert urls == ["/output/train/1/model.json", "/models/judge/model.json"]
    assert json.loads(site.read("models/judge/model.json"))["quality"] == 8
    assert json.loads(site.read("models/deploy/model.json"))["quality"] == 8


def test_a_metric_without_an_index_deploys_by_its_mean_and_not_where_sednas_way_is_asked_for(site):
    site.apply(metric="precision_delta", annotations={"sednabox.io/trigger": "sedna"})
    site.start()
    site.add_samples(10)
    site.await_round(1, "rejected")
    site.apply(metric="precision_delta")
    site.add_samples(10)
    site.await_round(2, "deployed")
    assert any("the mean of 2" in message for message in site.messages("DeployReady"))


def test_containers_where_a_runtime_exists(site, tmp_path, monkeypatch):
    """A stand-in for docker writes its command line down and plays the worker with the environment it was given."""
    fake = tmp_path / "bin" / "docker"
    fake.parent.mkdir()
    fake.write_text(
        f"#!{sys.executable}\n"
        "import json, os, sys\n"
        f"open({str(tmp_path)!r} + '/' + sys.argv[1] + '-' + str(os.getpid()), 'w').write(json.dumps(sys.argv))\n"
        "if sys.argv[1] != 'run': sys.exit(0)\n"
        "env = dict(word.split('=', 1) for flag, word in zip(sys.argv, sys.argv[1:]) if flag == '--env')\n"
        "mounts = [word.split(':')[:2] for flag, word in zip(sys.argv, sys.argv[1:]) if flag == '--volume']\n"
        "assert env['DATA_PATH_PREFIX'] == '/home/data', env\n"
        "for name, value in list(env.items()):\n"
        "    for source, target in mounts:\n"
        "        if value.startswith(target): env[name] = source + value[len(target):]\n"
        f"env['DATA_PATH_PREFIX'] = {str(site.root)!r}\n"
        f"env['PYTHONPATH'] += ':' + {REPO!r}\n"
        "os.execve(sys.executable, [sys.executable, '-m', 'sedna_bridge.workers.train'], {**os.environ, **env})\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    site.apply(train={"container": {"image": "me/trainer:1", "args": ["go"]}})
    site.start(runtime="docker")
    site.add_samples(10)
    site.await_round(1, "deployed")
    lines = [json.loads((tmp_path / name).read_text()) for name in os.listdir(tmp_path) if name.startswith("run-")]
    assert len(lines) == 1 and lines[0][-2:] == ["me/trainer:1", "go"]
    assert f"{site.root}/output/train/:/home/data/output/train/" in lines[0]
    site.wait(lambda: len([name for name in os.listdir(tmp_path) if name.startswith("rm-")]) == 2)
    removed = [json.loads((tmp_path / name).read_text())[1:] for name in os.listdir(tmp_path) if name.startswith("rm-")]
    name = site.store.workers(site.uid, "train")[0]["name"]
    assert removed == [["rm", "--force", name]] * 2


def test_datasets_are_counted_and_a_services_statistics_kept(site):
    site.add_samples(3)
    text = """
apiVersion: sedna.io/v1alpha1
kind: Dataset
metadata: {name: alone}
spec: {url: /data/train.txt, format: txt, nodeName: here}
---
apiVersion: sedna.io/v1alpha1
kind: JointInferenceService
metadata: {name: ji}
spec:
  edgeWorker:
    model: {name: little}
    hardExampleMining: {name: IBT}
    template: {spec: {containers: [{name: c, image: x}]}}
  cloudWorker: {model: {name: big}, template: {spec: {containers: [{name: c, image: x}]}}}
"""
    site.apply(text=text)
    site.start()
    site.wait(lambda: (site.store.note("dataset/default/alone") or {}).get("samples") == 3)
    site.add_samples(2)
    site.wait(lambda: site.store.note("dataset/default/alone")["samples"] == 5)
    from sedna_bridge.contract import InferenceStatistics
    from sedna_bridge.environment import Environment, WorkerEnvironment
    from sedna_bridge.local_controller.client import Client
    from sedna_bridge.local_controller.outbox import Outbox

    values = {"SERVICE_NAME": "ji", "NAMESPACE": "default", "WORKER_NAME": "edgeworker-1"}
    env = WorkerEnvironment.from_environment(Environment({**values, "LC_SERVER": f"http://127.0.0.1:{site.port}"}))
    client = Client(env, Outbox(os.path.join(site.folder, "outbox")), settle=0).start()
    client.statistics(InferenceStatistics("a", "b", 6, 3))
    assert client.close(10)
    note = site.wait(lambda: site.store.note("service/default/ji"))
    assert note["metrics"] == {"inferenceNumber": 6, "hardExampleNumber": 3, "uploadCloudRatio": 0.5}
