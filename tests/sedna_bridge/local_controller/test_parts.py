"""The parts of the local controller that need no process."""

import json
import os
import sqlite3
import sys
import time

import pytest

from sedna_bridge.contract_conditions import COMPLETED, DEPLOY, EVAL, FAILED, TRAIN, TYPES
from sedna_bridge.jobs.resources import Condition, Trigger
from sedna_bridge.local_controller import containers, images, machine, pods, samples, stages, triggers
from sedna_bridge.local_controller.deployment import Installer, copy_whole, pick
from sedna_bridge.local_controller.errors import PodError
from sedna_bridge.local_controller.pods import Given
from sedna_bridge.local_controller.quantities import quantity
from sedna_bridge.local_controller.store import Store

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


# The machine


def test_every_state_has_a_step_and_every_way_leads_to_a_state():
    assert set(stages._STEPS) == set(machine.TRANSITIONS)
    assert {state[1] for state in machine.TRANSITIONS} == set(TYPES)
    for events in machine.TRANSITIONS.values():
        assert set(events.values()) <= set(machine.TRANSITIONS)


def test_every_failure_leads_back_to_training_and_nothing_skips_evaluation():
    for stage in (TRAIN, EVAL, DEPLOY):
        assert machine.follow((stage, FAILED), machine.GOES_ON) == machine.START
    assert machine.follow((TRAIN, COMPLETED), machine.GOES_ON)[0] == EVAL
    assert machine.follow((EVAL, COMPLETED), machine.GOES_ON)[0] == DEPLOY
    assert machine.follow((EVAL, "Waiting"), machine.COMPLETES) is None


def test_the_documents_hold_the_machine_as_it_is():
    with open(os.path.join(REPO, "docs", "local-controller.md"), encoding="utf-8") as file:
        assert machine.drawing() in file.read()


# Triggers


def compare(metric, operator, threshold, metrics, strict=False):
    return triggers.compare(Condition(metric, operator, threshold), metrics, strict)


@pytest.mark.parametrize(
    "operator, below, equal, above",
    [
        (">", 0, 0, 1),
        ("gt", 0, 0, 1),
        (">=", 0, 1, 1),
        ("ge", 0, 1, 1),
        ("=", 0, 1, 0),
        ("==", 0, 1, 0),
        ("eq", 0, 1, 0),
        ("!=", 1, 0, 1),
        ("ne", 1, 0, 1),
        ("<=", 1, 1, 0),
        ("le", 1, 1, 0),
        ("<", 1, 0, 0),
        ("lt", 1, 0, 0),
        ("~", 0, 0, 0),
    ],
)
def test_operators_are_sednas(operator, below, equal, above):
    values = (0.4, 0.5 + 1e-8, 0.6)
    assert [compare("m", operator, 0.5, {"m": value}).fires for value in values] == [below, equal, above]


def test_a_list_is_selected_by_index_or_compared_by_its_mean_or_as_sedna_does():
    metrics = triggers.deltas({"precision": [0.9, 0.3]}, {"precision": [0.5, 0.5]})
    assert metrics["precision"] == [0.9, 0.3]
    assert metrics["precision_delta"] == pytest.approx([0.4, -0.2])
    assert compare("precision_delta[0]", ">", 0.1, metrics).fires
    assert not compare("precision_delta[1]", ">", 0.1, metrics).fires
    mean = compare("precision_delta", ">", 0.05, metrics)
    assert mean.fires and "mean of 2" in mean.why
    assert not compare("precision_delta", ">", 0.05, metrics, strict=True).fires
    assert compare("precision_delta", "<", 0.1, metrics, strict=True).fires


@pytest.mark.parametrize(
    "metric, word",
    [
        ("recall", "unknown"),
        ("p[9]", "from 0 to 1"),
        ("p[x]", "must be a number"),
        ("p[-1]", "must be a number"),
        ("n[0]", "no list"),
    ],
)
def test_a_metric_that_is_not_there_never_fires_and_says_why(metric, word):
    verdict = compare(metric, "!=", 0.123, {"p": [1.0, 2.0], "n": 3})
    assert not verdict.fires and word in verdict.why


