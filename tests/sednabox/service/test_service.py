"""The service as systemd and Prometheus see it: a process, a notification socket, an HTTP address."""
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sednabox.service.figures import without_secrets
from sednabox.service.notify import Notifier
from sednabox.service.progress import Progress
from sednabox.service.timing import Histogram

REPOSITORY = Path(__file__).resolve().parents[3]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("not within %g s" % seconds)


class Systemd:
    """What systemd is to a service: a datagram socket."""

    def __init__(self, folder):
        self.address = str(folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.address)
        self.socket.setblocking(False)
        self.heard = []

    def words(self):
        while True:
            try:
                self.heard += self.socket.recv(4096).decode().splitlines()
            except BlockingIOError:
                return self.heard


@pytest.fixture
def systemd(tmp_path):
    found = Systemd(tmp_path)
    yield found
    found.socket.close()


@pytest.fixture
def service(tmp_path, systemd):
    """Start the service on a graph; it is ended with the test."""
    started = []

    def start(text, env=None):
        path = tmp_path / "sednabox.toml"
        path.write_text(text, encoding="utf-8")
        environment = dict(os.environ, NOTIFY_SOCKET=systemd.address, WATCHDOG_USEC="2000000",
                           SEDNABOX_STATE=str(tmp_path / "state"), PYTHONUNBUFFERED="1", **(env or {}))
        environment.pop("WATCHDOG_PID", None)
        started.append(subprocess.Popen([sys.executable, "-m", "sednabox", "service", "--config", str(path)],
                                        cwd=str(tmp_path), env=environment, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True))
        return started[-1]
    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def figures(port):
    with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % port, timeout=5) as answer:
        text = answer.read().decode()
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text) for sample in family.samples}


CAMERAS = """
[service]
graph = "helmet_cameras"
drain_seconds = 5
[set]
"cameras.source" = "%s"
"cameras.camera" = "gate"
"results.stop_at_end" = "false"
"record.stop_at_end" = "false"
[metrics]
port = %d
"""


def test_systemd_hears_of_it_and_prometheus_sees_it(service, systemd, tmp_path):
    port = free_port()
    process = service(CAMERAS % (REPOSITORY / "graphs/media/site.mp4", port))
    until(lambda: "READY=1" in systemd.words() or process.poll() is not None)
    assert process.poll() is None, process.stdout.read()
    until(lambda: systemd.words().count("WATCHDOG=1") >= 2)
    name = ("sednabox_frames_total", (("node", "detect"), ("unit", "helmet_detect")))
    seen = until(lambda: (lambda f: f if f[name] >= 10 else None)(figures(port)))
    assert seen[("sednabox_latency_seconds_count", ())] > 0
    assert seen[("sednabox_call_seconds_count", (("node", "detect"),))] > 0
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen("http://127.0.0.1:%d/other" % port, timeout=5)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    assert "Traceback" not in output
    assert "STOPPING=1" in systemd.words()


def test_a_bad_configuration_is_not_tried_again(service, systemd):
    process = service("[service]\ngraph = 'nothing'\n")
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 78
    assert "no graph 'nothing'" in output and "Traceback" not in output
    assert systemd.words() == []
    unit = (REPOSITORY / "packaging/systemd/sednabox.service").read_text(encoding="utf-8")
    assert "RestartPreventExitStatus=64 78" in unit


def test_a_port_that_is_taken_is_told(service):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = service(CAMERAS % ("x.mp4", taken.getsockname()[1]))
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "choose another port" in output and "Traceback" not in output


def test_a_state_directory_that_cannot_be_made_is_told(service, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    process = service(CAMERAS % ("x.mp4", free_port()) + "[environment]\nSEDNABOX_STATE = '%s/file/x'\n" % tmp_path)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "state directory" in output and "Traceback" not in output


def test_progress_tells_a_hang_from_an_absent_camera():
    now = [0.0]
    progress = Progress(10, lambda: now[0])
    node = {"processed": 5, "failures": 0, "queue": 0, "running": 0, "ports": ["in"]}
    source = {"processed": 1, "failures": 0, "queue": 0, "running": 1, "ports": []}
    for _ in range(5):                      # nothing to do: healthy
        now[0] += 10
        progress.look([source, node])
        assert progress.healthy()
    for _ in range(3):                      # frames come and go
        now[0] += 9
        node = dict(node, processed=node["processed"] + 1, queue=3)
        progress.look([source, node])
        assert progress.healthy()
    now[0] += 9
    progress.look([source, node])
    assert progress.healthy()
    now[0] += 2
    progress.look([source, node])
    assert not progress.healthy()           # three wait, and nothing has happened for 11 s
    progress.look([source, dict(node, processed=node["processed"] + 1)])
    assert progress.healthy()


def test_progress_sees_a_call_that_does_not_come_back():
    now = [0.0]
    progress = Progress(10, lambda: now[0])
    node = {"processed": 5, "failures": 0, "queue": 0, "running": 1, "ports": ["in"]}
    progress.look([node])
    now[0] += 11
    progress.look([node])
    assert not progress.healthy()


def test_no_systemd_is_no_fault():
    assert Notifier({}).tell(READY=1) is False
    assert Notifier({"NOTIFY_SOCKET": "/nowhere/socket"}).tell(READY=1) is False
    assert Notifier({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}).period == 0


def test_an_abstract_socket_is_spoken_to():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        name = "\0sednabox-test-%d" % os.getpid()
        listener.bind(name)
        listener.settimeout(5)
        assert Notifier({"NOTIFY_SOCKET": "@" + name[1:]}).tell(STATUS="a\nREADY=1")
        assert listener.recv(100) == b"STATUS=a READY=1"


def test_histogram_is_cumulative():
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 9.0):
        histogram.add(value)
    assert histogram.cumulative() == ([("1.0", 2.0), ("2.0", 3.0), ("+Inf", 4.0)], 12.0)


@pytest.mark.parametrize("where, shown", [
    ("rtsp://u:p@h:554/1?token=x", "rtsp://h:554/1"), ("gate", "gate"), ("mqtt://h", "mqtt://h")])
def test_no_secret_becomes_a_label(where, shown):
    assert without_secrets(where) == shown
