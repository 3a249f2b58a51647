"""The S3 target against a small store of our own on loopback that checks what a signature covers."""

import hashlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sedna_bridge.errors import StorageError, TargetAway
from sedna_bridge.storage import Bandwidth, open_target
from sedna_bridge.storage.s3 import endpoint

boto3 = pytest.importorskip("boto3")


class Store(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _answer(self, status, body=b"", **headers):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        seen = self.headers.get("Authorization", "")
        if not re.match(
            r"AWS4-HMAC-SHA256 Credential=key/\d{8}/us-east-1/s3/aws4_request, SignedHeaders=.*host.*, "
            r"Signature=[0-9a-f]{64}$",
            seen,
        ):
            return self._answer(403, b"<Error><Code>AccessDenied</Code></Error>")
        claimed = self.headers.get("x-amz-content-sha256")
        if claimed != hashlib.sha256(body).hexdigest():
            return self._answer(400, b"<Error><Code>XAmzContentSHA256Mismatch</Code></Error>")
        if not self.path.startswith("/bucket/"):
            return self._answer(404, b"<Error><Code>NoSuchBucket</Code></Error>")
        if self.server.trouble:
            return self._answer(503, b"<Error><Code>SlowDown</Code></Error>", **{"Retry-After": "9"})
        name = self.path.partition("?")[0]
        if self.command == "PUT":
            self.server.objects[name] = body
            return self._answer(200, ETag='"x"')
        if name in self.server.objects:
            return self._answer(200)
        return self._answer(404)

    do_PUT = do_HEAD = do_GET = _serve

    def log_message(self, *_):
        pass


@pytest.fixture
def store():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Store)
    server.objects, server.trouble = {}, False
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def environment(store, **more):
    return {
        "S3_ENDPOINT_URL": "127.0.0.1:%d" % store.server_address[1],
        "USE_HTTPS": "0",
        "ACCESS_KEY_ID": "key",
        "SECRET_ACCESS_KEY": "secret",
        **more,
    }


def test_two_signed_objects_for_an_example(store, tools):
    target = open_target("s3://bucket/he", environment=environment(store))
    one = tools.example(1, 50_000)
    assert target.put(one) is True
    assert target.put(one) is False
    assert store.objects == {"/bucket/he/%s.jpg" % one.id: one.picture, "/bucket/he/%s.json" % one.id: one.sidecar}


def test_paced_and_still_whole(store, tools):
    target = open_target("s3://bucket", environment=environment(store), pace=Bandwidth(8_000_000).take)
    one = tools.example(1, 50_000)
    assert target.put(one) is True
    assert store.objects["/bucket/%s.jpg" % one.id] == one.picture


def test_trouble_is_told(store, tools):
    store.trouble = True
    with pytest.raises(TargetAway) as caught:
        open_target("s3://bucket", environment=environment(store)).put(tools.example())
    assert caught.value.retry_after == 9 or caught.value.retry_after is None
    with pytest.raises(TargetAway):
        open_target("s3://other", environment=environment(store)).put(tools.example())
    with pytest.raises(TargetAway):
        open_target("s3://bucket", environment=environment(store, ACCESS_KEY_ID="stranger")).put(tools.example())


def test_nobody_there(tools):
    values = {"S3_ENDPOINT_URL": "http://127.0.0.1:9", "ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret"}
    with pytest.raises(TargetAway, match="cannot be reached"):
        open_target("s3://bucket", {"timeout": 2}, values).put(tools.example())


@pytest.mark.parametrize(
    "values, address",
    [
        ({}, None),
        ({"S3_ENDPOINT_URL": "minio:9000"}, "https://minio:9000"),
        ({"S3_ENDPOINT_URL": "minio:9000", "USE_HTTPS": "0"}, "http://minio:9000"),
        ({"S3_ENDPOINT_URL": "minio:9000", "S3_USE_HTTPS": "false"}, "http://minio:9000"),
        ({"S3_ENDPOINT_URL": "http://minio:9000", "USE_HTTPS": "1"}, "http://minio:9000"),
    ],
)
def test_sednas_environment(values, address):
    assert endpoint(values) == address


def test_half_a_key_is_no_key():
    with pytest.raises(StorageError, match="SECRET_ACCESS_KEY"):
        open_target("s3://bucket", environment={"ACCESS_KEY_ID": "key"})
