"""The HTTP units as a client sees them: answers, refusals, failures, the end."""
from __future__ import annotations

import datetime
import http.client
import ipaddress
import json
import socket
import ssl
import threading
import time
from typing import Any

import pytest


def sync_lines(graphs: Any, endpoint: str, **options: Any) -> list[str]:
    reply = {key: options.pop(key) for key in ("content_type",) if key in options}
    node = graphs.node
    return [node("rx", "httpserver_sync_receive", endpoint=endpoint, **options), node("p", "bi_http"),
            node("tx", "httpserver_sync_reply", **reply), "rx:out_request_info -> p:in", "p:out -> tx:in_reply_info"]


def async_lines(graphs: Any, endpoint: str, **options: Any) -> list[str]:
    node = graphs.node
    return [node("rx", "httpserver_async", endpoint=endpoint, **options), node("p", "bi_http"), node("eat", "bi_eat"),
            "rx:out_request_info -> p:in", "p:out -> eat:in"]


def ask(port: int, method: str = "POST", path: str = "/", body: Any = None, content_type: str = "text/plain",
        context: Any = None, headers: Any = None, timeout: float = 10) -> tuple[int, bytes, Any]:
    if context is not None:
        client: Any = http.client.HTTPSConnection("127.0.0.1", port, timeout=timeout, context=context)
    else:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        client.request(method, path, body, {"Content-Type": content_type, **(headers or {})} if content_type else {})
        answer = client.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        client.close()


def saw(port: int, *args: Any, **named: Any) -> Any:
    status, body, _ = ask(port, *args, **named)
    assert status == 200
    return json.loads(body)


def test_a_request_reaches_the_unit_and_its_buffer_comes_back(graphs: Any, tmp_path: Any, port: int) -> None:
    endpoint = "http://127.0.0.1:%d" % port
    with graphs.Running(tmp_path, sync_lines(graphs, endpoint)):
        assert saw(port, "POST", "/a/b?x=1&y=%20z", "caf\u00e9".encode()) == {
            "size": 5, "method": "POST", "uri": "/a/b?x=1&y=%20z", "headers": "ValueError", "endpoint": endpoint,
            "shape": "ValueError", "type": "ValueError", "body": "caf\u00e9"}
        assert saw(port, "GET", "/x")["body"] == "RuntimeError"    # no data is no text
        assert saw(port, "PUT", "/", b"x")["method"] == "PUT"
        assert saw(port, "DELETE", "/")["method"] == "DELETE"
        assert saw(port, "POST", "/", iter([b"ab", b"cd"]))["body"] == "abcd"      # chunked
        assert saw(port, "POST", "/", b"caf\xe9", "text/plain; charset=iso-8859-1")["body"] == "caf\u00e9"
        assert saw(port, "POST", "/", b"\xff\xfe")["body"] == "\u00ff\u00fe"
        assert ask(port, body=b"empty")[:2] == (200, b"")


@pytest.mark.parametrize(("method", "allow"), [
    ("PATCH", "DELETE, GET, OPTIONS, POST, PUT, TRACE"), ("HEAD", "DELETE, GET, OPTIONS, POST, PUT, TRACE"),
    ("OPTIONS", "POST, GET, DELETE, PUT"), ("TRACE", "POST, GET, DELETE, PUT")])
def test_other_methods_are_not_allowed(graphs: Any, tmp_path: Any, port: int, method: str, allow: str) -> None:
    with graphs.Running(tmp_path, sync_lines(graphs, "http://127.0.0.1:%d" % port)):
        status, body, headers = ask(port, method)
        assert (status, body, headers["Allow"]) == (405, b"", allow)


def test_health_headers_and_types(graphs: Any, tmp_path: Any, port: int) -> None:
    with graphs.Running(tmp_path, sync_lines(graphs, "http://127.0.0.1:%d" % port, content_type="json")):
        status, body, headers = ask(port, "GET", "/health")
        assert (status, body) == (200, b'{"message":"success","status":200}')
        assert headers["X-Frame-Options"] == "DENY" and headers["Content-Security-Policy"]
        assert ask(port)[2]["Content-Type"] == "application/json"


def test_data_that_is_no_text_is_refused_with_a_reason(graphs: Any, tmp_path: Any, port: int) -> None:
    with graphs.Running(tmp_path, sync_lines(graphs, "http://127.0.0.1:%d" % port)):
        status, body, _ = ask(port, body=b"\xff\xd8", content_type="image/jpeg")
        assert status == 400 and b"image/jpeg" in body


def test_a_path_in_the_endpoint_is_a_prefix(graphs: Any, tmp_path: Any, port: int) -> None:
    with graphs.Running(tmp_path, sync_lines(graphs, "http://127.0.0.1:%d/v1" % port)):
        assert saw(port, "GET", "/v1/x")["uri"] == "/v1/x"
        assert ask(port, "GET", "/v1x")[0] == ask(port, "GET", "/")[0] == 404


