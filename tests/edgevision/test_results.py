import http.server
import json
import socket
import ssl
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from edgevision.errors import MediaError
from edgevision.results import encode, open_target, record_of
from edgevision.tally import DROPS


class Buffer:
    """The little of an engine's buffer that records need."""

    def __init__(self, **meta):
        self.meta = meta

    def get(self, key):
        if key not in self.meta:
            raise ValueError(key)
        return self.meta[key]


JUDGED = Buffer(camera="gate", index=7, timestamp=280, width=64, height=48, model="3", model_name="toy",
                classes=["person", "helmet"], detections=[[1, 2, 3.456, 4, 0.91239, 1]], hard=True,
                hard_reasons=["IBT"],
                url="rtsp://me:hunter2@cam/1")


def test_a_record_has_all_that_is_known_and_no_credentials():
    line = encode(record_of(JUDGED))
    assert json.loads(line) == {
        "camera": "gate", "index": 7, "timestamp": 280, "width": 64, "height": 48, "model": "3", "model_name": "toy",
        "hard": True, "hard_reasons": ["IBT"],
        "detections": [{"class": "helmet", "score": 0.9124, "box": [1.0, 2.0, 3.46, 4.0]}]}
    assert "hunter2" not in line


def test_a_frame_that_nobody_judged_and_odd_numbers():
    record = record_of(Buffer(url="rtsp://me:pw@cam/1", wall_time=float("nan"), hard_score=np.float32(0.5)))
    assert record["camera"] == "cam/1" and record["detections"] == []
    assert json.loads(encode(record))["wall_time"] is None


def test_a_class_beyond_the_names_is_shown_by_its_number():
    assert record_of(Buffer(detections=[[0, 0, 1, 1, 0.5, 9]], classes=["a"]))["detections"][0]["class"] == "9"


def test_a_file_is_complete_and_turns_over(tmp_path):
    path = tmp_path / "ö 1" / "out.jsonl"
    target = open_target(str(path))
    for k in range(100):
        target.put(json.dumps({"k": k, "letter": "ß"}, ensure_ascii=False))
    target.close()
    assert [json.loads(line)["k"] for line in path.read_text("utf-8").splitlines()] == list(range(100))
    more = open_target(str(path), append=True)
    more.put("{}")
    more.close()
    assert len(path.read_text("utf-8").splitlines()) == 101


def test_standard_output(capfdbinary):
    target = open_target("stdout")
    target.put('{"letter":"ß"}')
    target.flush()
    assert capfdbinary.readouterr().out == '{"letter":"ß"}\n'.encode()


@pytest.mark.parametrize("target, said", [
    ("", "got nothing"), ("ftp://x/y", "expected stdout"), ("mqtt://host", "mqtt://HOST/TOPIC"),
    ("mqtt://host/a/#", "without # and"), ("call:nobody", "no function"), ("/proc/none/x", "cannot be written")])
def test_targets_that_cannot_be(target, said):
    with pytest.raises(MediaError, match=said):
        open_target(target)


