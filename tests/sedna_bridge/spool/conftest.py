"""A receiving server, a server that follows a script, and a link that is slow and breaks: all on loopback."""

import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from sedna_bridge.cloud import CloudServer, ExampleStore
from sedna_bridge.spool import Limits, Spool
from sedna_bridge.storage import failpoints, make_example, open_target

CERTS = Path(__file__).parent / "certs"
TOKEN = "secret"


def wait_for(condition, timeout=15.0):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def jpeg(number=0, size=1000):
    return b"\xff\xd8\xff\xe0" + np.random.default_rng(number).bytes(size) + b"\xff\xd9"


def example(number=0, size=1000, **facts):
    return make_example(
        jpeg(number, size), {"camera": "gate", "index": number, "wall_time": 1.0 + number, **facts}, 64, 32
    )


def facts(number=0, score=0.5, **more):
    return {
        "camera": "gate",
        "index": number,
        "wall_time": 1e9 + number,
        "hard_reasons": ["IBT"],
        "hard_score": score,
        "model": "3",
        "classes": ["person", "helmet"],
        "detections": [[8, 8, 40, 30, 0.4, 1]],
        **more,
    }


class Cloud:
    """A receiving server that can be killed and started again at the same address."""

    def __init__(self, path, **options):
        self.path = path
        self.options = {"token": TOKEN, **options}
        self.port = 0
        self.start()

    def start(self, **store):
        self.store = ExampleStore(str(self.path), floor=0, **store)
        self.server = CloudServer(self.store, port=self.port, **self.options)
        self.port = self.server.server_address[1]
        self.url = self.server.url
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()
        return self

    def kill(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def ids(self):
        return set(self.store.directory.ids())

    def target(self, **options):
        return open_target(self.url, {"token": TOKEN, "timeout": 2, **options}, {})


@pytest.fixture
def cloud(tmp_path):
    made = []

    def start(**options):
        made.append(Cloud(tmp_path / ("store%d" % len(made)), **options))
        return made[-1]

    yield start
    for one in made:
        one.server.shutdown()
        one.server.server_close()


class Script:
    """A server that answers each request with the next of its answers: raw bytes, `hang`, or `die`."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d/x" % self.listening.getsockname()[1]
        self.open = True
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while self.open:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection):
        with connection, connection.makefile("rb") as reader:
            while True:
                try:
                    head = b""
                    while not head.endswith(b"\r\n\r\n"):
                        line = reader.readline()
                        if not line:
                            return
                        head += line
                    lengths = [
                        int(x.split(b":")[1]) for x in head.split(b"\r\n") if x.lower().startswith(b"content-length:")
                    ]
                    body = reader.read(lengths[0]) if lengths else b""
                    self.requests.append((head.decode("latin-1"), body))
                    answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                    if answer == "hang":
                        while self.open:
                            time.sleep(0.02)
                        return
                    if answer == "die":
                        return
                    connection.sendall(answer)
                except OSError:
                    return

    def close(self):
        self.open = False
        self.listening.close()


def reply(status, *headers):
    return ("HTTP/1.1 %d Said\r\nContent-Length: 0\r\n%s\r\n" % (status, "".join(h + "\r\n" for h in headers))).encode()


@pytest.fixture
def script():
    made = []

    def start(*answers):
        made.append(Script(*answers))
        return made[-1]

    yield start
    for one in made:
        one.close()


class Link:
    """A TCP link of our own to a port on this machine: so many bytes a second upwards, and it may break.

    Loss on a TCP link shows as stalls and resets; `reset_every` cuts the connection after so many bytes, `stall_every`
    stops it for a while.
    """

    def __init__(self, port, rate=0, reset_every=0, stall_every=0, stall=0.0):
        self.port, self.rate, self.reset_every, self.stall_every, self.stall = (
            port,
            rate,
            reset_every,
            stall_every,
            stall,
        )
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.here = self.listening.getsockname()[1]
        self.url = "http://127.0.0.1:%d/examples" % self.here
        self.bytes = self.resets = 0
        self.first = self.last = 0.0
        self.passed = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                near, _ = self.listening.accept()
                near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
                far = socket.create_connection(("127.0.0.1", self.port))
            except OSError:
                return
            threading.Thread(target=self._up, args=(near, far), daemon=True).start()
            threading.Thread(target=self._down, args=(near, far), daemon=True).start()

    def _up(self, near, far):
        since_reset = since_stall = 0
        try:
            while True:
                data = near.recv(1024)
                if not data:
                    break
                now = time.monotonic()
                self.first = self.first or now
                self.last = now
                self.bytes += len(data)
                since_reset += len(data)
                since_stall += len(data)
                if self.rate:
                    time.sleep(len(data) / self.rate)
                if self.stall_every and since_stall > self.stall_every:
                    since_stall = 0
                    time.sleep(self.stall)
                if self.reset_every and since_reset > self.reset_every:
                    self.resets += 1
                    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                    break
                far.sendall(data)
        except OSError:
            pass
        for one in (near, far):
            one.close()

    def _down(self, near, far):
        try:
            while True:
                data = far.recv(65536)
                if not data:
                    break
                near.sendall(data)
            near.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.listening.close()


@pytest.fixture
def link():
    made = []

    def start(port, **shape):
        made.append(Link(port, **shape))
        return made[-1]

    yield start
    for one in made:
        one.close()


@pytest.fixture
def spool(tmp_path):
    """Opens spools in one directory; all are closed in the end."""
    opened = []

    def open_one(limits=None, path=None, **options):
        made = Spool(str(path or tmp_path / "spool"), limits or Limits(free_floor=0), **options)
        opened.append(made)
        return made

    yield open_one
    failpoints.configure("")
    for one in opened:
        one.close(10)


def fill(spool, count, first=0, size=1000, **more):
    """Offers so many JPEGs and waits for all answers."""
    offers = [spool.offer(jpeg(first + i, size), facts(first + i, **more)) for i in range(count)]
    for offer in offers:
        offer.wait(20)
        assert offer.done
    return offers


@pytest.fixture
def tools():
    """What tests share: functions of this file (tests are imported as single files)."""
    import types

    return types.SimpleNamespace(
        wait_for=wait_for, jpeg=jpeg, example=example, facts=facts, fill=fill, reply=reply, certs=CERTS, token=TOKEN
    )
