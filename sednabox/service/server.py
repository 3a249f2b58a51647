"""Serves the figures at http://ADDRESS:PORT/metrics; nothing else is there."""
from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest


class MetricsServer:
    """Listens from `start` to `close`; a client that is slow or silent holds only its own thread."""

    def __init__(self, address: str, port: int, collector: Any) -> None:
        registry = CollectorRegistry()
        registry.register(_Late(collector))

        class Handler(BaseHTTPRequestHandler):
            timeout = 10
            server_version = "sednabox"
            sys_version = ""

            def do_GET(self) -> None:
                if self.path.partition("?")[0] not in ("/metrics", "/metrics/"):
                    self.send_error(404, "figures are at /metrics")
                    return
                body = generate_latest(registry)
                self.send_response(200)
                self.send_header("Content-Type", CONTENT_TYPE_LATEST)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """A scrape every few seconds is no news."""

        self._server = (_Server6 if ":" in address else ThreadingHTTPServer)((address, port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True,
                                        name="metrics")

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()


class _Server6(ThreadingHTTPServer):
    address_family = socket.AF_INET6


class _Late:
    """A collector that is not asked when it is registered: the graph does not run yet."""

    def __init__(self, collector: Any) -> None:
        self._collector = collector

    def describe(self) -> list:
        return []

    def collect(self) -> Any:
        return self._collector.collect()
