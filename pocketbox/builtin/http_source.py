"""What both HTTP source units do with a request: make it a session with one buffer."""
from __future__ import annotations

from typing import Any

import numpy as np

from ..sdk.buffer import STR, Buffer
from .http_server import HttpServer, Reply, Request, Settings
from .picture import shapeless
from .unit import BuiltinUnit, unsigned


class HttpSource(BuiltinUnit):
    """Subclasses say how a request is answered. `live` keeps the graph running while the server listens."""

    live = False

    def configure(self, config: Any) -> None:
        settings = Settings(config)
        self.endpoint = settings.endpoint
        self.most = unsigned(config, "max_requests", 1000)
        self.prepare(config)
        self.server: HttpServer | None = HttpServer(settings, self.answer)
        self.live = True

    def prepare(self, config: Any) -> None:
        """Read further options, before the server listens."""

    def answer(self, request: Request) -> Reply:
        raise NotImplementedError

    def feed(self, request: Request, **private: Any) -> Any:
        """Send the request into the graph as a session of its own; gives the session."""
        feed = self.create_external_data()
        for key, value in private.items():
            feed.get_session_context().set_private(key, value)
        buffers = feed.create_buffer_list()
        buffers.push_back(self._buffer(request))
        session = feed._feed.session
        status = feed.send(buffers)
        feed.close()
        return session if status else None

    def _buffer(self, request: Request) -> Buffer:
        data = request.body.encode("utf-8")
        buffer = shapeless(self.get_bind_device(), np.frombuffer(data, np.uint8), typed=False)
        buffer._kind = STR
        buffer._meta.update(size=len(data), method=request.method, uri=request.uri, endpoint=self.endpoint)
        return buffer

    def work(self, ctx: Any) -> None:
        out = ctx.output("out_request_info")
        for buffer in ctx.external():
            out.push_back(buffer)

    def drain(self) -> None:
        """No more requests; those on their way are answered."""
        server = self.__dict__.get("server")
        if server is not None:
            server.drain()
        self.live = False

    def close(self) -> Any:
        self.drain()
        server = self.__dict__.get("server")
        if server is not None:
            server.close()
        return super().close()
