import http.server
import threading
import time

import numpy as np
import pytest

from edgevision.encode import Writer
from edgevision.errors import MediaError
from edgevision.stream import FileStream, Habits, LiveStream, open_stream
from edgevision.tally import DROPS

QUICK = Habits(open_timeout=2, read_timeout=1, retry_first=0.05, retry_longest=0.1)


def film(path, frames=10, rate=25, size=(96, 128)):
    with Writer(path, rate) as writer:
        for k in range(frames):
            writer.write(np.full((*size, 3), 20 * (k % 10) + 20, np.uint8))
    return str(path)


def drain(stream, seconds=10.0, count=1 << 30):
    taken, deadline = [], time.monotonic() + seconds
    while not stream.over and time.monotonic() < deadline and len(taken) < count:
        got = stream.take(0.05)
        if got is not None:
            taken.append(got)
    return taken


def test_a_file_ends_and_its_last_frame_says_so(tmp_path):
    taken = drain(open_stream(film(tmp_path / "x.mp4")))
    assert [t.shot.index for t in taken] == list(range(10))
    assert [t.last for t in taken] == [False] * 9 + [True]
    assert [t.shot.timestamp for t in taken] == [40 * k for k in range(10)]


def test_a_loop_goes_on_counting(tmp_path):
    stream = FileStream(film(tmp_path / "x.mp4", 3), habits=Habits(loop=True))
    taken = drain(stream, count=8)
    stream.close()
    assert [t.shot.index for t in taken] == list(range(8))
    assert [t.shot.timestamp for t in taken] == [40 * k for k in range(8)]


def test_a_paced_file_keeps_its_own_time(tmp_path):
    stream = FileStream(film(tmp_path / "x.mp4", 6, rate=20), habits=Habits(paced=True))
    began = time.monotonic()
    assert len(drain(stream)) == 6
    assert 0.2 <= time.monotonic() - began < 3


@pytest.mark.parametrize("make", [
    lambda p: p.write_bytes(b"no video at all" * 100),
    lambda p: p.write_bytes(b""),
    lambda p: None,
], ids=["nonsense", "empty", "missing"])
def test_a_file_that_is_no_video_is_refused_at_once(tmp_path, make):
    path = tmp_path / "bröken film.mp4"
    make(path)
    with pytest.raises(MediaError, match="bröken film"):
        FileStream(str(path))


def test_a_cut_file_gives_its_frames_and_says_that_it_was_cut(tmp_path):
    path = tmp_path / "x.ts"
    film(path, 200)
    path.write_bytes(path.read_bytes()[:path.stat().st_size * 2 // 3])
    stream = open_stream(str(path))
    assert 0 < len(drain(stream)) < 200


class Camera(http.server.BaseHTTPRequestHandler):
    """A camera that sends a film over http and hangs up; the owner says how it behaves this time."""

    protocol_version = "HTTP/1.0"

    def do_GET(self):
        plan = self.server.plan(self)
        if plan == "refuse":
            self.send_error(503)
            return
        self.send_response(200)
        self.send_header("Content-Type", "video/mp2t")
        self.end_headers()
        self.wfile.write(self.server.data)
        self.wfile.flush()
        if plan == "hang":
            self.server.gone.wait(20)

    def log_message(self, *_):
        pass


@pytest.fixture
def camera(tmp_path):
    film(tmp_path / "x.ts", 50)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    server.daemon_threads = True
    server.data = (tmp_path / "x.ts").read_bytes()
    server.gone = threading.Event()
    server.seen = []
    server.plan = lambda request: "film"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.url = "http://admin:hunter2@127.0.0.1:%d/live.ts?token=s3cret" % server.server_address[1]
    yield server
    server.gone.set()
    server.shutdown()
    server.server_close()


def wait_for(condition, seconds=15):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)


def test_a_camera_that_hangs_up_is_opened_again_and_numbers_go_on(camera):
    stream = LiveStream(camera.url, habits=QUICK)
    taken = []

    def enough():
        got = stream.take(0.02)
        if got is not None:
            taken.append(got)
        return stream.reconnects >= 3 and len(taken) > 5
    wait_for(enough)
    stream.close()
    numbers = [t.shot.index for t in taken]
    times = [t.shot.timestamp for t in taken]
    assert numbers == sorted(set(numbers)) and times == sorted(set(times))
    text = " ".join(text for _, text in stream.messages)
    assert "hunter2" not in text and "s3cret" not in text and text


def test_a_camera_that_falls_silent_is_noticed(camera):
    camera.plan = lambda request: "hang"
    stream = LiveStream(camera.url, habits=QUICK)
    drain_until = []
    wait_for(lambda: drain_until.append(stream.take(0.01)) or stream.reconnects >= 1)
    stream.close()
    assert any("nothing came" in text for _, text in stream.messages)


def test_a_camera_that_is_away_counts_as_degraded_and_recovers(camera):
    away = [True]
    camera.plan = lambda request: "refuse" if away[0] else "film"
    stream = LiveStream(camera.url, "gate", QUICK)
    assert stream.take() is None
    wait_for(lambda: stream.state == "degraded")
    away[0] = False
    wait_for(lambda: stream.take(0.02) is not None)
    wait_for(lambda: any("is back" in text for _, text in stream.messages))
    stream.close()


def test_a_limit_of_tries_ends_the_stream():
    stream = LiveStream("rtsp://127.0.0.1:1/none", habits=Habits(
        open_timeout=1, read_timeout=1, retry_first=0.01, retry_longest=0.02, retry_limit=2))
    assert drain(stream, 15) == []
    assert stream.over
    assert any("given up" in text for _, text in stream.messages)


def test_frames_that_nobody_takes_are_dropped_and_counted(camera):
    before = DROPS.snapshot().get(("idle", "late"), 0)
    stream = LiveStream(camera.url, "idle", QUICK)
    stream.take()
    wait_for(lambda: DROPS.snapshot().get(("idle", "late"), 0) > before)
    assert len(stream._queue) <= QUICK.keep
    stream.close()


def test_closing_never_waits_for_the_camera(camera):
    camera.plan = lambda request: "hang"
    stream = LiveStream(camera.url, habits=Habits(read_timeout=10))
    wait_for(lambda: stream.take(0.05) is not None)
    began = time.monotonic()
    stream.close()
    assert time.monotonic() - began < 1
    wait_for(lambda: stream.take(0.01) is None and stream.over)