@pytest.mark.parametrize(
    "start, end, now, inside",
    [
        ("02:00", "20:00", "02:00", True),
        ("02:00", "20:00", "20:00", True),
        ("02:00", "20:00", "01:59", False),
        ("02:00", "20:00", "20:01", False),
        ("23:00", "01:00", "23:30", True),
        ("23:00", "01:00", "00:30", True),
        ("23:00", "01:00", "12:00", False),
        ("2:00", "20:00", "10:00", True),
        ("00:00", "24:00", "23:59", True),
        ("", "", "05:00", True),
    ],
)
def test_the_timer_is_a_daily_window(start, end, now, inside):
    trigger = Trigger(Condition("n", ">", 0), start, end)
    clock = time.strptime(now, "%H:%M")
    assert triggers.judge(trigger, {"n": 1}, clock=clock).fires is inside


# Samples


def look(path, cursor, seen=(), kind="txt", later=10.0):
    return samples.look(str(path), kind, cursor, lambda: list(seen), time.time() + later)


def test_a_growing_file_gives_its_new_lines(tmp_path):
    path = tmp_path / "d.txt"
    path.write_bytes(b"a\nb\r\n\nc\n")
    first = look(path, {})
    assert (first.new, first.total, first.numbers) == ([b"a", b"b", b"c"], 3, [1, 2, 4])
    assert any("blank" in note for note in first.notes)
    with open(path, "ab") as file:
        file.write(b"a\n")
    assert look(path, first.cursor, first.new).new == [b"a"]


def test_a_last_line_without_a_newline_waits_until_the_file_holds_still(tmp_path):
    path = tmp_path / "d.txt"
    path.write_bytes(b"a\nb")
    early = look(path, {}, later=0.0)
    assert early.new == [b"a"] and early.cursor["stamp"] is None
    assert look(path, early.cursor, [b"a"]).new == [b"b"]


@pytest.mark.parametrize(
    "content, new", [(b"a\n", []), (b"c\na\nd\n", [b"d"]), (b"x\n", [b"x"]), (b"a\na\nb\nc\n", [b"a"]), (b"", [])]
)
def test_a_replaced_or_shrunk_file_gives_what_was_never_seen(tmp_path, content, new):
    path = tmp_path / "d.txt"
    path.write_bytes(b"a\nb\nc\n")
    first = look(path, {})
    path.write_bytes(content)
    assert look(path, first.cursor, first.new).new == new


def test_csv_has_a_header_and_long_lines_are_told(tmp_path):
    path = tmp_path / "d.csv"
    path.write_bytes(b"path,class\na,1\n" + b"x" * 70000 + b"\n")
    found = look(path, {}, kind="CSV")
    assert found.header == b"path,class" and found.total == 2
    assert any("line 3 is longer than 64 KiB" in note for note in found.notes)
    with pytest.raises(samples.DatasetError, match="does not exist"):
        look(tmp_path / "none", {})
    with pytest.raises(samples.DatasetError, match="not a file"):
        look(tmp_path, {})


def test_shares_are_sednas_and_a_trickle_is_not_lost():
    assert [samples.train_share(count, 0.8, 0.0)[0] for count in (10, 7, 2)] == [8, 5, 1]
    carry, total = 0.0, 0
    for _ in range(50):
        share, carry = samples.train_share(1, 0.8, carry)
        total += share
    assert total == 40


# Images, pods, containers


@pytest.mark.parametrize(
    "image, args, stage, module",
    [
        ("kubeedge/sedna-example-incremental-learning-helmet-detection:v0.4.0", ["train.py"], "train", "train"),
        (
            "docker.io/kubeedge/sedna-example-incremental-learning-helmet-detection:v0.4.0",
            ["eval.py"],
            "eval",
            "evaluate",
        ),
        ("$IMAGE", ["inference.py"], "inference", "infer"),
        ("sednabox", [], "eval", "evaluate"),
        ("registry:5000/me/sednabox:1", ["train"], "train", "train"),
    ],
)
def test_known_images_run_our_workers(image, args, stage, module):
    command = images.local_command({"image": image, "args": args}, stage, {})
    assert command.argv == (sys.executable, "-m", f"sedna_bridge.workers.{module}") and command.builtin


def test_other_images_run_what_the_job_says():
    container = {"image": "me/mine:2", "args": ["a b", "c"]}
    assert images.local_command(container, "train", {}) is None
    assert images.local_command(container, "train", {"me/mine": "run --fast"}).argv == ("run", "--fast", "a b", "c")
    assert images.local_command(container, "train", {"me/*": "run {stage} {args} end"}).argv == (
        "run",
        "train",
        "a b",
        "c",
        "end",
    )
    assert images.rules_from_options(["a:1=b=c"]) == {"a:1": "b=c"}
    for bad in ("x", "=y", "x="):
        with pytest.raises(PodError, match="IMAGE=COMMAND"):
            images.rules_from_options([bad])
    with pytest.raises(PodError, match="expected"):
        images.parse_rules("[]")


