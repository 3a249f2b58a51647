import numpy as np
import pytest

from edgevision.decode import Reader, convert
from edgevision.encode import Writer
from edgevision.errors import MediaError
from edgevision.frame import Frame


def grey(value, width=128, height=96):
    return np.full((height, width, 3), value, np.uint8)


def test_colours_and_times_survive(tmp_path):
    with Writer(tmp_path / "x.mp4", 10) as writer:
        for k, stamp in enumerate((0, 100, 250, 1000)):
            writer.write(grey(40 + 40 * k), stamp)
    with Reader(str(tmp_path / "x.mp4")) as reader:
        shots = list(reader)
    assert [s.timestamp for s in shots] == [0, 100, 250, 1000]
    for k, shot in enumerate(shots):
        assert abs(int(shot.frame.bgr().mean()) - (40 + 40 * k)) <= 3


def test_another_size_is_letterboxed_and_odd_sizes_are_cut(tmp_path):
    with Writer(tmp_path / "x.mp4") as writer:
        writer.write(grey(200, 129, 97))
        writer.write(grey(200, 64, 96))
        writer.write(convert(Frame.from_array(grey(200, 128, 96)), "i420"))
    with Reader(str(tmp_path / "x.mp4"), "gray") as reader:
        frames = [s.frame.planes[0] for s in reader]
    assert {f.shape for f in frames} == {(96, 128)}
    assert frames[1][48, 2] < 60 < 150 < frames[1][48, 64]
    assert frames[2].min() > 150


def test_a_clock_that_jumps_back_does_not_stop_the_film(tmp_path):
    with Writer(tmp_path / "x.mp4") as writer:
        for stamp in (0, 40, 20, 80):
            writer.write(grey(100), stamp)
    with Reader(str(tmp_path / "x.mp4")) as reader:
        stamps = [s.timestamp for s in reader]
    assert len(stamps) == 4 and stamps == sorted(stamps)


def test_a_file_without_its_end_still_plays(tmp_path):
    writer = Writer(tmp_path / "x.mp4", 25)
    for k in range(600):
        writer.write(np.full((96, 128, 3), k % 250, np.uint8))
    with Reader(str(tmp_path / "x.mp4")) as reader:
        assert len(list(reader)) >= 100
    writer.close()


def test_nothing_written_leaves_nothing(tmp_path):
    Writer(tmp_path / "x.mp4").close()
    assert not (tmp_path / "x.mp4").exists()


@pytest.mark.parametrize("target", ["/proc/none/x.mp4", "x.unknownformat"])
def test_impossible_targets(tmp_path, target, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MediaError, match=target.replace(".", r"\.")):
        with Writer(target) as writer:
            writer.write(grey(1))


def test_an_rtsp_server_that_is_not_there():
    with pytest.raises(MediaError) as error:
        with Writer("rtsp://me:hunter2@127.0.0.1:1/x", timeout=2) as writer:
            writer.write(grey(1))
    assert "hunter2" not in str(error.value)
