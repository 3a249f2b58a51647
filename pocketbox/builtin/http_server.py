"""The HTTP server behind httpserver_sync and httpserver_async: one thread per connection, TLS where it is asked for."""
from __future__ import annotations

import http.server
import json
import os
import re
import socket
import socketserver
import ssl
import threading
import time
from typing import Any, Callable, NamedTuple
from urllib.parse import urlsplit

from ..sdk import log
from .unit import BAD_CONFIG, FAULT, Refusal, unsigned

METHODS = ("POST", "GET", "DELETE", "PUT")
KNOWN = ("OPTIONS", "TRACE")
DEFAULT = "http://127.0.0.1:8080"
HEADERS = (
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
    ("Content-Security-Policy", "default-src 'self'  data: 'unsafe-inline' 'unsafe-eval'; object-src 'none'; "
                                "frame-ancestors 'none'"),
    ("X-Frame-Options", "DENY"),
)
TEXTUAL = re.compile(r"text/|application/(json|xml|x-www-form-urlencoded|x-javascript|javascript|atom\+xml|soap\+xml|"
                     r"xhtml\+xml|rss\+xml|[^;]*\+xml|[^;]*\+json|http|x-json)", re.IGNORECASE)
CLOSE_SECONDS = 2.0


class Reply(NamedTuple):
    """An answer. Without a content type it has no body."""

    status: int
    body: bytes = b""
    content_type: str = ""


class Request(NamedTuple):
    """What a unit gets to see; `body` is text."""

    method: str
    uri: str
    body: str


class BadRequest(Exception):
    """Raised for a request that cannot be understood."""


class Settings:
    """Where to listen and how, read from a unit's options."""

    def __init__(self, config: Any) -> None:
        self.endpoint = config.get_string("endpoint", "") or DEFAULT
        self.keep_alive = unsigned(config, "keepalive_timeout_sec", 200) or None
        parts = urlsplit(self.endpoint)
        try:
            self.host, self.port = parts.hostname or "", parts.port
        except ValueError:
            self.host, self.port = "", None
        if parts.scheme not in ("http", "https") or not self.host:
            raise Refusal(BAD_CONFIG, "endpoint '%s' is no address; write http://127.0.0.1:8080" % self.endpoint)
        self.port = self.port or (443 if parts.scheme == "https" else 80)
        self.path = parts.path.rstrip("/")
        cert, key = config.get_string("cert", ""), config.get_string("key", "")
        self.tls = _tls(cert, key, config.get_string("passwd", "")) if cert else None
        if parts.scheme == "https" and self.tls is None:
            raise Refusal(BAD_CONFIG, "endpoint %s needs a certificate: set cert and key" % self.endpoint)
        if parts.scheme == "http":
            self.tls = None


def _tls(cert: str, key: str, password: str) -> ssl.SSLContext:
    if not os.access(cert, os.R_OK):
        raise Refusal(BAD_CONFIG, "certificate file is invalid. It cannot be read: %s" % cert)
    if not os.access(key, os.R_OK):
        raise Refusal(BAD_CONFIG, "key file is invalid. It cannot be read: %s" % key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # A callable: without one OpenSSL would ask at the terminal.
        context.load_cert_chain(cert, key, lambda: password)
    except (ssl.SSLError, OSError, ValueError) as error:
        raise Refusal(BAD_CONFIG, "certificate %s and key %s cannot be used: %s. The embedded engine takes keys "
                      "without a password, or with passwd as it is; it cannot decrypt passwd" % (cert, key, error)
                      ) from None
    return context


class HttpServer:
    """Listens from the start; `answer` is called on the connection's thread. `drain` stops listening, `close` waits
    until the answers that are being written are written."""

    def __init__(self, settings: Settings, answer: Callable[[Request], Reply]) -> None:
        self.settings = settings
        self.answer = answer
        self.busy = 0
        self.changed = threading.Condition()
        try:
            self._server: Any = _Listener(self)
        except OSError as error:
            raise Refusal(FAULT, "cannot listen on %s: %s" % (settings.endpoint, error.strerror or error)) from None
        self._listening = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="pocketbox-http",
                                        daemon=True)
        self._thread.start()
        log.info("start to listen : " + settings.endpoint)

    def drain(self) -> None:
        with self.changed:
            was, self._listening = self._listening, False
        if was:
            self._server.shutdown()
            self._server.server_close()

    def close(self) -> None:
        self.drain()
        end = time.monotonic() + CLOSE_SECONDS
        with self.changed:
            while self.busy and time.monotonic() < end:
                self.changed.wait(end - time.monotonic())


