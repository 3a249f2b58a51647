"""Posting one report, and telling what became of it."""

from __future__ import annotations

import http.client
import json
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

DELIVERED = "delivered"
"""The LC read it. It may still have dropped it: an unknown job gets 200 too."""
NOT_SENT = "not-sent"
"""The LC has nothing: it was not there, or it said that it failed (5xx)."""
UNKNOWN = "unknown"
"""It was sent and no answer came: a living LC will still act on it."""
LOST = "lost"
"""The LC broke the connection: it died with the report in its hands, or before."""
REFUSED = "refused"
"""The LC will never take it: sending it again is no use."""


@dataclass(frozen=True)
class Outcome:
    what: str
    detail: str = ""


def post(
    url: str,
    body: str,
    deadline: float = 10.0,
    about_to_send: Callable[[], None] | None = None,
    keep_waiting: Callable[[], bool] | None = None,
) -> Outcome:
    """POST a report; every wait has a deadline. `requests` is not used: it cannot tell "not sent" from "no answer".

    `about_to_send` runs when the LC is connected and nothing was sent yet. `keep_waiting` is asked each second after
    the deadline: as long as it says True the connection stays, so that a late answer, or the LC's end, is seen.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return Outcome(REFUSED, f"LC_SERVER must be a URL such as http://127.0.0.1:9100; got {url!r}")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        connection = kind(parts.hostname, parts.port, timeout=min(deadline, 5.0))
    except (ValueError, http.client.InvalidURL) as error:
        return Outcome(REFUSED, f"LC_SERVER {url!r}: {error}")
    try:
        try:
            connection.connect()
        except (OSError, UnicodeError) as error:
            return Outcome(NOT_SENT, f"{parts.netloc} cannot be reached: {error}")
        connection.sock.settimeout(deadline)
        if about_to_send is not None:
            about_to_send()
        try:
            headers = {"Content-Type": "application/json", "Accept": "application/json"}
            connection.request("POST", parts.path, body.encode("utf-8"), headers)
            end = time.monotonic() + deadline
            while not select.select([connection.sock], [], [], max(0.05, min(1.0, end - time.monotonic())))[0]:
                if time.monotonic() >= end and not (keep_waiting is not None and keep_waiting()):
                    return Outcome(UNKNOWN, f"no answer within {deadline:g} s")
            answer = connection.getresponse()
            text = answer.read(65536).decode("utf-8", "replace")
        except socket.timeout:
            return Outcome(UNKNOWN, f"no whole answer within {deadline:g} s")
        except (http.client.HTTPException, OSError) as error:
            return Outcome(LOST, f"the connection broke: {error or type(error).__name__}")
        return _judge(answer.status, text)
    finally:
        connection.close()


def _judge(status: int, text: str) -> Outcome:
    """Sedna's answers in plain words."""
    said = " ".join(text.split())[:300]
    if status == 200:
        try:
            known = isinstance(json.loads(text), dict)
        except ValueError:
            known = False
        return Outcome(DELIVERED, "" if known else f"200, but not an LC's answer: {said}")
    if status == 400:
        if "is different from" in said:
            hint = "WORKER_NAME in the path and `name` in the body differ, or the body is no JSON"
        else:
            hint = "a field has a type that the LC cannot read (`results` must be a list of objects)"
        return Outcome(REFUSED, f"400: {hint}: {said}")
    if status in (404, 405):
        return Outcome(REFUSED, f"{status}: no LC answers at this address: check LC_SERVER: {said}")
    if status in (406, 415):
        return Outcome(
            REFUSED, f"{status}: the LC wants application/json: a proxy may have changed the headers: {said}"
        )
    if status in (408, 425, 429) or status >= 500:
        return Outcome(NOT_SENT, f"{status}: {said}")
    return Outcome(REFUSED, f"{status}: {said}")


def is_alive(url: str, deadline: float = 2.0) -> bool:
    """Whether something listens at the server of `url`."""
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=deadline):
            return True
    except OSError:
        return False
