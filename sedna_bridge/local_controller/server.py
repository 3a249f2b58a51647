"""The LC's HTTP server: one route, and the same answers as the real one, down to headers and texts.

    POST /sedna/workers/{worker}/info   200 / 400 as JSON {"Status","Message"}
    other methods there                 405 with Allow: POST
    other content types                 415; an Accept that is neither JSON nor XML: 406
    anything else                       404

The real LC reads bodies with Go's JSON: keys match in any case, unknown keys and what follows the value are ignored,
null is nothing. A body is kept (on disk) before it is answered with 200, so a report survives a crash of the
controller right after.
"""

from __future__ import annotations

import gzip
import json
import re
import socket
import zlib
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable
from urllib.parse import unquote, urlsplit

from sedna_bridge.local_controller.errors import ControllerBusy

Keep = Callable[[Any], None]

_ROUTE = re.compile(r"/sedna/workers/([^/]+)/info/?\Z")
_CONSUMES = ("application/xml", "application/json")
_LARGEST = 16 << 20
_FIELDS = {
    "name": (str, "string"),
    "namespace": (str, "string"),
    "ownerName": (str, "string"),
    "ownerKind": (str, "string"),
    "ownerInfo": (dict, "map[string]interface {}"),
    "kind": (str, "string"),
    "status": (str, "string"),
    "results": (list, "[]map[string]interface {}"),
}
_GO_KINDS: tuple = ((bool, "bool"), (str, "string"), ((int, float), "number"), (list, "array"), (dict, "object"))


class BodyError(ValueError):
    """What Go's decoder would say; `message` holds the fields that it had read by then."""

    def __init__(self, text: str, message: Mapping[str, Any]) -> None:
        super().__init__(text)
        self.message = message


