"""What goes wrong: workers that crash, hang, eat, lie; kill -9 of everything in every state; wrong resources."""

import json
import os
import signal
import socket
import sys
import time
import urllib.request

import pytest

from sedna_bridge.local_controller import processes
from sedna_bridge.local_controller.context import Settings
from sedna_bridge.local_controller.controller import Controller
from sedna_bridge.local_controller.errors import ControllerBusy

STATES = [
    ("Train", "Waiting"),
    ("Train", "Ready"),
    ("Train", "Starting"),
    ("Train", "Running"),
    ("Train", "Completed"),
    ("Eval", "Ready"),
    ("Eval", "Running"),
    ("Eval", "Completed"),
    ("Deploy", "Waiting"),
    ("Deploy", "Ready"),
    ("Deploy", "Starting"),
    ("Deploy", "Running"),
]


@pytest.mark.parametrize("state", STATES, ids=["".join(state) for state in STATES])
def test_a_controller_killed_in_any_state_goes_on(site, state):
    site.apply(env={"train": {"TINY_SLEEP": "0.4"}})
    site.start()
    site.add_samples(10)
    site.wait(lambda: state in site.sequence()[1:] or state == STATES[0], what=str(state))
    site.kill()
    time.sleep(0.3)
    site.start()
    site.await_round(1, "deployed")
    assert json.loads(site.read("models/deploy/model.json"))["quality"] == 8
    trains = list(site.store.workers(site.uid, "train"))
    assert len({row["name"] for row in trains}) == 1
    assert site.sequence().count(("Train", "Completed")) == 1
    site.add_samples(10)
    site.await_round(2, "deployed")


def test_many_kills_at_any_moment_lose_no_sample(site):
    site.apply(env={"train": {"TINY_SLEEP": "0.2"}})
    for turn in range(8):
        site.start()
        if turn < 3:
            site.add_samples(10)
        time.sleep(0.15 + 0.17 * turn)
        site.kill()
    site.start()
    site.wait(
        lambda: (
            site.outcomes()
            and site.store.rows("SELECT COUNT(*) n FROM samples WHERE role='train' AND round IS NULL")[0]["n"] == 0
        ),
        60,
        "all samples used",
    )
    last = site.rounds()[-1]["number"]
    site.await_round(last)
    lines = [
        line
        for r in site.rounds()
        if r["outcome"] == "deployed"
        for line in site.read(f"output/data/train/{r['number']}/data.txt").splitlines()
    ]
    assert len(lines) == len(set(lines)) == 24


@pytest.mark.parametrize("who", ["keeper", "worker"])
def test_a_killed_worker_is_started_again_under_its_name(site, who):
    site.apply(env={"train": {"TINY_SLEEP": "2"}})
    site.start()
    site.add_samples(10)
    site.wait(lambda: ("Train", "Running") in site.sequence())
    row = site.store.workers(site.uid, "train")[0]
    site.wait(lambda: os.path.exists(os.path.join(row["folder"], "keeper.json")))
    with open(os.path.join(row["folder"], "keeper.json")) as file:
        keeper = json.load(file)["pid"]
    from sedna_bridge.local_controller.keeper import descendants

    children = site.wait(lambda: descendants(keeper))
    os.kill(keeper if who == "keeper" else children[0], signal.SIGKILL)
    site.wait(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in children), 5, "the worker's death")
    site.await_round(1, "deployed")
    rows = site.store.workers(site.uid, "train")
    assert {r["name"] for r in rows} == {row["name"]} and len(rows) == 2
    assert rows[0]["reason"] == ("Lost" if who == "keeper" else "Killed")


def test_a_worker_that_crashes_is_tried_again_then_the_round_fails_and_the_next_one_works(site, tmp_path):
    marker = tmp_path / "crashes"
    marker.write_text("3")
    site.apply(env={"train": {"TINY_CRASH_UNTIL": str(marker)}})
    site.start()
    site.add_samples(10)
    first = site.await_round(1, "failed")
    assert "attempt 3 of 3" in first["message"] and "exit code 9" in first["message"]
    assert ("Train", "Failed") in site.sequence()
    second = site.await_round(2, "deployed")
    assert second["train_samples"] == 8
    assert json.loads(site.read("models/deploy/model.json"))["quality"] == 8


def test_a_worker_that_hangs_is_killed_at_its_deadline(site):
    site.apply(
        train={"activeDeadlineSeconds": 1, "terminationGracePeriodSeconds": 1},
        env={"train": {"TINY_HANG": "1"}},
        annotations={"sednabox.io/retries": "0"},
    )
    site.start()
    site.add_samples(10)
    assert "DeadlineExceeded" in site.await_round(1, "failed")["message"]