def test_garbage_does_not_hurt(graphs: Any, tmp_path: Any, port: int) -> None:
    with graphs.Running(tmp_path, sync_lines(graphs, "http://127.0.0.1:%d" % port)):
        for data, status in ((b"hello\r\n\r\n", b"400"), (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"400"),
                             (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400")):
            with socket.create_connection(("127.0.0.1", port), 5) as client:
                client.sendall(data)
                assert status in client.recv(1000).splitlines()[0]
        assert ask(port)[0] == 200


def test_a_failing_unit_gives_500_and_later_requests_work(graphs: Any, tmp_path: Any, port: int) -> None:
    with graphs.Running(tmp_path, sync_lines(graphs, "http://127.0.0.1:%d" % port, max_requests=1)):
        for _ in range(4):      # more than max_requests: a failure gives its place back
            assert ask(port, body=b"fault")[:2] == (500, b"bi_http.ProcessError: it went wrong")
        assert ask(port, body=b"fail")[0] == 500
        assert ask(port, body=b"fine")[0] == 200


def test_no_answer_in_time_is_408_and_too_many_are_429(graphs: Any, tmp_path: Any, port: int) -> None:
    with graphs.Running(tmp_path, sync_lines(graphs, "http://127.0.0.1:%d" % port, max_requests=1, time_out_ms=400)):
        assert ask(port, body=b"sleep1")[0] == 408
        time.sleep(0)
        got: list[int] = []
        threads = [graphs.in_thread(lambda: got.append(ask(port, body=b"sleep0.2")[0])) for _ in range(6)]
        for thread in threads:
            thread.join(10)
        assert got.count(429) == 4      # one more than max_requests may be on its way


def test_the_port_is_taken(graphs: Any, tmp_path: Any, port: int, capfd: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert graphs.run(tmp_path, sync_lines(graphs, "http://127.0.0.1:%d" % port)) == 1
    said = capfd.readouterr().err
    assert "cannot listen on http://127.0.0.1:%d: Address already in use" % port in said and "node rx" in said


@pytest.mark.parametrize(("options", "words"), [
    ({"endpoint": "nonsense"}, "no address"), ({"endpoint": "http://127.0.0.1:99999"}, "no address"),
    ({"endpoint": "https://127.0.0.1:1"}, "certificate"),
    ({"endpoint": "https://127.0.0.1:1", "cert": "/no/such.pem", "key": "/no/such.key"}, "/no/such.pem")])
def test_bad_options_are_refused(graphs: Any, tmp_path: Any, capfd: Any, options: Any, words: str) -> None:
    assert graphs.run(tmp_path, sync_lines(graphs, options.pop("endpoint"), **options)) == 1
    assert words in capfd.readouterr().err


def test_drain_answers_what_is_on_its_way_and_ends(graphs: Any, tmp_path: Any, port: int) -> None:
    got: list[Any] = []
    with graphs.Running(tmp_path, sync_lines(graphs, "http://127.0.0.1:%d" % port)) as engine:
        assert ask(port)[0] == 200
        thread = graphs.in_thread(lambda: got.append(ask(port, body=b"sleep0.5")[:1]))
        until(lambda: engine.sessions)
        engine.drain()
        assert engine.wait(10)
        thread.join(5)
        assert got == [(200,)]
        with pytest.raises(OSError):
            ask(port)


def test_stop_gives_503(graphs: Any, tmp_path: Any, port: int) -> None:
    got: list[Any] = []
    with graphs.Running(tmp_path, sync_lines(graphs, "http://127.0.0.1:%d" % port, time_out_ms=20000)) as engine:
        assert ask(port)[0] == 200
        thread = graphs.in_thread(lambda: got.append(ask(port, body=b"sleep0.4")[0]))
        until(lambda: engine.sessions)
        engine.stop(5)
        thread.join(5)
    assert got == [503]


def test_async_answers_at_once_and_counts_sessions(graphs: Any, tmp_path: Any, port: int) -> None:
    with graphs.Running(tmp_path, async_lines(graphs, "http://127.0.0.1:%d" % port, max_requests=2)):
        began = time.monotonic()
        status, body, _ = ask(port, body=b"sleep0.8")
        assert (status, body) == (202, b"") and time.monotonic() - began < 0.7
        assert ask(port, body=b"sleep0.8")[0] == 202
        assert ask(port, body=b"x")[0] == 429
        until(lambda: ask(port, body=b"x")[0] == 202)


def test_tls(graphs: Any, tmp_path: Any, port: int, capfd: Any) -> None:
    cert, key, locked = certificate(tmp_path)
    context = ssl.create_default_context(cafile=cert)
    endpoint = "https://127.0.0.1:%d" % port
    with graphs.Running(tmp_path, sync_lines(graphs, endpoint, cert=cert, key=key)):
        assert saw(port, body=b"secret", context=context)["body"] == "secret"
    with graphs.Running(tmp_path, sync_lines(graphs, endpoint, cert=cert, key=locked, passwd="open", key_pass="x")):
        assert ask(port, context=context)[0] == 200
    assert graphs.run(tmp_path, sync_lines(graphs, endpoint, cert=cert, key=locked, passwd="wrong")) == 1
    assert "cannot be used" in capfd.readouterr().err


def certificate(folder: Any) -> tuple[str, str, str]:
    """A certificate for 127.0.0.1, its key, and the key again under the password `open`."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key())
            .serial_number(1).not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
            .add_extension(x509.BasicConstraints(True, None), True).sign(private, hashes.SHA256()))
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    paths = [str(folder / name) for name in ("cert.pem", "key.pem", "locked.pem")]
    locked = serialization.BestAvailableEncryption(b"open")
    for path, data in zip(paths, (made.public_bytes(pem), private.private_bytes(pem, form, plain),
                                  private.private_bytes(pem, form, locked))):
        with open(path, "wb") as stream:
            stream.write(data)
    return paths[0], paths[1], paths[2]


def until(condition: Any, seconds: float = 10) -> None:
    """Wait for a condition, with a deadline."""
    end, pause = time.monotonic() + seconds, threading.Event()
    while not condition():
        assert time.monotonic() < end, "it did not happen in %g s" % seconds
        pause.wait(0.02)
