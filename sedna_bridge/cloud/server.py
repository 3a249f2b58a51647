"""The receiving server: takes hard examples over HTTP, checks them, keeps each once.

| request                                 | answer                                                            |
|-----------------------------------------|-------------------------------------------------------------------|
| PUT /examples/ID.jpg, then ID.json      | 201 stored, 200 was there, 409 send the picture first, 422 wrong  |
| POST /examples (form: sidecar, picture) | 201, 200, 422                                                     |
| PATCH /examples/ID.jpg                  | piece at Upload-Offset of Upload-Length: 204, at the end as PUT   |
| HEAD, GET /examples/ID.jpg or .json     | 200 with Repr-Digest, 404 with Upload-Offset                      |
| GET /examples?after=ID&limit=N          | names of the complete examples, in order                          |
| GET /stats, /metrics, /healthz          | figures; healthz needs no token                                   |
"""

from __future__ import annotations

import errno
import heapq
import hmac
import json
import logging
import socket
import socketserver
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from sedna_bridge.cloud.form import read_form
from sedna_bridge.cloud.store import PICTURE, ExampleStore, Refusal
from sedna_bridge.errors import StorageError
from sedna_bridge.storage import failpoints
from sedna_bridge.storage.example import ID, Example
from sedna_bridge.storage.http import repr_digest

log = logging.getLogger(__name__)

ROOM = "/examples"
MOST_LISTED = 1000
DRAINED = 256 * 1024
CONNECTIONS = 128


class CloudServer(ThreadingHTTPServer):
    """Serves one store. `token` is what every request must bear; none means that everybody may write."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self,
        store: ExampleStore,
        host: str = "127.0.0.1",
        port: int = 0,
        token: str = "",
        certificate: str = "",
        key: str = "",
        client_ca: str = "",
        timeout: float = 60.0,
    ) -> None:
        self.store = store
        self.token = token
        self.stall = timeout
        self._connections: set[Any] = set()
        self._slots = threading.BoundedSemaphore(CONNECTIONS)
        self._context = _tls(certificate, key, client_ca)
        self.figures = CollectorRegistry()
        self.answers = Counter("sednabox_cloud_answers", "Answers by status", ["status"], registry=self.figures)
        self.received = Counter("sednabox_cloud_received_bytes", "Bytes of bodies", registry=self.figures)
        Gauge("sednabox_cloud_examples", "Complete examples", registry=self.figures).set_function(lambda: store.count)
        Gauge("sednabox_cloud_bytes", "Bytes of complete examples", registry=self.figures).set_function(
            lambda: store.bytes
        )
        if ":" in host:
            self.address_family = socket.AF_INET6
        try:
            super().__init__((host, port), _Request)
        except OSError as error:
            raise StorageError("cannot listen on %s:%d: %s" % (host, port, error.strerror or error)) from None

    @property
    def url(self) -> str:
        """The address to give to a target."""
        host, port = str(self.server_address[0]), self.server_address[1]
        shown = "[%s]" % host if ":" in host else host
        return "%s://%s:%d%s" % ("https" if self._context else "http", shown, port, ROOM)

    def server_bind(self) -> None:
        """Binds without asking a name server for our own name, which offline takes long."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        connection.settimeout(self.stall)
        if self._context:
            # The handshake belongs to the connection's own thread, so that a silent client stops nobody.
            connection = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._slots.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._connections.discard(request)
            self._slots.release()

    def server_close(self) -> None:
        """Ends also the connections that clients keep; what was not answered was not promised."""
        super().server_close()
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.info("connection of %s broke", client_address, exc_info=True)