def test_a_worker_that_eats_memory_is_killed_at_its_limit(site):
    site.apply(
        train={"container": {"resources": {"limits": {"memory": "200Mi"}}}},
        env={"train": {"TINY_EAT": str(600 << 20)}},
        annotations={"sednabox.io/retries": "0"},
    )
    site.start()
    site.add_samples(10)
    message = site.await_round(1, "failed")["message"]
    assert "OOMKilled" in message and "of 200 MiB" in message


@pytest.mark.parametrize("how, word", [("empty", "saved no model"), ("text", "exit code 1")])
def test_a_broken_model_is_never_deployed(site, how, word):
    site.apply(env={"train": {"TINY_BROKEN": how}}, annotations={"sednabox.io/retries": "0"})
    site.start()
    site.add_samples(10)
    message = site.await_round(1, "failed")["message"]
    assert "failed" in message
    assert word in message + site.logs()
    assert json.loads(site.read("models/deploy/model.json"))["rounds"] == 0


def post(site, **body):
    values = {"namespace": "default", "ownerName": "demo", "ownerKind": "incrementallearningjob", **body}
    url = f"http://127.0.0.1:{site.port}/sedna/workers/{values['name']}/info"
    request = urllib.request.Request(url, json.dumps(values).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert answer.status == 200
        assert answer.read() == b'{\n "Status": 200,\n "Message": "OK"\n}'


def test_reports_twice_late_alien_and_out_of_order_move_nothing(site):
    site.apply(env={"train": {"TINY_SLEEP": "1"}})
    site.start()
    site.add_samples(10)
    site.wait(lambda: ("Train", "Running") in site.sequence())
    worker = site.store.workers(site.uid, "train")[0]["name"]
    infer = site.store.workers(site.uid, "inference")[0]["name"]
    post(site, name=infer, kind="deploy", status="completed")
    post(site, name="eval-worker-xxxxx", kind="eval", status="completed", results=[])
    post(site, name="train-worker-alien", kind="train", status="completed", results=[{"format": "json", "url": "/x"}])
    post(site, name=worker, kind="train", status="running")
    post(site, name=worker, kind="inference", status="")
    post(site, name=worker, kind="train", status="completed", ownerName="nobody")
    site.await_round(1, "deployed")
    before = site.sequence()
    post(site, name=infer, kind="deploy", status="completed")
    post(site, name=worker, kind="train", status="completed", results=[{"format": "json", "url": "/x"}])
    site.wait(lambda: len(site.messages("ReportIgnored")) >= 7)
    assert site.sequence() == before
    assert site.sequence().count(("Deploy", "Completed")) == 1


def test_a_missing_model_and_dataset_are_named_until_they_come(site):
    site.apply()
    site.store.ask_delete("Model", "default", "initial")
    site.store.ask_delete("Dataset", "default", "d")
    site.start()
    site.add_samples(10)
    site.wait(lambda: "no Dataset d and no Model initial" in site.store.job_note(site.uid))
    assert any("apply it" in message for message in site.messages("MissingResource"))
    site.apply()
    site.await_round(1, "deployed")


def test_an_unknown_metric_or_operator_is_told(site):
    site.apply()
    row = site.store.resource_rows("IncrementalLearningJob")[0]
    value = json.loads(row["text"])
    value["spec"]["trainSpec"]["trigger"]["condition"]["operator"] = "~"
    from sedna_bridge.jobs.resources import from_json

    site.store.apply(from_json(json.dumps(value)))
    site.start()
    site.add_samples(10)
    site.wait(lambda: "operator '~' is unknown" in site.store.job_note(site.uid))
    value["spec"]["trainSpec"]["trigger"]["condition"].update(operator=">", metric="nonsense")
    site.store.apply(from_json(json.dumps(value)))
    site.wait(lambda: "metric 'nonsense' is unknown" in site.store.job_note(site.uid))


def test_a_dataset_that_is_not_there_or_has_bad_boxes_is_told(site):
    os.remove(site.path("data/train.txt"))
    site.apply()
    site.start()
    site.wait(lambda: "does not exist: write samples there" in site.store.job_note(site.uid))
    site.write("data/train.txt", "")
    site.add_samples(9)
    with open(site.path("data/train.txt"), "a") as file:
        file.write("bad.jpg 9,9,1,1,0\n")
    site.wait(lambda: any("train.txt:10: the box 9,9,1,1 is empty" in m for m in site.messages("BadLines")))


@pytest.mark.parametrize("answer, word", [("failed", "could not load"), ("silent", "did not take the new model")])
def test_a_deployment_that_does_not_take_is_taken_back(site, answer, word):
    site.apply(
        infer={"container": {"image": "player", "args": [], "env": [{"name": "DEPLOY_ANSWER", "value": answer}]}},
        annotations={"sednabox.io/deploy-deadline-seconds": "1"},
    )
    site.start()
    site.add_samples(10)
    assert word in site.await_round(1, "failed")["message"]
    assert json.loads(site.read("models/deploy/model.json"))["rounds"] == 0
    folder = os.path.join(site.controller_folder, "model-hot-update/default/incrementallearningjob/demo")
    assert "model_config.json" not in os.listdir(folder)


def test_an_image_without_a_command_or_a_runtime_is_told(site):
    site.apply(train={"container": {"image": "mycorp/secret:1"}})
    site.start()
    site.add_samples(10)
    message = site.await_round(1, "failed")["message"]
    assert "no local command for image mycorp/secret:1" in message and "--run" in message


def test_an_inference_worker_that_ends_is_started_again_with_its_name(site, tmp_path):
    run = json.dumps({"flaky": f"{sys.executable} -c 'raise SystemExit(3)'"})
    site.apply(infer={"container": {"image": "flaky", "args": []}}, annotations={"sednabox.io/run": run})
    site.start()
    rows = site.wait(lambda: len(site.store.workers(site.uid, "inference")) >= 3 and site.store.workers(site.uid))
    assert len({row["name"] for row in rows}) == 1
    assert any("exit code 3" in message for message in site.messages("InferenceEnded"))


def test_deleting_a_job_ends_its_workers(site):
    site.apply(env={"train": {"TINY_HANG": "1"}}, train={"terminationGracePeriodSeconds": 1})
    site.start()
    site.add_samples(10)
    site.wait(lambda: ("Train", "Running") in site.sequence())
    folders = [row["folder"] for row in site.store.workers(site.uid)]
    site.store.ask_delete("IncrementalLearningJob", "default", "demo")
    site.wait(lambda: not site.store.resource_rows("IncrementalLearningJob"))
    assert all(not os.path.exists(folder) for folder in folders)
    assert os.path.exists(site.path("output/data/train/1/data.txt"))


def test_a_port_in_use_is_told_in_the_jobs_events(site):
    site.apply()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ControllerBusy, match="--port"):
            Controller(Settings(site.controller_folder), port=taken.getsockname()[1])
    assert any("cannot be used" in message for message in site.messages("PortInUse"))


