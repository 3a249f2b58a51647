"""An rtsp camera for tests: H.264 over one TCP connection, as cameras on building sites send it."""
import base64
import re
import socket
import threading
import time

import av
import numpy as np

SDP = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n" \
      "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:track1\r\n"


def grey(k):
    return np.full((96, 128, 3), 10 * (k % 20), np.uint8)


class RtspCamera:
    """Plays `frames` pictures (blue-green-red) to each client and then breaks the connection off."""

    def __init__(self, frames=30, rate=50, password="viewer:secret", picture=grey):
        self.frames, self.rate, self.password, self.picture = frames, rate, password, picture
        self.clients = 0
        self.refused = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open = [self._listening]
        self.address = "127.0.0.1:%d" % self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        for one in self._open:
            one.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            self._open.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client, client.makefile("rb") as lines:
            while True:
                request = b""
                while not request.endswith(b"\r\n\r\n"):
                    line = lines.readline()
                    if not line:
                        return
                    request += line
                method = request.split(b" ", 1)[0].decode()
                if not self._known(request):
                    self.refused += 1
                    self._answer(client, request, "401 Unauthorized", 'WWW-Authenticate: Basic realm="camera"\r\n')
                elif method == "DESCRIBE":
                    self._answer(client, request, "200 OK", "Content-Type: application/sdp\r\n", SDP)
                elif method == "SETUP":
                    self._answer(client, request, "200 OK", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
                                 "Session: 1\r\n")
                elif method == "PLAY":
                    self._answer(client, request, "200 OK", "Session: 1\r\nRange: npt=0.000-\r\n")
                    self.clients += 1
                    return self._play(client)
                else:
                    self._answer(client, request, "200 OK", "Public: DESCRIBE, SETUP, PLAY, TEARDOWN\r\n")

    def _known(self, request):
        given = re.search(rb"Authorization: Basic (\S+)", request)
        return not self.password or (bool(given) and base64.b64decode(given.group(1)).decode() == self.password)

    @staticmethod
    def _answer(client, request, status, headers="", body=""):
        number = re.search(rb"CSeq: *(\d+)", request).group(1).decode()
        client.sendall(("RTSP/1.0 %s\r\nCSeq: %s\r\n%sContent-Length: %d\r\n\r\n%s" % (
            status, number, headers, len(body), body)).encode())

    def _play(self, client):
        """FFmpeg makes the RTP packets and sends them by UDP to ourselves; they go on in the client's connection."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as packets:
            packets.bind(("127.0.0.1", 0))
            packets.settimeout(0.01)
            with av.open("rtp://127.0.0.1:%d" % packets.getsockname()[1], "w", format="rtp") as out:
                stream = out.add_stream("libx264", rate=self.rate)
                stream.height, stream.width = self.picture(0).shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.options = {"preset": "ultrafast", "tune": "zerolatency", "g": "10"}
                for k in range(self.frames):
                    for packet in stream.encode(av.VideoFrame.from_ndarray(self.picture(k), format="bgr24")):
                        out.mux(packet)
                    due = time.monotonic() + 1 / self.rate
                    while time.monotonic() < due:
                        try:
                            data = packets.recv(65536)
                            client.sendall(b"$\0" + len(data).to_bytes(2, "big") + data)
                        except socket.timeout:
                            continue
                        except OSError:
                            return