class _Request(BaseHTTPRequestHandler):
    """One connection. An answer leaves in one piece: in two it would wait 40 ms for the client's acknowledgement."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    server_version = "sednabox-cloud"
    sys_version = ""
    server: CloudServer

    def do_PUT(self) -> None:
        self._serve(self._put)

    def do_POST(self) -> None:
        self._serve(self._post)

    def do_PATCH(self) -> None:
        self._serve(self._patch)

    def do_GET(self) -> None:
        self._serve(self._get)

    def do_HEAD(self) -> None:
        self._serve(self._get)

    def _serve(self, method: Any) -> None:
        self._body_left = -1
        try:
            path = urlsplit(self.path).path
            if not (path == "/healthz" or self._allowed()):
                self.close_connection = True
                raise Refusal(401, "a bearer token is needed, and the right one")
            method(path)
        except Refusal as refusal:
            headers = {"Retry-After": str(refusal.retry_after)} if refusal.retry_after else {}
            if refusal.status == 401:
                headers["WWW-Authenticate"] = "Bearer"
            self._drain()
            self._answer(refusal.status, {"error": refusal.reason}, headers)
        except (ConnectionError, socket.timeout, TimeoutError, ssl.SSLError):
            self.close_connection = True
        except OSError as error:
            log.error("%s %s: %s", self.command, self.path, error)
            self.close_connection = True
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            pause = {"Retry-After": "60" if full else "5"}
            self._answer(507 if full else 500, {"error": error.strerror or "failed"}, pause)

    def _put(self, path: str) -> None:
        id, suffix = self._name(path)
        new = self.server.store.put_file(id, suffix, self._read(), self.headers.get("Repr-Digest", ""))
        self._answer(201 if new else 200, {"id": id})

    def _post(self, path: str) -> None:
        if path.rstrip("/") != ROOM:
            raise Refusal(404, "POST goes to %s" % ROOM)
        form = read_form(self.headers.get("Content-Type", ""), self._read())
        if not {"sidecar", "picture"} <= set(form):
            raise Refusal(400, "the form must have the parts sidecar and picture, it has %s" % (sorted(form) or "none"))
        id = self.headers.get("Idempotency-Key", "")
        if not ID.match(id):
            raise Refusal(400, "Idempotency-Key must be the example's name: 64 hexadecimal digits")
        new = self.server.store.put(Example(id, form["sidecar"], form["picture"]))
        self._answer(201 if new else 200, {"id": id})

    def _patch(self, path: str) -> None:
        id, suffix = self._name(path)
        try:
            offset, length = int(self.headers["Upload-Offset"]), int(self.headers["Upload-Length"])
        except (TypeError, ValueError):
            raise Refusal(400, "PATCH needs the numbers Upload-Offset and Upload-Length") from None
        piece = self._read()
        there, new = self.server.store.append(id, suffix, offset, length, piece, self.headers.get("Repr-Digest", ""))
        complete = there == length
        self._answer((201 if new else 200) if complete else 204, {"id": id}, {"Upload-Offset": str(there)})

    def _get(self, path: str) -> None:
        store = self.server.store
        if path == "/healthz":
            self._answer(200, {"status": "ok"})
        elif path == "/stats":
            self._answer(200, store.stats())
        elif path == "/metrics":
            self._send(200, generate_latest(self.server.figures), "text/plain; version=0.0.4")
        elif path.rstrip("/") == ROOM:
            query = parse_qs(urlsplit(self.path).query)
            after, limit = query.get("after", [""])[0], query.get("limit", ["1000"])[0]
            most = min(MOST_LISTED, int(limit) if limit.isdigit() else MOST_LISTED)
            names = heapq.nsmallest(most, (id for id in store.directory.ids() if id > after))
            self._answer(200, {"examples": names, "next": names[-1] if len(names) == most and names else None})
        else:
            id, suffix = self._name(path)
            data, there = store.state(id, suffix)
            if data is None:
                self._answer(404, {"error": "not here"}, {"Upload-Offset": str(there)})
            else:
                kind = "image/jpeg" if suffix == PICTURE else "application/json"
                self._send(200, data, kind, {"Repr-Digest": repr_digest(data), "Upload-Offset": str(there)})

    def _name(self, path: str) -> tuple[str, str]:
        folder, _, name = path.rpartition("/")
        id, dot, suffix = name.partition(".")
        if folder != ROOM or not ID.match(id) or dot + suffix not in (".jpg", ".json"):
            raise Refusal(404, "examples are at %s/<64 hexadecimal digits>.jpg and .json" % ROOM)
        return id, dot + suffix

    def _allowed(self) -> bool:
        if not self.server.token:
            return True
        given = self.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode("utf-8", "replace"), ("Bearer " + self.server.token).encode("utf-8"))

    def _read(self) -> bytes:
        text = self.headers.get("Content-Length")
        if text is None or not text.isdigit() or self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            raise Refusal(411, "Content-Length is needed")
        length = int(text)
        if length > self.server.store.largest + 65536:
            self.close_connection = True
            raise Refusal(413, "an example may have %d bytes, not %d" % (self.server.store.largest, length))
        self._body_left = length
        body = self.rfile.read(length)
        self._body_left = 0
        if len(body) < length:
            raise ConnectionError("the body ended early")
        self.server.received.inc(length)
        return body

    def _drain(self) -> None:
        """Reads what is left of a refused body, so that the client gets to see the answer."""
        if self._body_left < 0:
            text = self.headers.get("Content-Length", "0")
            self._body_left = int(text) if text.isdigit() else 0
        if 0 < self._body_left <= DRAINED:
            self.rfile.read(self._body_left)
        elif self._body_left:
            self.close_connection = True

    def _answer(self, status: int, content: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        data = b"" if status == 204 else json.dumps(content).encode("utf-8") + b"\n"
        self._send(status, data, "application/json", headers)

    def _send(self, status: int, data: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.server.answers.labels(str(status)).inc()
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        if status != 204:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
        self.wfile.flush()
        failpoints.reach("cloud.replied")

    def log_message(self, format: str, *args: Any) -> None:
        log.debug("%s " + format, self.address_string(), *args)


def _tls(certificate: str, key: str, client_ca: str) -> ssl.SSLContext | None:
    if not certificate:
        if key or client_ca:
            raise StorageError("TLS needs a certificate beside the key")
        return None
    for path in filter(None, (certificate, key, client_ca)):
        if not Path(path).is_file():
            raise StorageError("there is no file %s for TLS" % path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key or None)
        if client_ca:
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except (ssl.SSLError, OSError) as error:
        raise StorageError("the certificate %s cannot be used: %s" % (certificate, error)) from None
    return context
