"""A camera that speaks rtsp: frames, credentials, a connection that breaks off."""
import time

import pytest

pytest.importorskip("av")

from rtsp_camera import RtspCamera

from edgevision.decode import Reader
from edgevision.stream import Habits, open_stream


def test_frames_of_a_camera():
    with RtspCamera() as camera:
        with Reader("rtsp://viewer:secret@%s/live" % camera.address, "bgr", open_timeout=20, read_timeout=5) as reader:
            assert (reader.width, reader.height) == (128, 96)
            greys = [int(shot.frame.planes[0].mean()) for shot in reader]
        assert len(greys) >= 20 and camera.clients == 1
        steps = [abs(b - a) for a, b in zip(greys, greys[1:])]
        assert sum(6 <= step <= 14 for step in steps) > 0.8 * len(steps), greys
        assert reader.end.reason == "failed" and "secret" not in reader.end.detail


def test_a_wrong_password_is_told_without_it():
    with RtspCamera() as camera:
        with pytest.raises(Exception, match=r"401|[Uu]nauthorized") as error:
            Reader("rtsp://viewer:wrong@%s/live" % camera.address, open_timeout=20)
        assert "wrong" not in str(error.value) and camera.refused


def test_a_camera_that_breaks_off_is_opened_again_and_its_frames_go_on():
    with RtspCamera(frames=15) as camera:
        stream = open_stream("rtsp://viewer:secret@%s/live" % camera.address, "gate",
                             Habits(open_timeout=20, read_timeout=5, retry_first=0.05, retry_longest=0.1, keep=100))
        shots, deadline = [], time.monotonic() + 60
        while camera.clients < 3 and time.monotonic() < deadline:
            taken = stream.take(0.2)
            if taken is not None:
                shots.append(taken.shot)
        messages = " ".join(text for _, text in stream.messages)
        stream.close()
    assert camera.clients >= 3 and len(shots) > 10
    assert [shot.index for shot in shots] == list(range(len(shots)))
    assert all(a.timestamp < b.timestamp for a, b in zip(shots, shots[1:]))
    assert "secret" not in messages and "is back" in messages
