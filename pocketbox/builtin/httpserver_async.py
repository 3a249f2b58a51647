"""httpserver_async: answers 202 at once and hands the request on."""
from __future__ import annotations

import threading
from typing import Any

from .http_server import Reply, Request
from .http_source import HttpSource

ACCEPTED, TOO_MANY, UNAVAILABLE = 202, 429, 503


class HttpServerAsync(HttpSource):
    """A request counts as on its way until its session is over."""

    def prepare(self, config: Any) -> None:
        self._sessions: list[Any] = []
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Reply:
        with self._lock:
            self._sessions = [session for session in self._sessions if not session.over]
            if len(self._sessions) >= self.most:
                return Reply(TOO_MANY)
            session = self.feed(request)
            if session is None:
                return Reply(UNAVAILABLE)
            self._sessions.append(session)
        return Reply(ACCEPTED)