@pytest.fixture
def hook():
    """A webhook that answers with what stands in `codes`, then 204."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            code = server.codes.pop(0) if server.codes else 204
            if code < 300:
                server.got.append(json.loads(body))
            self.send_response(code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.got, server.codes = [], []
    server.url = "http://me:hunter2@127.0.0.1:%d/hook" % server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_webhook_gets_every_record_in_order_also_after_failures(hook):
    hook.codes = [500, 503]
    target = open_target(hook.url, tries=5)
    for k in range(5):
        target.put('{"k":%d}' % k)
    assert target.flush(20)
    target.close()
    assert [record["k"] for record in hook.got] == list(range(5))


def test_a_webhook_that_is_away_never_holds_up_and_drops_are_counted():
    port = socket.socket()
    port.bind(("127.0.0.1", 0))     # taken, and nobody listens
    target = open_target("http://me:hunter2@127.0.0.1:%d/x" % port.getsockname()[1], room=3, tries=2)
    before = sum(DROPS.by_kind(["full", "undelivered"]).values())
    began = time.monotonic()
    for _ in range(50):
        target.put("{}")
    assert time.monotonic() - began < 1
    target._beside.close(0.5)
    assert sum(DROPS.by_kind(["full", "undelivered"]).values()) - before == 50
    text = " ".join(text for _, text in target.messages)
    assert text and "hunter2" not in text
    port.close()


class Broker(threading.Thread):
    """As much of an MQTT 3.1.1 broker as a publisher needs: CONNACK, PUBACK, and it keeps what was published."""

    def __init__(self, context=None):
        super().__init__(daemon=True)
        self.context = context
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.published, self.user, self.cut_after, self.cut = [], b"", 0, threading.Event()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                try:
                    if self.context is not None:
                        connection = self.context.wrap_socket(connection, server_side=True)
                    self.serve(connection, connection.makefile("rb"))
                except (OSError, IndexError):
                    pass
            if self.published:
                self.cut.set()

    def serve(self, connection, stream):
        while True:
            head = stream.read(1)[0]
            length, shift = 0, 0
            while True:
                byte = stream.read(1)[0]
                length |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
            body = stream.read(length)
            if head >> 4 == 1:
                self.user = body
                connection.sendall(b"\x20\x02\x00\x00")
            elif head >> 4 == 3:
                size = int.from_bytes(body[:2], "big")
                topic, rest = body[2:2 + size].decode(), body[2 + size:]
                if head & 6:
                    connection.sendall(b"\x40\x02" + rest[:2])
                    rest = rest[2:]
                self.published.append((topic, rest.decode()))
                if self.cut_after and len(self.published) == self.cut_after:
                    return
            elif head >> 4 == 12:
                connection.sendall(b"\xd0\x00")
            elif head >> 4 == 14:
                return


@pytest.mark.parametrize("qos", [0, 1])
def test_mqtt_publishes_under_the_cameras_topic_and_survives_a_lost_connection(qos):
    pytest.importorskip("paho.mqtt.client")
    broker = Broker()
    broker.cut_after = 2
    broker.start()
    target = open_target("mqtt://me:hunter2@127.0.0.1:%d/site/{camera}/results" % broker.port, qos=qos)

    def kept():
        return {json.loads(text)["k"] for topic, text in broker.published if topic == "site/gate_1/results"}

    for k in range(2):
        target.put('{"k":%d}' % k, "gate/1")
        assert target.flush(20)
    assert broker.cut.wait(20)
    until = time.monotonic() + 20
    last = 1
    while last < 5 or max(kept()) < last - 1:   # with qos 0 nobody says what a dead connection took along
        assert time.monotonic() < until
        last += 1
        target.put('{"k":%d}' % last, "gate/1")
        assert target.flush(20)
        time.sleep(0.02)
    target.close()
    assert b"hunter2" in broker.user
    assert kept() >= ({0, 1} if qos == 0 else set(range(last + 1)))
    broker.listener.close()


CERTS = Path(__file__).parents[1] / "sedna_bridge" / "spool" / "certs"


def test_mqtts_asks_for_a_certificate_that_it_trusts(monkeypatch):
    pytest.importorskip("paho.mqtt.client")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(CERTS / "server.pem"), str(CERTS / "server.key"))
    broker = Broker(context)
    broker.start()
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    target = open_target("mqtts://127.0.0.1:%d/site" % broker.port, tries=1)
    target.put('{"k":0}')
    assert target.flush(20) and not broker.published
    assert "certificate" in " ".join(text for _, text in target.messages).lower()
    target.close()

    monkeypatch.setenv("SSL_CERT_FILE", str(CERTS / "ca.pem"))
    target = open_target("mqtts://127.0.0.1:%d/site" % broker.port)
    target.put('{"k":1}')
    assert target.flush(20)
    target.close()
    until = time.monotonic() + 20
    while not broker.published and time.monotonic() < until:
        time.sleep(0.01)    # what was sent has yet to be read
    assert broker.published == [("site", '{"k":1}')]
    broker.listener.close()
