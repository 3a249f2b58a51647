import socket
import threading
import time

import av
import cv2
import numpy as np
import pytest

from edgevision.decode import Reader, convert
from edgevision.encode import Writer
from edgevision.errors import MediaError
from edgevision.frame import Frame


def picture(number, width=320, height=192):
    """A picture that tells its number: bright bars, one for each bit."""
    out = np.full((height, width, 3), 40, np.uint8)
    for bit in range(8):
        if number >> bit & 1:
            out[:, bit * width // 8:(bit + 1) * width // 8] = 220
    return out


def number_of(frame):
    gray = frame.gray()
    width = gray.shape[1]
    return sum(1 << bit for bit in range(8) if gray[:, bit * width // 8 + 8:(bit + 1) * width // 8 - 8].mean() > 128)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "a film \u00e9\u4e2d.mp4"
    with Writer(path, 25) as writer:
        for k in range(60):
            writer.write(picture(k))
    return path


@pytest.mark.parametrize("backend", ["av", "opencv"])
def test_every_frame_once_in_order(video, backend):
    with Reader(str(video), backend=backend) as reader:
        assert (reader.width, reader.height, reader.rate) == (320, 192, 25)
        shots = list(reader)
    assert [number_of(s.frame) for s in shots] == list(range(60)) == [s.index for s in shots]
    assert [s.timestamp for s in shots] == [40 * k for k in range(60)]
    assert reader.end.reason == "end"


def test_native_frames_are_views_of_the_decoder(video):
    with Reader(str(video)) as reader:
        frame = next(iter(reader)).frame
    assert frame.format == "i420" and not frame.planes[0].flags.owndata and not frame.planes[0].flags.writeable


@pytest.mark.parametrize("wanted", ["bgr", "rgb", "nv12", "i420", "gray"])
def test_formats_on_demand(video, wanted):
    with Reader(str(video), wanted) as reader:
        shots = [shot for shot in reader if shot.index < 5]
    assert {s.frame.format for s in shots} == {wanted}
    assert [number_of(s.frame) for s in shots] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("size", [(64, 48), (63, 47)])
def test_converting_there_and_back_keeps_the_colours(size):
    smooth = np.zeros((size[1], size[0], 3), np.uint8)
    smooth[:] = np.linspace(40, 200, size[0])[None, :, None]
    smooth[:, :, 2] = 90
    frame = Frame.from_array(smooth)
    for wanted in ("i420", "nv12"):
        back = convert(convert(convert(frame, wanted), "i420"), "bgr").bgr()
        assert np.abs(back.astype(int) - smooth).max() <= 6


def test_a_file_that_was_cut_gives_what_is_left(tmp_path):
    with Writer(tmp_path / "whole.ts", 25) as writer:
        for k in range(60):
            writer.write(picture(k))
    data = (tmp_path / "whole.ts").read_bytes()
    (tmp_path / "cut.ts").write_bytes(data[:len(data) * 2 // 3])
    with Reader(str(tmp_path / "cut.ts")) as reader:
        numbers = [number_of(shot.frame) for shot in reader]
    assert numbers[:30] == list(range(30)) and numbers == sorted(numbers) and len(numbers) < 60
    assert reader.end.reason in ("cut", "end") and "cut.ts" in reader.end.detail


def test_a_plain_mp4_that_was_cut_says_so(tmp_path):
    with Writer(tmp_path / "fast.mp4", 25, options={"movflags": "faststart"}) as writer:
        for k in range(100):
            writer.write(np.random.default_rng(k).integers(0, 255, (96, 128, 3), np.uint8))
    data = (tmp_path / "fast.mp4").read_bytes()
    (tmp_path / "half.mp4").write_bytes(data[:len(data) // 2])
    with Reader(str(tmp_path / "half.mp4")) as reader:
        count = len(list(reader))
    assert 10 < count < 90 and reader.end.reason == "cut"


@pytest.mark.parametrize("content", [b"", b"no video at all" * 50])
@pytest.mark.parametrize("backend", ["av", "opencv"])
def test_alien_files(tmp_path, content, backend):
    path = tmp_path / "odd name.mp4"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=r"odd name\.mp4"):
        Reader(str(path), backend=backend)


def test_missing_file_and_sound_only(tmp_path):
    with pytest.raises(MediaError, match="no such file"):
        Reader(str(tmp_path / "none.mp4"))
    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    with pytest.raises(MediaError, match="no video"):
        Reader(str(path))


def test_pictures_in_a_folder_with_one_that_is_broken(tmp_path):
    for k in (1, 2, 10):
        cv2.imwrite(str(tmp_path / ("%d.png" % k)), picture(k))
    (tmp_path / "3.png").write_bytes(b"broken")
    with Reader(str(tmp_path)) as reader:
        assert [number_of(s.frame) for s in reader] == [1, 2, 10]
    assert reader.end.reason == "cut" and reader.damaged == 1 and "3.png" in reader.end.detail
    with pytest.raises(MediaError, match="found none"):
        Reader(str(tmp_path / "*.bmp"))


def test_frames_may_change_their_size(tmp_path):
    cv2.imwrite(str(tmp_path / "1.png"), picture(1, 320, 192))
    cv2.imwrite(str(tmp_path / "2.png"), picture(2, 160, 96))
    with Reader(str(tmp_path)) as reader:
        assert [(s.frame.width, s.frame.height) for s in reader] == [(320, 192), (160, 96)]


def test_a_server_that_never_answers_meets_the_deadline_and_keeps_the_secret():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(5)
        url = "rtsp://user:hunter2@127.0.0.1:%d/cam" % server.getsockname()[1]
        start = time.monotonic()
        with pytest.raises(MediaError) as error:
            Reader(url, open_timeout=0.5)
        assert time.monotonic() - start < 10
        assert "hunter2" not in str(error.value) and "***@127.0.0.1" in str(error.value)
        assert error.value.__cause__ is None


def test_a_stream_that_falls_silent_ends_as_stalled(tmp_path):
    path = tmp_path / "a.ts"
    with Writer(path, 25) as writer:
        for k in range(50):
            writer.write(picture(k))
    data = path.read_bytes()
    stop = threading.Event()
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(1)

        def serve():
            client, _ = server.accept()
            client.recv(1000)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\nContent-Length: 99999999\r\n\r\n" + data)
            stop.wait(20)
            client.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with Reader("http://127.0.0.1:%d/a.ts" % server.getsockname()[1], read_timeout=1.0) as reader:
            count = len(list(reader))
        stop.set()
        thread.join(5)
    assert count > 10 and reader.end.reason == "stalled"


def test_closing_ends_the_frames(video):
    reader = Reader(str(video))
    frames = iter(reader)
    next(frames)
    reader.close()
    assert list(frames) == [] and reader.end.reason == "closed"