TEMPLATE = {
    "spec": {
        "nodeName": "edge",
        "nodeSelector": {"a": "b"},
        "terminationGracePeriodSeconds": 3,
        "activeDeadlineSeconds": 9,
        "containers": [
            {
                "name": "c",
                "image": "x",
                "command": ["python"],
                "args": ["$(WHO).py", "$$(WHO)"],
                "env": [
                    {"name": "WHO", "value": "train"},
                    {"name": "FULL", "value": "/video/$(WHO)/x"},
                    {"name": "URL", "value": "file://video/v.mp4"},
                    {"name": "KEEP", "value": "/videos/x"},
                    {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
                    {"name": "SECRET", "valueFrom": {"secretKeyRef": {"key": "k", "name": "s"}}},
                    {"name": "MODEL_URL", "value": "mine"},
                ],
                "volumeMounts": [
                    {"name": "v", "mountPath": "/video/"},
                    {"name": "e", "mountPath": "/scratch"},
                    {"name": "s", "mountPath": "/s"},
                ],
                "resources": {"limits": {"memory": "1.5Gi", "cpu": "1500m", "nvidia.com/gpu": 1}},
            }
        ],
        "volumes": [
            {"name": "v", "hostPath": {"path": "/in/video/", "type": "DirectoryorCreate"}},
            {"name": "e", "emptyDir": {}},
            {"name": "s", "secret": {"secretName": "s"}},
        ],
    }
}
GIVEN = Given(
    {"NAMESPACE": "default", "WORKER_NAME": "w"},
    [("MODEL_URL", ["/output/train/1"]), ("MODEL_URLS", ["/a/n.onnx", "s3://b/m.onnx"])],
    "/hot",
)


def test_a_process_sees_host_paths(tmp_path):
    root = str(tmp_path)
    pod = pods.pod(TEMPLATE, GIVEN, root, str(tmp_path / "scratch"), False)
    env = pod.environment
    assert env["DATA_PATH_PREFIX"] == root
    assert env["MODEL_URL"] == f"{root}/output/train/1"
    assert env["MODEL_URLS"] == f"{root}/a/n.onnx;s3://b/m.onnx"
    assert env["FULL"] == f"{root}/in/video/train/x"
    assert env["URL"] == f"{root}/in/video/v.mp4"
    assert env["KEEP"] == "/videos/x" and env["NODE"] == "default" and "SECRET" not in env
    assert os.path.isdir(tmp_path / "in" / "video")
    assert (pod.memory, pod.cpus, pod.deadline, pod.grace) == (int(1.5 * 2**30), 1.5, 9, 3.0)
    said = "\n".join(pod.notes)
    for word in (
        "nodeName edge",
        "nodeSelector",
        "env SECRET",
        "nvidia.com/gpu",
        "2 whole cores",
        "volume s (secret)",
        "mount /video/: a process sees",
        "rewritten to host paths: FULL, URL",
    ):
        assert word in said, word


def test_a_container_sees_gms_mounts(tmp_path):
    pod = pods.pod(TEMPLATE, GIVEN, str(tmp_path), str(tmp_path / "scratch"), True)
    assert pod.environment["DATA_PATH_PREFIX"] == "/home/data"
    assert pod.environment["MODEL_URL"] == "/home/data/output/train/1"
    assert pod.environment["URL"] == "file://video/v.mp4"
    assert pod.args == ("python", "train.py", "$(WHO)")
    mounts = {target: source for source, target, _ in pod.mounts}
    assert mounts["/video/"] == f"{tmp_path}/in/video/"
    assert mounts["/home/data/output/train/"] == f"{tmp_path}/output/train/"
    assert mounts["/home/data/a/"] == f"{tmp_path}/a/"
    assert mounts["/model-hot-update"] == "/hot"
    line = containers.command("docker", "w", pod)
    assert line[:7] == ["docker", "run", "--rm", "--name", "w", "--network", "host"]
    assert line[-4:] == ["python", "x", "train.py", "$(WHO)"] and line[-5] == "--entrypoint"
    assert f"{tmp_path}/output/train/:/home/data/output/train/" in line
    assert line[line.index("--memory") + 1] == str(int(1.5 * 2**30)) and line[line.index("--cpus") + 1] == "1.5"


def test_a_host_path_that_must_exist_is_named(tmp_path):
    template = json.loads(json.dumps(TEMPLATE))
    template["spec"]["volumes"][0]["hostPath"]["type"] = "Directory"
    with pytest.raises(PodError, match="does not exist and its type is Directory"):
        pods.pod(template, GIVEN, str(tmp_path), str(tmp_path), False)


@pytest.mark.parametrize(
    "text, value",
    [("2Gi", 2**31), ("500m", 0.5), ("1e3", 1000), ("1.5", 1.5), (2, 2), ("64Mi", 2**26), ("1k", 1000), ("1E", 1e18)],
)
def test_quantities(text, value):
    assert quantity(text, "x") == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "2GiB", "x", "1 Gi", True])
