"""What a hot swap kept lies where Sedna's job looks for the deployed model."""

import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import toy_models

from sedna_bridge.models.deployed import place_of, put_back
from sedna_bridge.models.hot_swap import HotSwap
from sedna_bridge.models.manifest import read_model_table


def test_model_and_manifest_are_written_under_the_name_that_is_asked_for(store, install, tmp_path):
    install("1", activate=True)
    place = tmp_path / "deploy/helmet.onnx"
    place.parent.mkdir()
    (place.parent / "manifest.toml").write_text("[model]\nname = 'another'")
    assert put_back(store, place) and not put_back(store, place)
    assert place.read_bytes() == toy_models.onnx_bytes(v="1")
    table = read_model_table(place.parent / "manifest.toml")
    assert (table.name, table.version, table.file) == ("little", "1", "helmet.onnx")
    assert sorted(path.name for path in place.parent.iterdir()) == ["helmet.onnx", "manifest.toml"]


def test_only_a_file_of_this_machine_is_a_place(tmp_path):
    assert place_of(str(tmp_path / "model.onnx")) == tmp_path / "model.onnx"
    for url in ("", "s3://bucket/model.onnx", str(tmp_path), "model.onnx", str(tmp_path / "none/model.onnx")):
        assert place_of(url) is None


@pytest.fixture
def controller():
    reports = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            reports.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"Status": 200, "Message": "OK"}')

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield "http://127.0.0.1:%d" % server.server_port, reports
    server.shutdown()
    server.server_close()


@pytest.mark.timeout(60)
def test_a_hot_update_from_sedna_is_what_the_next_evaluation_compares_with(tmp_path, controller):
    """The real LC leaves MODEL_URL as it was when a job has hot update."""
    address, reports = controller
    deployed = toy_models.model_folder(tmp_path / "deploy", "1")
    hot = tmp_path / "hot"
    hot.mkdir()
    swap = HotSwap(
        {"probation_frames": "3", "probation_seconds": "0.1", "period": "0.2", "store": str(tmp_path / "models")},
        toy_models.ToyRuntime(),
        {
            "SEDNABOX_STATE": str(tmp_path / "state"), "WORKER_NAME": "inferworker-s6gnc", "JOB_NAME": "helmet",
            "NAMESPACE": "default", "LC_SERVER": address, "MODEL_URL": str(deployed / "model.onnx"),
            "MODEL_HOT_UPDATE": "true", "MODEL_HOT_UPDATE_CONFIG": str(hot / "model_config.json"),
        },
    )
    assert swap.open(lambda board: None) == "little@1"
    try:
        better = toy_models.onnx_bytes(v="2")
        (hot / "model.onnx").write_bytes(better)
        (hot / "model_config.json").write_text(json.dumps({"model_config": {
            "model_path": str(hot / "model.onnx"), "model_update_time": "2026-11-21 15:08:07"}}))
        while not reports:
            swap.board.judge(swap.stamp().version, [None], lambda session, frames: session.detect(frames))
            time.sleep(0.02)
    finally:
        swap.close()
    assert (reports[0]["kind"], reports[0]["status"]) == ("deploy", "completed")
    assert hashlib.sha256((deployed / "model.onnx").read_bytes()).digest() == hashlib.sha256(better).digest()
    assert read_model_table(deployed / "manifest.toml").version.startswith("2026-11-21")