class _Listener(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, owner: HttpServer) -> None:
        self.owner = owner
        settings = owner.settings
        if ":" in settings.host:
            self.address_family = socket.AF_INET6
        super().__init__((settings.host, settings.port or 0), _Connection)

    def server_bind(self) -> None:
        # HTTPServer.server_bind looks the host's name up, which may take long and is good for nothing here.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.debug("http connection of %s ended early" % (client_address,))


class _Connection(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body leave in one piece: else the client's delayed acknowledgement costs 40 ms.
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Any

    def setup(self) -> None:
        owner = self.server.owner
        self.request.settimeout(owner.settings.keep_alive)
        if owner.settings.tls is not None:
            # The handshake is done here, not by the listener, which one slow client would hold up.
            self.request = owner.settings.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def finish(self) -> None:
        try:
            super().finish()
        except OSError:
            pass
        if self.server.owner.settings.tls is not None:
            self.request.close()

    def log_message(self, format: str, *args: Any) -> None:
        log.debug("http: " + format % args)

    def version_string(self) -> str:
        return "pocketbox"

    def send_error(self, code: int, message: Any = None, explain: Any = None) -> None:
        """Errors of the protocol: no body, and the connection ends."""
        self.close_connection = True
        self.request_version = self.request_version if self.request_version.startswith("HTTP/1") else "HTTP/1.1"
        self._write(Reply(code), plain=True)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):      # every method comes here, known or not
            return self._handle
        raise AttributeError(name)

    def _handle(self) -> None:
        owner = self.server.owner
        with owner.changed:
            owner.busy += 1
        try:
            self._serve(owner)
        finally:
            with owner.changed:
                owner.busy -= 1
                owner.changed.notify_all()

    def _serve(self, owner: HttpServer) -> None:
        prefix = owner.settings.path
        if prefix and urlsplit(self.path).path != prefix and not self.path.startswith((prefix + "/", prefix + "?")):
            self._skip_body()
            self._write(Reply(404), plain=True)
            return
        if self.command not in METHODS:
            self._skip_body()
            allowed = METHODS if self.command in KNOWN else sorted(METHODS + KNOWN)
            self._write(Reply(405), plain=True, allow=", ".join(allowed))
            return
        try:
            body = self._body()
            if self.path == "/health":
                reply = Reply(200, json.dumps({"message": "success", "status": 200}, separators=(",", ":")).encode(),
                              "text/plain; charset=utf-8")
            else:
                reply = owner.answer(Request(self.command, self.path, self._text(body)))
        except BadRequest as error:
            reply = Reply(400, str(error).encode("utf-8"), "text/plain;charset=utf-8")
        self._write(reply)

    def _skip_body(self) -> None:
        try:
            self._body()
        except BadRequest:
            self.close_connection = True

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._chunks()
        said = self.headers.get("Content-Length", "0")
        if not said.strip().isdigit():
            self.close_connection = True
            raise BadRequest("Content-Length is '%s', not a number" % said)
        data = self.rfile.read(int(said))
        if len(data) < int(said):
            self.close_connection = True
            raise BadRequest("the body ends early")
        return data

    def _chunks(self) -> bytes:
        parts = []
        while True:
            line = self.rfile.readline(1000)
            try:
                size = int(line.split(b";")[0], 16)
            except ValueError:
                self.close_connection = True
                raise BadRequest("a chunk has no length") from None
            if size <= 0:
                break
            parts.append(self.rfile.read(size))
            self.rfile.readline(1000)
        while self.rfile.readline(65536).strip():
            continue
        return b"".join(parts)

    def _text(self, body: bytes) -> str:
        """The body as text, as ModelBox hands it on; what is neither UTF-8 nor marked otherwise is taken as Latin-1."""
        said = self.headers.get("Content-Type", "")
        if said and not TEXTUAL.match(said.strip()):
            raise BadRequest("Content-Type is %s; only text, JSON, XML and forms are taken. Send other data as base64"
                             % said)
        charset = self.headers.get_content_charset()
        for name in (charset, "utf-8") if charset else ("utf-8",):
            try:
                return body.decode(name)
            except (LookupError, UnicodeDecodeError):
                continue
        return body.decode("latin-1")

    def _write(self, reply: Reply, plain: bool = False, allow: str = "") -> None:
        try:
            self.send_response(reply.status)
            if allow:
                self.send_header("Allow", allow)
            self.send_header("Content-Length", str(len(reply.body)))
            if reply.content_type:
                self.send_header("Content-Type", reply.content_type)
            for name, value in () if plain else HEADERS:
                self.send_header(name, value)
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(reply.body if self.command != "HEAD" else b"")
            self.wfile.flush()
        except OSError as error:
            self.close_connection = True
            log.debug("http: the client is gone: %s" % error)