def parse_body(raw: bytes) -> dict[str, Any]:
    """A report as Go reads it; it raises a BodyError where Go returns an error."""
    try:
        text = raw.decode("utf-8", "replace").lstrip(" \t\r\n")
        if not text:
            raise BodyError("EOF", {})
        value, _end = json.JSONDecoder(parse_constant=_no_constant).raw_decode(text)
    except (ValueError, RecursionError) as error:
        if isinstance(error, BodyError):
            raise
        raise BodyError(f"invalid JSON: {error}", {}) from None
    message: dict[str, Any] = {}
    if value is None:
        return message
    if not isinstance(value, dict):
        raise BodyError(f"json: cannot unmarshal {_go_kind(value)} into Go value of type worker.MessageContent", {})
    wrong = ""
    lowered = {name.lower(): name for name in _FIELDS}
    for key, item in value.items():
        name = key if key in _FIELDS else lowered.get(key.lower(), "")
        if not name or item is None:
            continue
        kind, go = _FIELDS[name]
        bad = None if isinstance(item, kind) else item
        if name == "results" and bad is None:
            bad = next((entry for entry in item if not isinstance(entry, dict) and entry is not None), None)
            go = go if not isinstance(item, list) else "map[string]interface {}"
            item = [entry or {} for entry in item if isinstance(entry, dict) or entry is None]
        if bad is not None:
            wrong = wrong or (
                f"json: cannot unmarshal {_go_kind(bad)} into Go struct field MessageContent.{name} of type {go}"
            )
            continue
        message[name] = item
    if wrong:
        raise BodyError(wrong, message)
    return message


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def _go_kind(value: Any) -> str:
    return next((name for kind, name in _GO_KINDS if isinstance(value, kind)), "null")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server
    timeout = 60

    def version_string(self) -> str:
        return "sednabox-lc"

    def _any(self) -> None:
        raw = self._body()
        if raw is None:
            return
        path = unquote(urlsplit(self.path).path)
        match = _ROUTE.match(path)
        if match is None:
            if path == "/sedna" or path.startswith("/sedna/"):
                self._plain(404, "404: Page Not Found")
            else:
                self._plain(404, "404 page not found\n", {"X-Content-Type-Options": "nosniff"})
        elif self.command != "POST":
            self._plain(405, "405: Method Not Allowed", {"Allow": "POST"})
        elif not self._accepted_type(self.headers.get("Content-Type") or "application/octet-stream", _CONSUMES):
            if raw:
                self._plain(415, "415: Unsupported Media Type")
            else:
                self._plain(406, "406: Not Acceptable\n\nAvailable representations: ")
        elif not self._accepted_type(self.headers.get("Accept") or "*/*", (*_CONSUMES, "*/*")):
            listed = "application/json, application/xml"
            self._plain(406, f"406: Not Acceptable\n\nAvailable representations: {listed}")
        else:
            self._report(match.group(1), raw)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _any

    def _report(self, worker: str, raw: bytes) -> None:
        problem = ""
        message: Mapping[str, Any] = {}
        try:
            if "json" not in (self.headers.get("Content-Type") or ""):
                raise BodyError("XML cannot hold a report", {})
            message = parse_body(raw)
        except BodyError as error:
            problem, message = str(error), error.message
        name = message.get("name", "")
        if name != worker:
            said = f"worker name(name={worker}) in the api is different from that(name={name}) in the message body"
            self._reply(400, said)
        elif problem:
            self._reply(400, f"read worker(name={worker}) message body failed, error: {problem}")
        else:
            try:
                self.server.keep(message)
            except Exception as error:
                self._reply(503, f"the report was not kept: {error}")
                return
            self._reply(200, "OK")

    def _body(self) -> bytes | None:
        if "chunked" in (self.headers.get("Transfer-Encoding") or "").lower():
            raw = self._chunks()
        else:
            try:
                length = int(self.headers.get("Content-Length") or 0)
            except ValueError:
                length = -1
            if not 0 <= length <= _LARGEST:
                self.close_connection = True
                self._plain(400 if length < 0 else 413, "400 Bad Request" if length < 0 else "413: too large")
                return None
            raw = self.rfile.read(length)
        encoding = (self.headers.get("Content-Encoding") or "").lower()
        try:
            if "gzip" in encoding:
                return gzip.decompress(raw)
            return zlib.decompress(raw) if "deflate" in encoding else raw
        except (OSError, zlib.error, EOFError):
            return b""

    def _chunks(self) -> bytes:
        parts, total = [], 0
        while True:
            size = int(self.rfile.readline(100).split(b";")[0].strip() or b"0", 16)
            total += size
            if size == 0 or total > _LARGEST:
                break
            parts.append(self.rfile.read(size))
            self.rfile.readline(10)
        while self.rfile.readline(1000).strip():
            pass
        return b"".join(parts)

    @staticmethod
    def _accepted_type(header: str, known: tuple) -> bool:
        return any(part.split(";")[0].strip(" ") in known for part in header.split(","))

    def _reply(self, status: int, message: str) -> None:
        text = json.dumps({"Status": status, "Message": message}, indent=1, ensure_ascii=False)
        for character in "<>&":
            text = text.replace(character, f"\\u{ord(character):04x}")
        self._send(status, text, "application/json", {})

    def _plain(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        self._send(status, text, "text/plain; charset=utf-8", headers or {})

    def _send(self, status: int, text: str, content_type: str, headers: Mapping[str, str]) -> None:
        raw = text.encode("utf-8")
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:
        """Silence: what matters is an event of a job."""


class Server(ThreadingHTTPServer):
    """`keep` is called with each readable report before it is answered."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: str, port: int, keep: Keep) -> None:
        self.keep = keep
        if ":" in address:
            self.address_family = socket.AF_INET6
        try:
            super().__init__((address, port), _Handler)
        except OSError as error:
            raise ControllerBusy(
                f"port {port} on {address} cannot be used: {error.strerror or error}. Another program has "
                "it: stop that one, or give another with --port"
            ) from None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A worker that hangs up in the middle of a request is no event of ours."""
