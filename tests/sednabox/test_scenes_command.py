"""sednabox scenes, through the command."""
import json
import subprocess
import sys

import pytest


def scenes(folder, *args):
    return subprocess.run([sys.executable, "-m", "sednabox", "scenes", *args], cwd=str(folder), capture_output=True,
                          text=True, timeout=60)


def test_a_video_with_labels(tmp_path):
    import av
    done = scenes(tmp_path, "video", "s.mp4", "--seconds", "1", "--fps", "10", "--size", "320x176",
                  "--schedule", "0:day,1:night")
    assert done.returncode == 0, done.stderr
    with av.open(str(tmp_path / "s.mp4")) as video:
        frames = list(video.decode(video=0))
    assert len(frames) == 10 and (frames[0].width, frames[0].height) == (320, 176)
    assert len((tmp_path / "s.mp4.labels.jsonl").read_text(encoding="utf-8").splitlines()) == 10


def test_a_picture_tells_its_labels(tmp_path):
    done = scenes(tmp_path, "picture", "p.png", "--seed", "3", "--number", "2")
    assert done.returncode == 0, done.stderr
    again = scenes(tmp_path, "picture", "q.png", "--seed", "3", "--number", "2")
    assert (tmp_path / "p.png").read_bytes() == (tmp_path / "q.png").read_bytes()
    assert done.stdout == again.stdout
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert rows and {"box", "class"} == set(rows[0])


def test_a_dataset_in_sednas_form(tmp_path):
    done = scenes(tmp_path, "dataset", "d", "--count", "3", "--domain", "night")
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "d" / "data.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3
    assert all((tmp_path / "d" / line.split()[0]).is_file() for line in lines)


@pytest.mark.parametrize("args, message", [
    (["video", "s.mp4", "--domain", "nigth"], "unknown domain 'nigth'"),
    (["picture", "p.gif"], ".jpg or .png"),
    (["video", "s.mp4", "--schedule", "5:day,1:night"], "must grow"),
])
def test_mistakes_get_one_line(tmp_path, args, message):
    done = scenes(tmp_path, *args)
    assert done.returncode == 1
    assert message in done.stderr and len(done.stderr.splitlines()) == 1
