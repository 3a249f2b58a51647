"""Small servers for tests: one that answers as told and remembers, one that plays a video by RTSP."""
from __future__ import annotations

import http.server
import socket
import struct
import threading
from typing import Any, Callable


class Server:
    """An HTTP server. `answer(method, path, headers, body)` gives status and body."""

    def __init__(self, answer: Callable[..., Any]) -> None:
        outer = self
        self.requests: list[Any] = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                outer.requests.append((self.command, self.path, dict(self.headers), body))
                status, data = answer(self.command, self.path, dict(self.headers), body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                try:
                    self.wfile.write(data)
                except OSError:
                    pass

            do_POST = do_HEAD = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: Any) -> None:
        self.server.shutdown()
        self.server.server_close()


class RtspServer:
    """Plays MPEG-4 frames over RTSP, interleaved; then ends the connection, or keeps silent.

    Each connection gets the whole stream. `port` may be given to come back under the same address.
    """

    def __init__(self, stream: list[bytes], port: int = 0, hang: bool = False, pause: float = 0.0) -> None:
        self.stream = stream
        self.hang = hang
        self.pause = pause
        self.plays = 0
        self.closing = threading.Event()
        self.socket = socket.create_server(("127.0.0.1", port))
        self.url = "rtsp://user:secret@127.0.0.1:%d/live" % self.socket.getsockname()[1]
        self.port = int(self.socket.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> RtspServer:
        return self

    def __exit__(self, *_: Any) -> None:
        self.closing.set()
        self.socket.close()

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            try:
                self._talk(client)
            except OSError:
                pass

    def _talk(self, client: socket.socket) -> None:
        reader = client.makefile("rb")
        while True:
            head = []
            while True:
                line = reader.readline().decode()
                if not line.strip():
                    break
                head.append(line.strip())
            if not head:
                return
            method = head[0].split()[0]
            number = next(h for h in head if h.lower().startswith("cseq"))
            extra, body = "", ""
            if method == "OPTIONS":
                extra = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
            elif method == "DESCRIBE":
                body = ("v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                        "m=video 0 RTP/AVP 96\r\na=rtpmap:96 MP4V-ES/90000\r\na=control:track\r\n")
                extra = "Content-Type: application/sdp\r\n"
            elif method == "SETUP":
                extra = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
            session = "Session: 1\r\n" if method not in ("OPTIONS", "DESCRIBE") else ""
            client.sendall(("RTSP/1.0 200 OK\r\n%s\r\n%s%sContent-Length: %d\r\n\r\n%s" % (
                number, session, extra, len(body), body)).encode())
            if method == "PLAY":
                self._play(client)
                return
            if method == "TEARDOWN":
                return

    def _play(self, client: socket.socket) -> None:
        self.plays += 1
        for number, data in enumerate(self.stream):
            packet = struct.pack(">BBHII", 0x80, 0x80 | 96, number & 0xFFFF, number * 3600, 1) + data
            client.sendall(struct.pack(">cBH", b"$", 0, len(packet)) + packet)
            if self.pause:
                self.closing.wait(self.pause)
        if self.hang:
            self.closing.wait(30)