def test_bad_quantities(text):
    with pytest.raises(PodError, match="quantity"):
        quantity(text, "limit")


# Deployment


def test_the_model_of_the_right_format_is_picked():
    results = [{"format": "pb", "url": "/m.pb"}, {"format": "ckpt", "url": "/c"}]
    assert pick(results, "ckpt", False)[0]["url"] == "/c"
    assert pick(results, "onnx", False) == (
        None,
        "no trained model has the format onnx of the Model; the worker reported ckpt, pb",
    )
    assert pick(results, "onnx", True)[0]["url"] == "/m.pb"
    assert pick([], "onnx", True)[0] is None


def test_a_shorter_model_replaces_a_longer_one_whole_and_undo_brings_all_back(tmp_path):
    trained, target = tmp_path / "train" / "model.onnx", tmp_path / "deploy" / "model.onnx"
    for path, text in ((trained, "new"), (target, "old and much longer")):
        path.parent.mkdir()
        path.write_text(text)
    (trained.parent / "manifest.toml").write_text("m")
    installer = Installer(str(tmp_path / "hot"), str(tmp_path / "backup"))
    os.makedirs(installer.hot_folder)
    installer.install(str(trained), [str(target)])
    version = installer.announce(str(trained), False)
    assert target.read_text() == "new" and (target.parent / "manifest.toml").read_text() == "m"
    config = json.loads((tmp_path / "hot" / "model_config.json").read_text())["model_config"]
    assert config == {"model_path": str(tmp_path / "hot" / "model.onnx"), "model_update_time": version}
    installer.install(str(trained), [str(target)])
    installer.undo(str(trained), [str(target)])
    assert target.read_text() == "old and much longer"
    assert not (target.parent / "manifest.toml").exists() and not (tmp_path / "hot" / "model_config.json").exists()


def test_copies_are_whole_or_not_there(tmp_path):
    (tmp_path / "a").write_text("x")
    copy_whole(str(tmp_path / "a"), str(tmp_path / "deep" / "b"))
    assert os.listdir(tmp_path / "deep") == ["b"]
    with pytest.raises(OSError):
        copy_whole(str(tmp_path / "none"), str(tmp_path / "deep" / "b"))
    assert os.listdir(tmp_path / "deep") == ["b"] and (tmp_path / "deep" / "b").read_text() == "x"


# The store


def test_a_full_disk_in_the_middle_of_a_step_leaves_the_store_usable(tmp_path):
    store = Store(str(tmp_path))
    pages = store.rows("PRAGMA page_count")[0][0]
    store.rows(f"PRAGMA max_page_count={pages + 2}")
    with pytest.raises(sqlite3.Error, match="full"):
        store.note("big", "x" * 100_000)
    store.rows(f"PRAGMA max_page_count={pages + 1000}")
    store.note("big", "y" * 100_000)
    assert store.note("big")[0] == "y"


def test_events_count_repetitions_and_stay_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("sedna_bridge.local_controller.store.MOST_EVENTS", 5)
    store = Store(str(tmp_path))

    class Thing:
        kind, namespace, name = "IncrementalLearningJob", "default", "j"

    for number in range(10):
        for _ in range(3):
            store.event(Thing, "Why", f"message {number}")
    events = store.events()
    assert len(events) <= 6 and events[-1]["count"] == 3 and events[-1]["message"] == "message 9"


def test_a_step_that_fails_changes_nothing(tmp_path):
    store = Store(str(tmp_path))
    store.note("a", 1)
    with pytest.raises(RuntimeError), store.change():
        store.note("a", 2)
        raise RuntimeError
    assert store.note("a") == 1
