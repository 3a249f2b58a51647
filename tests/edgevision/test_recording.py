import socket
import threading
import time
from fractions import Fraction

import av
import numpy as np
import pytest

from edgevision.decode import Reader
from edgevision.envelope import block_of, frame_in
from edgevision.errors import FrameError, MediaError
from edgevision.frame import Frame
from edgevision.recording import Recording, file_name
from edgevision.tally import DROPS


def test_a_file_has_every_frame_at_its_time(tmp_path):
    recording = Recording(str(tmp_path / "x.mp4"), Fraction(10))
    for k in range(12):
        recording.write(Frame.from_array(np.full((96, 128, 3), 10 * k, np.uint8)), 100 * k)
    recording.close()
    with Reader(str(tmp_path / "x.mp4")) as reader:
        assert [shot.timestamp for shot in reader] == [100 * k for k in range(12)]


def test_two_streams_never_write_one_file():
    used = set()
    assert [file_name("{camera}.mp4", "a/b", k, used) for k in range(3)] == ["a_b.mp4", "a_b-2.mp4", "a_b-3.mp4"]
    assert file_name("x-{stream}.mkv", "", 4, used) == "x-4.mkv"


def test_a_file_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(MediaError, match="cannot be written"):
        Recording(str(tmp_path / "file" / "x.mp4")).write(Frame.from_array(np.zeros((16, 16, 3), np.uint8)))


LOST = ["full", "undelivered", "disconnected"]


def test_an_rtsp_server_that_is_away_never_holds_up_a_frame():
    before = sum(DROPS.by_kind(LOST).values())
    recording = Recording("rtsp://me:hunter2@127.0.0.1:1/x", timeout=1)
    began = time.monotonic()
    for k in range(40):
        recording.write(Frame.from_array(np.zeros((16, 16, 3), np.uint8)), k)
    assert time.monotonic() - began < 1
    recording.close()
    assert sum(DROPS.by_kind(LOST).values()) - before == 40
    assert recording.messages and not any("hunter2" in text for _, text in recording.messages)


def test_a_recording_reaches_an_rtsp_server():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = "rtsp://127.0.0.1:%d/helmets" % taken.getsockname()[1]
    sizes = []

    def serve():
        with av.open(url, options={"rtsp_flags": "listen", "listen_timeout": "20"}) as container:
            sizes.extend((frame.width, frame.height) for frame in container.decode(video=0))
    server = threading.Thread(target=serve, daemon=True)
    server.start()
    recording = Recording(url, Fraction(25))
    deadline, number, connected = time.monotonic() + 20, 0, 0
    while connected < 40:   # the server takes a moment to listen; until then frames are dropped
        assert time.monotonic() < deadline
        recording.write(Frame.from_array(np.full((96, 128, 3), 4 * number % 250, np.uint8)), 40 * number)
        connected += recording._writer is not None
        number += 1
        time.sleep(0.02)
    recording.close()
    server.join(10)
    assert len(sizes) >= 30 and set(sizes) == {(128, 96)}


class Buffer:
    def __init__(self, array, **meta):
        self.array, self.meta = array, meta

    def __array__(self, dtype=None, copy=None):
        return self.array

    def get(self, key):
        if key not in self.meta:
            raise ValueError(key)
        return self.meta[key]


RNG = np.random.default_rng(5)


@pytest.mark.parametrize("size", [(64, 48), (63, 47), (1, 1), (2, 5)])
@pytest.mark.parametrize("pix_fmt", ["auto", "nv12", "i420", "bgr", "rgb"])
def test_a_block_gives_the_frame_back(size, pix_fmt):
    width, height = size
    half = ((height + 1) // 2, (width + 1) // 2)
    frame = Frame.from_planes("i420", width, height, (
        RNG.integers(16, 235, (height, width), np.uint8), *(RNG.integers(16, 240, half, np.uint8) for _ in "uv")))
    block, same = block_of(frame, pix_fmt)
    back = frame_in(Buffer(block, **same.meta()))
    assert back.format == ("nv12" if pix_fmt == "auto" else pix_fmt)
    assert np.array_equal(back.bgr(), frame.bgr() if pix_fmt in ("auto", "nv12", "i420") else same.bgr())
    with pytest.raises(ValueError):
        back.planes[0][0, 0] = 1    # other branches share it


def test_planes_with_gaps_are_packed():
    wide = RNG.integers(0, 255, (48, 96), np.uint8)
    frame = Frame.from_planes("i420", 64, 48, (wide[:, :64], wide[:24, :32], wide[:24, 40:72]))
    assert np.array_equal(block_of(frame)[1].bgr(), frame.bgr())


@pytest.mark.parametrize("array, meta, said", [
    (np.zeros(0, np.uint8), {}, "is empty"),
    (np.zeros((4, 4, 3), np.float32), {}, "expected the bytes"),
    (np.zeros(100, np.uint8), {}, "without the meta"),
    (np.zeros(100, np.uint8), {"pix_fmt": "nv12", "width": 64, "height": 64}, "at least"),
    (np.zeros(100, np.uint8), {"pix_fmt": "yuyv", "width": 8, "height": 8}, "pixel format"),
], ids=["empty", "floats", "no meta", "too short", "format"])
def test_buffers_that_are_no_picture(array, meta, said):
    with pytest.raises(FrameError, match=said):
        frame_in(Buffer(array, **meta))


def test_the_array_tells_its_size_where_the_meta_is_stale():
    frame = frame_in(Buffer(np.zeros((20, 30, 3), np.uint8), width=640, height=480, pix_fmt="rgb"))
    assert (frame.width, frame.height, frame.format) == (30, 20, "rgb")
