"""video_encoder: files that play, and what cannot be written."""
from __future__ import annotations

import os
from typing import Any

import av
import pytest


def encode(graphs: Any, folder: Any, source: str = "small.avi", pix_fmt: str = "bgr", between: Any = None,
           **options: Any) -> int:
    node = graphs.node
    options = {"default_dest_url": os.path.join(str(folder), "out.mp4"), "format": "mp4", **options}
    lines = [node("vin", "video_input", source_url=os.path.join(graphs.MEDIA, source)), node("dem", "video_demuxer"),
             node("dec", "video_decoder", pix_fmt=pix_fmt), node("enc", "video_encoder", **options), *graphs.VIDEO]
    if between:
        lines += [between, "dec:out_video_frame -> mid:in_image", "mid:out_image -> enc:in_video_frame"]
    else:
        lines.append("dec:out_video_frame -> enc:in_video_frame")
    return graphs.run(folder, lines)


def frames_of(path: Any) -> list[Any]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(container.streams.video[0])]


@pytest.mark.parametrize("pix_fmt", ["bgr", "rgb", "nv12"])
def test_a_file_holds_every_frame(graphs: Any, tmp_path: Any, pix_fmt: str) -> None:
    assert encode(graphs, tmp_path, pix_fmt=pix_fmt) == 0
    want, got = frames_of(os.path.join(graphs.MEDIA, "small.avi")), frames_of(tmp_path / "out.mp4")
    assert len(got) == len(want) == 5
    for a, b in zip(want, got):
        assert abs(a.astype(int) - b.astype(int)).mean() < 6


def test_an_encoder_that_looks_ahead_loses_nothing(graphs: Any, tmp_path: Any) -> None:
    assert encode(graphs, tmp_path, "bframes.mp4", encoder="libx264") == 0
    assert len(frames_of(tmp_path / "out.mp4")) == 8


def test_flv_and_the_frame_rate(graphs: Any, tmp_path: Any) -> None:
    path = str(tmp_path / "out.flv")
    assert encode(graphs, tmp_path, "ntsc.mp4", default_dest_url=path, format="flv", encoder="flv") == 0
    with av.open(path) as container:
        assert abs(float(container.streams.video[0].average_rate) - 29.97) < 1.5
        assert len(list(container.decode(video=0))) == 4


def test_pictures_behind_resize_have_no_rate_and_get_25(graphs: Any, tmp_path: Any) -> None:
    assert encode(graphs, tmp_path, between=graphs.node("mid", "resize", image_width=32, image_height=24)) == 0
    with av.open(str(tmp_path / "out.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.width, stream.codec_context.height, stream.average_rate) == (32, 24, 25)


@pytest.mark.parametrize(("options", "words"), [
    ({"default_dest_url": "/no/such/folder/out.mp4"}, ["enc", "/no/such/folder/out.mp4", "No such file"]),
    ({"encoder": "nonsense"}, ["enc", "nonsense"]),
    ({"default_dest_url": ""}, ["enc", "default_dest_url"]),
])
def test_what_cannot_be_written_fails_the_run(graphs: Any, tmp_path: Any, capfd: Any, options: Any,
                                              words: list[str]) -> None:
    assert encode(graphs, tmp_path, **options) == 2
    last = capfd.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("run flow failed") and all(word in last for word in words)


def test_a_format_that_does_not_exist_is_refused_at_once(graphs: Any, tmp_path: Any, capfd: Any) -> None:
    assert encode(graphs, tmp_path, format="ogg") == 1
    assert "rtsp, flv, mp4" in capfd.readouterr().err