def test_a_second_controller_on_the_same_state_is_refused(site):
    site.apply()
    site.start()
    with pytest.raises(ControllerBusy, match="another local controller"):
        Controller(Settings(site.controller_folder), port=0)


def test_a_full_disk_fails_the_round_and_keeps_the_samples(site):
    site.apply()
    os.makedirs(site.path("output"), exist_ok=True)
    site.write("output/data", "a file where a folder must be")
    site.start()
    site.add_samples(10)
    site.wait(lambda: "output/data" in site.store.job_note(site.uid), what="a note")
    os.remove(site.path("output/data"))
    site.await_round(1, "deployed")


def test_everything_that_a_worker_started_ends_with_it(tmp_path):
    script = (
        "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'],"
        "start_new_session=True); time.sleep(300)"
    )
    plan = processes.Plan(
        [sys.executable, "-c", script], processes.inherited(), str(tmp_path), str(tmp_path / "log"), grace=0.2
    )
    folder = str(tmp_path / "w")
    processes.start(folder, plan)
    from sedna_bridge.local_controller.keeper import descendants

    end = time.monotonic() + 20
    found = []
    while len(found) < 2 and time.monotonic() < end:
        time.sleep(0.05)
        if os.path.exists(os.path.join(folder, "keeper.json")):
            with open(os.path.join(folder, "keeper.json")) as file:
                found = descendants(json.load(file)["pid"])
    assert len(found) == 2
    assert processes.stop_and_wait(folder, 10)
    end = time.monotonic() + 5
    while any(os.path.exists(f"/proc/{pid}") for pid in found) and time.monotonic() < end:
        time.sleep(0.02)
    assert not any(os.path.exists(f"/proc/{pid}") for pid in found)
    assert processes.look(folder).reason == "Stopped"
    processes.start(folder, plan)
    time.sleep(0.3)
    assert processes.look(folder).state == processes.ENDED
