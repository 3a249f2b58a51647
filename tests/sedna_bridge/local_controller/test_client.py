import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sedna_bridge.contract import ContractError, InferenceStatistics
from sedna_bridge.environment import Environment, WorkerEnvironment
from sedna_bridge.local_controller.client import Client
from sedna_bridge.local_controller.outbox import DROPPED, IN_DOUBT, REFUSED, SENT, Outbox
from sedna_bridge.local_controller.statistics import StatisticsReporter

GOOD = b'{\n "Status": 200,\n "Message": "OK"\n}'


class FakeLC:
    """Answers as it is told and remembers every body."""

    def __init__(self, port=0):
        self.bodies, self.status, self.answer = [], 200, GOOD
        self.hold = threading.Event()
        self.hold.set()
        lc = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                lc.bodies.append((self.path, self.headers.get("Content-Type"), json.loads(body)))
                lc.hold.wait(20)
                self.send_response(lc.status)
                self.end_headers()
                self.wfile.write(lc.answer)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def lc():
    server = FakeLC()
    yield server
    server.hold.set()
    server.close()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(port, **more):
    values = {
        "NAMESPACE": "default",
        "JOB_NAME": "helmet-demo",
        "WORKER_NAME": "train-worker-abc12",
        "LC_SERVER": f"http://127.0.0.1:{port}",
        **more,
    }
    return WorkerEnvironment.from_environment(Environment({k: v for k, v in values.items() if v}))


def make(port, folder, **options):
    options = {"settle": 0.0, "first_pause": 0.05, "longest_pause": 0.2, "deadline": 2.0, **options}
    return Client(environment(port), Outbox(str(folder)), **options)


def test_a_train_report_is_what_sednas_library_sends(lc, tmp_path):
    client = make(lc.port, tmp_path).start()
    client.train([{"format": "onnx", "url": "/output/train/1/model.onnx", "metrics": {"loss": 0.12}}])
    assert client.close(5)
    path, content_type, body = lc.bodies[0]
    assert path == "/sedna/workers/train-worker-abc12/info"
    assert content_type == "application/json"
    assert body == {
        "name": "train-worker-abc12",
        "namespace": "default",
        "ownerName": "helmet-demo",
        "ownerKind": "incrementallearningjob",
        "kind": "train",
        "status": "completed",
        "results": [{"format": "onnx", "url": "/output/train/1/model.onnx", "metrics": {"loss": 0.12}}],
    }


def test_one_effect_per_version_also_after_a_restart(lc, tmp_path):
    first = make(lc.port, tmp_path).start()
    assert first.deploy("v1", True)
    assert first.close(5)
    second = make(lc.port, tmp_path).start()
    assert not second.deploy("v1", True)
    assert second.deploy("v2", False)
    assert second.close(5)
    assert [body["status"] for _, _, body in lc.bodies] == ["completed", "failed"]


def test_reports_wait_for_an_lc_that_is_away_and_keep_their_order(tmp_path):
    port = free_port()
    client = make(port, tmp_path).start()
    for number in range(5):
        client.deploy(f"v{number}", True)
    time.sleep(0.2)
    lc = FakeLC(port)
    try:
        assert client.close(10)
        assert len(lc.bodies) == 5
    finally:
        lc.close()


def test_nothing_is_sent_twice_when_an_answer_is_late(lc, tmp_path):
    lc.hold.clear()
    client = make(lc.port, tmp_path, deadline=0.3).start()
    client.deploy("v1", True)
    assert not client.flush(1.5)
    lc.hold.set()
    assert client.close(5)
    assert len(lc.bodies) == 1


def test_a_report_in_the_hands_of_an_lc_that_died_is_sent_again(tmp_path):
    port = free_port()
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen()
    client = make(port, tmp_path).start()
    client.deploy("v1", True)
    connection, _ = listener.accept()
    connection.recv(65536)
    listener.close()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()
    lc = FakeLC(port)
    try:
        assert client.close(10)
        assert len(lc.bodies) == 1
    finally:
        lc.close()


@pytest.mark.parametrize(
    "status, answer, word",
    [
        (400, b'{"Status":400,"Message":"worker name(name=a) in the api is different from"}', "WORKER_NAME"),
        (400, b'{"Status":400,"Message":"read worker(name=a) message body failed"}', "list of objects"),
        (415, b"415: Unsupported Media Type", "application/json"),
        (404, b"404: Page Not Found", "LC_SERVER"),
    ],
)
def test_what_the_lc_never_takes_is_told_once_and_does_not_block(lc, tmp_path, status, answer, word):
    said = []
    lc.status, lc.answer = status, answer
    client = make(lc.port, tmp_path, diagnose=said.append).start()
    client.deploy("v1", True)
    assert client.flush(5)
    lc.status, lc.answer = 200, GOOD
    client.deploy("v2", True)
    assert client.close(5)
    assert len(lc.bodies) == 2
    assert word in client.refused()[0]
    assert word in said[0]


