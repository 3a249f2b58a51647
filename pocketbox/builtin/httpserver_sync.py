"""httpserver_sync_receive and httpserver_sync_reply: a request goes in at one, its answer comes from the other."""
from __future__ import annotations

import threading
from typing import Any

from ..sdk import log
from .http_server import Reply, Request
from .http_source import HttpSource
from .picture import raw_bytes
from .unit import FAULT, BuiltinUnit, Refusal, choice, unsigned

OK, TIMED_OUT, TOO_MANY, FAILED, UNAVAILABLE = 200, 408, 429, 500, 503
REPLY = "reply"     # key in the session's context
TYPES = {
    "htm": "text/html", "html": "text/html", "js": "text/javascript", "css": "text/css", "json": "application/json",
    "png": "image/png", "gif": "image/gif", "jpeg": "image/jpeg", "svg": "image/svg+xml", "tar": "application/x-tar",
    "txt": "text/plain;charset=utf-8", "ico": "application/octet-stream", "xml": "text/xml", "mpeg": "video/mpeg",
    "mp3": "audio/mpeg",
}


class Waiting:
    """A request whose client waits. The first answer counts."""

    def __init__(self) -> None:
        self._given = threading.Event()
        self._lock = threading.Lock()
        self.reply: Reply | None = None

    def give(self, reply: Reply) -> None:
        with self._lock:
            if self.reply is None:
                self.reply = reply
        self._given.set()

    def wait(self, seconds: float) -> Reply:
        self._given.wait(seconds)
        self.give(Reply(TIMED_OUT))
        assert self.reply is not None
        return self.reply


class HttpServerReceive(HttpSource):
    """Without an answer in time the client gets 408; when the graph stops, 503."""

    def prepare(self, config: Any) -> None:
        self.seconds = unsigned(config, "time_out_ms", 5000) / 1000.0
        self._waiting: set[Waiting] = set()
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Reply:
        waiting = Waiting()
        with self._lock:
            if len(self._waiting) > self.most:      # one more than the option says, as in ModelBox
                return Reply(TOO_MANY)
            self._waiting.add(waiting)
        try:
            if self.feed(request, **{REPLY: waiting}) is None:
                return Reply(UNAVAILABLE)
            return waiting.wait(self.seconds)
        finally:
            with self._lock:
                self._waiting.discard(waiting)

    def close(self) -> Any:
        with self.__dict__.get("_lock") or threading.Lock():
            left = list(self.__dict__.get("_waiting", ()))
        for waiting in left:
            waiting.give(Reply(UNAVAILABLE))
        return super().close()


class HttpServerReply(BuiltinUnit):
    """Answers with the bytes of the session's first buffer. A request that failed on its way is answered 500."""

    def configure(self, config: Any) -> None:
        self.content_type = TYPES[choice(config, "content_type", "txt", TYPES)]

    def work(self, ctx: Any) -> None:
        context = ctx.get_session_context()
        try:
            waiting = context.get_private(REPLY)
        except ValueError:
            raise Refusal(FAULT, "http reply handler is nullptr. The session does not come from "
                          "httpserver_sync_receive") from None
        for buffer in ctx.input("in_reply_info"):
            if buffer.has_error():
                text = "%s: %s" % (buffer.get_error_code(), buffer.get_error_msg() or "see the log")
                log.warn("node %s: a request failed on its way: %s" % (self.node_name(), text))
                waiting.give(Reply(FAILED, text.encode("utf-8"), TYPES["txt"]))
            else:
                waiting.give(Reply(OK, raw_bytes(buffer).tobytes(), self.content_type))
