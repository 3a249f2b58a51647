"""The LC's wire, as the real one answers."""

import gzip
import http.client
import json
import socket
import threading

import pytest

from sedna_bridge.local_controller.errors import ControllerBusy
from sedna_bridge.local_controller.server import Server

GOOD = {
    "name": "w",
    "namespace": "default",
    "ownerName": "j",
    "ownerKind": "incrementallearningjob",
    "kind": "train",
    "status": "completed",
}
JSON = {"Content-Type": "application/json"}
PATH = "/sedna/workers/w/info"
OK = b'{\n "Status": 200,\n "Message": "OK"\n}'


@pytest.fixture
def lc():
    kept = []
    server = Server("127.0.0.1", 0, kept.append)
    server.kept = kept
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def ask(lc, method="POST", path=PATH, body=None, headers=JSON):
    connection = http.client.HTTPConnection("127.0.0.1", lc.server_port, timeout=5)
    raw = body if isinstance(body, (bytes, str)) or body is None else json.dumps(body)
    connection.request(method, path, raw, dict(headers))
    answer = connection.getresponse()
    return answer.status, answer.read(), dict(answer.getheaders())


@pytest.mark.parametrize(
    "headers",
    [
        JSON,
        {"Content-Type": "application/json; charset=utf-8"},
        {**JSON, "Accept": "*/*"},
        {**JSON, "Accept": "application/json"},
        {**JSON, "Accept": "text/html, */*;q=0.8"},
    ],
)
def test_a_report_is_kept_and_answered(lc, headers):
    status, body, got = ask(lc, body=GOOD, headers=headers)
    assert (status, body, got["Content-Type"]) == (200, OK, "application/json")
    assert lc.kept == [GOOD]


@pytest.mark.parametrize(
    "body",
    [
        {**GOOD, "ownerKind": "IncrementalLearningJob"},
        {**GOOD, "ownerName": "nobody"},
        {**GOOD, "status": "running"},
        {"name": "w"},
        {**GOOD, "results": None},
        {**GOOD, "more": [1, {"x": 2}]},
        {"NAME": "w", "Kind": "train"},
    ],
)
def test_what_the_real_lc_drops_gets_200_too(lc, body):
    assert ask(lc, body=body)[:2] == (200, OK)


def test_what_follows_the_value_is_not_read(lc):
    assert ask(lc, body=json.dumps(GOOD) + " trailing")[0] == 200


@pytest.mark.parametrize(
    "body, name", [({**GOOD, "name": "other"}, "other"), ("nonsense", ""), ("", ""), ("[1]", ""), ({}, "")]
)
def test_other_names_and_bad_json_get_the_same_400(lc, body, name):
    headers = JSON if body != "" else {**JSON, "Content-Length": "0"}
    status, raw, got = ask(lc, body=body, headers=headers)
    assert status == 400 and got["Content-Type"] == "application/json"
    assert json.loads(raw) == {
        "Status": 400,
        "Message": f"worker name(name=w) in the api is different from that(name={name}) in the message body",
    }


@pytest.mark.parametrize(
    "results, kind", [("x", "string"), ({"a": 1}, "object"), ([1], "number"), (["x"], "string"), ([[]], "array")]
)
def test_results_must_be_a_list_of_objects(lc, results, kind):
    status, raw, _ = ask(lc, body={**GOOD, "results": results})
    message = json.loads(raw)["Message"]
    assert status == 400 and message.startswith(
        "read worker(name=w) message body failed, error: json: cannot unmarshal " + kind
    )
    assert lc.kept == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_other_methods_get_405(lc, method):
    status, body, headers = ask(lc, method, body=GOOD)
    assert (status, body, headers["Allow"]) == (405, b"405: Method Not Allowed", "POST")


@pytest.mark.parametrize(
    "headers", [{}, {"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}]
)
def test_other_content_types_get_415(lc, headers):
    status, body, _ = ask(lc, body=json.dumps(GOOD), headers=headers)
    assert (status, body) == (415, b"415: Unsupported Media Type")


def test_an_accept_of_html_gets_406(lc):
    status, body, _ = ask(lc, body=GOOD, headers={**JSON, "Accept": "text/html"})
    assert (status, body) == (
        406,
        b"406: Not Acceptable\n\nAvailable representations: application/json, application/xml",
    )


@pytest.mark.parametrize(
    "path, body",
    [
        ("/", b"404 page not found\n"),
        ("/metrics", b"404 page not found\n"),
        ("/healthz", b"404 page not found\n"),
        ("/sedna/workers", b"404: Page Not Found"),
        ("/sedna/workers/w", b"404: Page Not Found"),
        ("/sedna/workers/a/b/info", b"404: Page Not Found"),
    ],
)
def test_there_is_no_other_route(lc, path, body):
    assert ask(lc, path=path, body=GOOD)[:2] == (404, body)


def test_gzip_and_keep_alive(lc):
    connection = http.client.HTTPConnection("127.0.0.1", lc.server_port, timeout=5)
    for _ in range(3):
        connection.request("POST", PATH, gzip.compress(json.dumps(GOOD).encode()), {**JSON, "Content-Encoding": "gzip"})
        answer = connection.getresponse()
        assert answer.read() == OK
    assert len(lc.kept) == 3


def test_a_report_that_cannot_be_kept_is_not_acknowledged(lc):
    def full(message):
        raise OSError("No space left on device")

    lc.keep = full
    status, body, _ = ask(lc, body=GOOD)
    assert status == 503 and b"No space left" in body


def test_junk_on_the_socket_harms_nobody(lc):
    for junk in (b"\0\1\2\r\n\r\n", b"POST /sedna/workers/w/info HTTP/1.1\r\nContent-Length: -5\r\n\r\n", b"POST"):
        with socket.create_connection(("127.0.0.1", lc.server_port), timeout=5) as connection:
            connection.sendall(junk)
    assert ask(lc, body=GOOD)[0] == 200


def test_a_port_in_use_is_a_clear_error(lc):
    with pytest.raises(ControllerBusy, match="--port"):
        Server("127.0.0.1", lc.server_port, print)