def test_a_server_error_is_tried_again(lc, tmp_path):
    lc.status = 503
    client = make(lc.port, tmp_path).start()
    client.deploy("v1", True)
    assert not client.flush(0.5)
    lc.status = 200
    assert client.close(5)
    assert len(lc.bodies) >= 2


@pytest.mark.parametrize(
    "kind, status, results, word",
    [
        ("train", "running", [], "statuses"),
        ("inference", "completed", [], "kind"),
        ("eval", "completed", [{"metrics": {"p": [1.0]}}], "2 results"),
        ("eval", "completed", [{"metrics": {"p": 1.0}}, {"metrics": {"p": 1.0}}], "list"),
        ("eval", "completed", [{"metrics": {"p": [1.0]}}, {"metrics": {"r": [1.0]}}], "differ"),
        ("train", "completed", [{"metrics": {"loss": float("nan")}}], "finite"),
    ],
)
def test_what_lc_or_gm_would_drop_is_never_kept(tmp_path, kind, status, results, word):
    client = make(1, tmp_path)
    with pytest.raises(ContractError, match=word):
        client.report(kind, status, results)
    assert client.outbox.all() == []


def test_outside_of_sedna_there_is_no_client(tmp_path):
    with pytest.raises(ContractError, match="JOB_NAME"):
        Client(WorkerEnvironment.from_environment(Environment({})), Outbox(str(tmp_path)))


def test_statistics_count_every_frame_once_under_the_services_name(lc, tmp_path):
    env = environment(lc.port, JOB_NAME="", SERVICE_NAME="helmet-ji", WORKER_NAME="edgeworker-1")
    client = Client(env, Outbox(str(tmp_path)), settle=0).start()
    reporter = StatisticsReporter(client, period=60)
    assert not reporter.offer()
    for number in range(6):
        reporter.count(number % 2 == 0)
    assert reporter.offer()
    assert not reporter.offer()
    assert client.flush(5)
    body = lc.bodies[0][2]
    assert body["ownerName"] == "helmet-ji"
    assert body["ownerKind"] == "jointinferenceservice"
    assert "status" not in body
    assert body["results"] == []
    info = body["ownerInfo"]
    assert (info["inferenceNumber"], info["hardExampleNumber"], info["uploadCloudRatio"]) == (6, 3, 0.5)
    reporter.count(True)
    reporter.offer()
    assert client.close(5)
    assert lc.bodies[-1][2]["ownerInfo"]["inferenceNumber"] == 7


def test_a_jobs_worker_has_no_channel_for_statistics(tmp_path):
    with pytest.raises(ContractError, match="GM drops"):
        make(1, tmp_path).statistics(InferenceStatistics("", "", 1, 0))


def test_statistics_never_wait(tmp_path):
    env = environment(free_port(), JOB_NAME="", SERVICE_NAME="s")
    client = Client(env, Outbox(str(tmp_path)), settle=0).start()
    start = time.monotonic()
    for number in range(10_000):
        client.statistics(InferenceStatistics("a", "b", number, 0))
    assert time.monotonic() - start < 2
    client.close()
    assert len(client.outbox.all()) <= 1


def test_a_full_outbox_drops_the_oldest_and_says_so(tmp_path):
    outbox = Outbox(str(tmp_path), most_waiting=3)
    for number in range(5):
        outbox.add(f"k{number}", "http://x/sedna", "{}")
    assert [event.key for event in outbox.waiting()] == ["k2", "k3", "k4"]
    assert outbox.dropped == 2
    assert outbox.find("k0").state == DROPPED


def test_a_worker_killed_while_its_report_was_on_the_way_reports_once(tmp_path):
    lc = FakeLC()
    lc.hold.clear()
    script = textwrap.dedent(
        f"""
        import sys, time
        from sedna_bridge.environment import Environment, WorkerEnvironment
        from sedna_bridge.local_controller.client import Client
        from sedna_bridge.local_controller.outbox import Outbox
        env = dict(NAMESPACE="default", JOB_NAME="j", WORKER_NAME="w", LC_SERVER="http://127.0.0.1:{lc.port}")
        client = Client(WorkerEnvironment.from_environment(Environment(env)), Outbox({str(tmp_path)!r}), settle=0)
        client.start().deploy("v1", True)
        client.close(30)
        """
    )

    def run():
        return subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": os.getcwd()})

    try:
        first = run()
        end = time.monotonic() + 20
        while not lc.bodies and time.monotonic() < end:
            time.sleep(0.02)
        first.send_signal(signal.SIGKILL)
        first.wait()
        assert Outbox(str(tmp_path)).all()[0].state == IN_DOUBT
        second = run()
        time.sleep(1.0)
        assert len(lc.bodies) == 1
        second.kill()
        second.wait()
    finally:
        lc.hold.set()
        lc.close()


def test_states_of_events_are_plain(lc, tmp_path):
    lc.status, lc.answer = 415, b"415"
    client = make(lc.port, tmp_path).start()
    client.deploy("v1", True)
    client.flush(5)
    lc.status, lc.answer = 200, GOOD
    client.deploy("v2", True)
    client.close(5)
    assert [event.state for event in client.outbox.all()] == [REFUSED, SENT]
