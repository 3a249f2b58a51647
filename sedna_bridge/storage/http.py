"""An HTTP or HTTPS server as a target.

PUT (the default) sends `<url>/<id>.jpg` and then `<url>/<id>.json`, which any server that stores what is put can take.
POST sends both as one form to the url itself. 200, 201 and 204 are the durable yes; nothing else is. Pictures larger
than `piece` go in pieces to a server that answers HEAD with Upload-Offset, as our own does, and go on where the link
broke. Redirects are not followed: they would turn a PUT into a GET and carry the token elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import time
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Mapping
from urllib.parse import urlsplit, urlunsplit

import requests
import urllib3
from urllib3.filepost import encode_multipart_formdata

from sedna_bridge.errors import StorageError, TargetAway, TargetRefused
from sedna_bridge.storage.bandwidth import HEAD
from sedna_bridge.storage.example import Example
from sedna_bridge.storage.target import Pace, PacedBody, Target, unpaced

log = logging.getLogger(__name__)

YES = (200, 201, 204)
THIS_EXAMPLE = (400, 413, 415, 422)
CONFIGURATION = {
    401: "check the token",
    403: "check the token",
    404: "check the url",
    405: "check the method",
    411: "check the url",
    501: "check the method",
}
IN_SO_MANY_WORDS = "accept any certificate"


class HttpTarget(Target):
    """Sends examples to a server, over one kept connection for each thread of the pool."""

    def __init__(
        self,
        url: str,
        *,
        method: str = "PUT",
        token: str = "",
        token_file: str = "",
        client_certificate: str = "",
        client_key: str = "",
        verify: str = "",
        timeout: float = 30.0,
        piece: int = 65536,
        connections: int = 4,
        pace: Pace = unpaced,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise StorageError("the target must be a url such as https://host/examples, not %r" % url)
        if method.upper() not in ("PUT", "POST"):
            raise StorageError("the method must be PUT or POST, not %r" % method)
        bare = parts.netloc.rpartition("@")[2]
        self._url = urlunsplit((parts.scheme, bare, parts.path.rstrip("/"), parts.query, ""))
        self.where = urlunsplit((parts.scheme, bare, parts.path.rstrip("/"), "", ""))
        self._method = method.upper()
        self._pace = pace
        self._piece = piece
        self._timeout = (min(10.0, timeout), timeout)
        self._session = requests.Session()
        self._session.auth = _Authorization(token, token_file, parts.username, parts.password)
        adapter = requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=connections, max_retries=0)
        self._session.mount(parts.scheme + "://", adapter)
        self._verify = _trust(verify)
        self._session.cert = _certificate(client_certificate, client_key)
        if self._verify is False:
            log.warning("%s: any certificate is accepted, as the configuration says", self.where)
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        if parts.scheme == "http" and (token or token_file) and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            log.warning("%s: the token goes over the network in clear text; use https", self.where)

    def put(self, example: Example) -> bool:
        if self._method == "POST":
            return self._post(example)
        new = self._send(example.id + ".jpg", example.picture, "image/jpeg", example)
        return self._send(example.id + ".json", example.sidecar, "application/json", example) or new

    def close(self) -> None:
        self._session.close()

    def _post(self, example: Example) -> bool:
        body, content_type = encode_multipart_formdata(
            [
                ("sidecar", (example.id + ".json", example.sidecar, "application/json")),
                ("picture", (example.id + ".jpg", example.picture, "image/jpeg")),
            ]
        )
        answer = self._ask(
            "POST", self._url, body, {"Content-Type": content_type, "Idempotency-Key": example.id}, example
        )
        return answer.status_code == 201

    def _send(self, name: str, data: bytes, content_type: str, example: Example) -> bool:
        path, mark, query = self._url.partition("?")
        url = "%s/%s%s%s" % (path, name, mark, query)
        headers = {"Content-Type": content_type, "Repr-Digest": repr_digest(data), "Idempotency-Key": example.id}
        if len(data) > self._piece:
            whole, offset = self._there(url, headers["Repr-Digest"])
            if whole:
                return False
            if offset is not None:
                return self._send_pieces(url, data, offset, headers, example)
        return self._ask("PUT", url, data, headers, example).status_code == 201

    def _there(self, url: str, wanted: str) -> tuple[bool, int | None]:
        """Whether the server has all of it, and shows the digest; how many bytes it has; None if it takes no pieces."""
        answer = self._request("HEAD", url, b"", {})
        if answer.status_code == 200 and "Repr-Digest" in answer.headers:
            return answer.headers["Repr-Digest"] == wanted, 0
        offset = answer.headers.get("Upload-Offset", "")
        return False, int(offset) if offset.isdigit() else None

    def _send_pieces(self, url: str, data: bytes, offset: int, headers: Mapping[str, str], example: Example) -> bool:
        offset = offset if offset <= len(data) else 0
        while True:
            end = min(len(data), offset + self._piece)
            answer = self._ask(
                "PATCH",
                url,
                data[offset:end],
                {**headers, "Upload-Offset": str(offset), "Upload-Length": str(len(data))},
                example,
            )
            offset = end
            if offset == len(data):
                return answer.status_code == 201

    def _ask(
        self, method: str, url: str, body: bytes, headers: Mapping[str, str], example: Example
    ) -> requests.Response:
        answer = self._request(method, url, body, headers)
        if answer.status_code in YES:
            return answer
        said = "%s answered %s %d %s to %s" % (self.where, answer.reason, answer.status_code, _words(answer), method)
        if answer.status_code in THIS_EXAMPLE:
            raise TargetRefused("%s of example %s" % (said, example.id[:12]))
        advice = CONFIGURATION.get(answer.status_code)
        if advice is None and answer.status_code < 400:
            advice = "only 200, 201 and 204 are a durable yes; give the url that answers itself"
        raise TargetAway("%s%s" % (said, "; " + advice if advice else ""), retry_after(answer))

    def _request(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> requests.Response:
        try:
            self._pace(HEAD)
            data: Any = PacedBody(body, self._pace) if body else None
            with self._session.request(
                method,
                url,
                data=data,
                headers=dict(headers),
                timeout=self._timeout,
                allow_redirects=False,
                verify=self._verify,
                stream=True,
            ) as answer:
                answer.raw.decode_content = False
                answer._content = answer.raw.read(2048)  # type: ignore[attr-defined]
                return answer
        except requests.exceptions.SSLError as error:
            raise TargetAway(
                "%s: the certificate is not trusted or not right: %s; name its authority in verify, or say "
                "verify = %r in so many words" % (self.where, error, IN_SO_MANY_WORDS)
            ) from error
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
            raise TargetAway("%s cannot be reached: %s" % (self.where, _root(error))) from error
        except (OSError, ValueError) as error:
            raise TargetAway("%s: %s" % (self.where, error)) from error


class _Authorization(requests.auth.AuthBase):
    """The bearer token, read again for each request where it lies in a file, since files rotate.

    Setting it always also keeps ~/.netrc out.
    """

    def __init__(self, token: str, token_file: str, user: str | None, password: str | None) -> None:
        self._token = token
        self._file = Path(token_file) if token_file else None
        self._basic = (user, password or "") if user else None
        if any(not (33 <= ord(c) < 127) for c in token):
            raise StorageError("the token must be printable text without white space")

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        token = self._token
        if self._file is not None:
            token = self._file.read_text(encoding="utf-8").strip()
        if token:
            request.headers["Authorization"] = "Bearer " + token
        elif self._basic:
            return requests.auth.HTTPBasicAuth(*self._basic)(request)
        return request


def repr_digest(data: bytes) -> str:
    """The digest as RFC 9530 writes it."""
    return "sha-256=:%s:" % base64.b64encode(hashlib.sha256(data).digest()).decode("ascii")


def retry_after(answer: requests.Response) -> float | None:
    """Seconds for which the server asks; a date is counted from the server's own clock, not from ours."""
    text = answer.headers.get("Retry-After", "").strip()
    if not text:
        return None
    if text.isdigit():
        return float(text)
    try:
        then = parsedate_to_datetime(text).timestamp()
        date = answer.headers.get("Date")
        now = parsedate_to_datetime(date).timestamp() if date else time.time()
    except (TypeError, ValueError):
        return None
    return max(0.0, then - now)


def _trust(verify: str) -> Any:
    if not verify:
        return True
    if verify == IN_SO_MANY_WORDS:
        return False
    if verify.lower() in ("true", "yes", "1"):
        return True
    if not Path(verify).exists():
        raise StorageError(
            "verify must be a file or directory of trusted certificates, or the words %r; there is no %s"
            % (IN_SO_MANY_WORDS, verify)
        )
    return verify


def _certificate(certificate: str, key: str) -> Any:
    for path in filter(None, (certificate, key)):
        if not Path(path).is_file():
            raise StorageError("the client certificate cannot be read: there is no file %s" % path)
    if key and not certificate:
        raise StorageError("client_key is given without client_certificate")
    return (certificate, key) if key else certificate or None


def _words(answer: requests.Response) -> str:
    text = bytes(answer.content or b"").decode("utf-8", "replace").strip().splitlines()
    return "(%s)" % text[0][:160] if text else ""


def _root(error: BaseException) -> str:
    """The innermost reason of requests' nested errors: the outer ones repeat it with addresses of objects."""
    while True:
        inner = error.__cause__ or error.__context__ or (error.args[0] if error.args else None)
        if not isinstance(inner, BaseException):
            return str(error) or type(error).__name__
        error = inner
