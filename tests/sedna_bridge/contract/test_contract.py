import json

import pytest

from sedna_bridge.contract import (
    ContractError,
    ModelResult,
    Report,
    format_of,
    hard_example_parameters,
    hard_example_text,
    host_path,
    info_path,
    worker_path,
)
from sedna_bridge.contract_conditions import Condition, ConditionData, now_text
from sedna_bridge.contract_hot_update import HotUpdate, go_time_text, mounted_path, read
from sedna_bridge.contract_rounds import RoundFiles, output_folders
from sedna_bridge.environment import Environment, WorkerEnvironment


def report(**change):
    values = {
        "name": "w",
        "namespace": "default",
        "owner_name": "j",
        "owner_kind": "incrementallearningjob",
        "kind": "train",
        "status": "completed",
    }
    return Report(**{**values, **change})


def test_paths_and_formats():
    assert info_path("train-worker-1") == "/sedna/workers/train-worker-1/info"
    assert host_path("/home/data/output/train/1/model.onnx", "/home/data") == "/output/train/1/model.onnx"
    assert host_path("/output/m.onnx", "/") == host_path("/output/m.onnx", "") == "/output/m.onnx"
    assert host_path("/site/output/m.onnx", "/site/") == "/output/m.onnx"
    assert worker_path("/output/x", "/home/data") == "/home/data/output/x"
    assert worker_path("s3://b/x", "/home/data") == "s3://b/x"
    assert (format_of("/a/model.onnx"), format_of("/a.b/model"), format_of(".hidden")) == ("onnx", "", "")


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"namespace": ""},
        {"owner_name": ""},
        {"owner_kind": "IncrementalLearningJob"},
        {"kind": "inference"},
        {"status": "running"},
        {"status": ""},
        {"results": ["x"]},
        {"name": "a/b"},
        {"results": [{"m": float("inf")}]},
    ],
)
def test_what_would_be_dropped_is_refused(change):
    with pytest.raises(ContractError):
        report(**change).check()


def test_a_good_report_passes_and_has_sednas_keys():
    good = report(results=[ModelResult("onnx", "/m.onnx", {"loss": 0.5}).to_json()])
    good.check()
    assert json.loads(good.text())["results"] == [{"format": "onnx", "url": "/m.onnx", "metrics": {"loss": 0.5}}]


def test_hard_example_parameters_as_gm_writes_them():
    text = '[{"key":"threshold_img","value":"0.9"}]'
    assert hard_example_parameters(text) == {"threshold_img": "0.9"}
    assert hard_example_text([{"key": "threshold_img", "value": "0.9"}]) == text
    assert hard_example_text([]) == "null"
    assert hard_example_parameters("null") == hard_example_parameters(None) == hard_example_parameters("nonsense") == {}


def test_lookup_is_sednas():
    env = Environment({"EPOCHS": "3", "batch_size": "8", "EMPTY": "", "PARAMETERS": '{"deep": 4, "epochs": 9}'})
    assert env.integer("epochs", 1) == 3
    assert env.get("batch_size") == "8"
    assert env.get("empty", "d") == "d"
    assert env.integer("deep", 0) == 4
    with pytest.raises(ContractError, match="height,width"):
        Environment({"input_shape": "352"}).shape("input_shape")
    with pytest.raises(ContractError, match="whole number"):
        Environment({"epochs": "x"}).integer("epochs", 1)
    with pytest.raises(ContractError, match="PARAMETERS"):
        Environment({"PARAMETERS": "{"}).get("x")


def test_the_workers_environment():
    env = WorkerEnvironment.from_environment(
        Environment({"SERVICE_NAME": "ji", "WORKER_NAME": "edgeworker-1", "BIG_MODEL_IP": "x"})
    )
    assert (env.owner_name, env.owner_kind) == ("ji", "jointinferenceservice")
    assert env.big_model_url == "http://x:5000/sedna/predict"
    env = WorkerEnvironment.from_environment(Environment({"JOB_NAME": "j", "WORKER_NAME": "w", "MODEL_URLS": "/a;/b"}))
    assert (env.owner_name, env.owner_kind, env.in_sedna) == ("j", "incrementallearningjob", True)
    assert env.model_urls == ["/a", "/b"] and env.data_path_prefix == "/home/data"
    assert WorkerEnvironment.from_environment(Environment({"DATA_PATH_PREFIX": ""})).data_path_prefix == ""
    assert not WorkerEnvironment.from_environment(Environment({})).in_sedna


def test_hot_update_has_gos_bytes(tmp_path):
    update = HotUpdate("/model-hot-update/model.onnx", "2026-11-21 01:03:40.1 +0000 UTC m=+1.5")
    assert update.text() == (
        '{\n "model_config": {\n  "model_path": "/model-hot-update/model.onnx",\n'
        '  "model_update_time": "2026-11-21 01:03:40.1 +0000 UTC m=+1.5"\n }\n}'
    )
    assert HotUpdate.parse(update.text()) == update
    assert read(str(tmp_path / "none")) is None
    (tmp_path / "bad").write_text('{"model_config": {}}')
    with pytest.raises(ContractError, match="model_config"):
        read(str(tmp_path / "bad"))
    assert mounted_path("/x/y/model.onnx") == "/model-hot-update/model.onnx"


def test_gos_time_text():
    text = go_time_text(1795222220118677964)
    assert text.startswith("2026-11-21 00:50:20.118677964 +0000 UTC m=+")
    assert go_time_text(1795222220000000000).startswith("2026-11-21 00:50:20 +0000 UTC m=+")


def test_rounds_lie_where_lc_lays_them():
    files = RoundFiles("/output/", 3)
    assert files.train_data == "/output/data/train/3/data.txt"
    assert files.eval_index == "/output/data/eval/3/dataIndex.txt"
    assert files.train_output == "/output/train/3"
    assert output_folders("/o/") == ["/o/data/train", "/o/data/eval", "/o/train", "/o/eval"]


def test_conditions_there_and_back():
    data = ConditionData([{"format": "onnx", "url": "/m"}], "/d", "", "/o")
    assert ConditionData.parse(data.text()) == ConditionData(({"format": "onnx", "url": "/m"},), "/d", "", "/o")
    assert json.loads(ConditionData(output_models=[{"url": "/x"}]).text()) == {"output": {"models": [{"url": "/x"}]}}
    assert ConditionData().text() == ""
    value = Condition("Train", "Ready", data.text(), seconds=0).to_json()
    assert value["status"] == "True" and value["lastTransitionTime"] == now_text(0) == "1970-01-01T00:00:00Z"
