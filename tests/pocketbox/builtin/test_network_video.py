"""Videos that come over a network: RTSP and HTTP, cameras that go away, and addresses that a server tells."""
from __future__ import annotations

import json
import os
import time
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest


@pytest.fixture(scope="module")
def stream() -> list[bytes]:
    """Forty small MPEG-4 frames, with a key frame every five."""
    codec: Any = av.CodecContext.create("mpeg4", "w")
    codec.width, codec.height, codec.pix_fmt, codec.time_base = 64, 48, "yuv420p", Fraction(1, 25)
    codec.gop_size = 5
    packets = []
    for number in range(40):
        picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number * 5, np.uint8), format="bgr24")
        picture.pts = number
        packets += codec.encode(picture)
    return [bytes(packet) for packet in [*packets, *codec.encode(None)]]


def decode_lines(graphs: Any, folder: Any, url: str, source: str = "", **options: Any) -> list[str]:
    node = graphs.node
    first = [node("vin", "video_input", source_url=url)] if not source else [source]
    return [*first, node("dem", "video_demuxer"), node("dec", "video_decoder", pix_fmt="bgr"),
            node("sink", "bi_sink", file=os.path.join(str(folder), "result.json")),
            *(graphs.VIDEO if not source else graphs.VIDEO[1:]), "dec:out_video_frame -> sink:in"]


def parser_lines(graphs: Any, folder: Any, described: dict[str, Any], kind: str = "url", **options: Any) -> list[str]:
    path = os.path.join(str(folder), "source.json")
    with open(path, "w", encoding="utf-8") as out:
        json.dump({"out": [{"text": json.dumps(described), "meta": {"source_type": kind}}]}, out)
    node = graphs.node
    return [node("src", "bi_source", file=path), node("eat", "bi_eat"), "src:side -> eat:in",
            *decode_lines(graphs, folder, "", node("par", "data_source_parser", **options)),
            "src:out -> par:in_data", "par:out_video_url -> dem:in_video_url"]


def indices(graphs: Any, folder: Any) -> list[Any]:
    (seen,) = graphs.seen(folder)
    return [buffer["meta"]["index"] for buffer in seen["buffers"] if "meta" in buffer]


def test_rtsp_gives_the_frames_until_the_camera_goes(graphs: Any, web: Any, tmp_path: Any, stream: list[bytes]) -> None:
    with web.RtspServer(stream) as server:
        code = graphs.run(tmp_path, decode_lines(graphs, tmp_path, server.url))
    got = indices(graphs, tmp_path)
    assert code in (0, 2) and len(got) > 25 and got == list(range(len(got)))


def test_a_camera_that_is_not_there_is_told_without_its_password(graphs: Any, tmp_path: Any, port: int,
                                                                 capfd: Any) -> None:
    url = "rtsp://user:secret@127.0.0.1:%d/live" % port
    assert graphs.run(tmp_path, decode_lines(graphs, tmp_path, url)) == 2
    said = capfd.readouterr().err
    assert "node dem: cannot open video rtsp://*@127.0.0.1:%d/live" % port in said and "secret" not in said


def test_a_lost_camera_is_opened_again(graphs: Any, web: Any, tmp_path: Any, stream: list[bytes]) -> None:
    with web.RtspServer(stream) as server:
        lines = parser_lines(graphs, tmp_path, {"url": server.url, "url_type": "stream"}, retry_interval_ms=50)
        with graphs.Running(tmp_path, lines) as engine:
            end = time.monotonic() + 40
            while server.plays < 3:
                assert time.monotonic() < end
                assert not engine.wait(0.05)
            engine.drain()
            assert engine.wait(20)
    assert len(indices(graphs, tmp_path)) > 50


def test_a_camera_that_comes_late(graphs: Any, web: Any, tmp_path: Any, stream: list[bytes], port: int) -> None:
    url = "rtsp://127.0.0.1:%d/live" % port
    lines = parser_lines(graphs, tmp_path, {"url": url, "url_type": "stream"}, retry_interval_ms=50)
    with graphs.Running(tmp_path, lines) as engine:
        assert not engine.wait(0.5)
        with web.RtspServer(stream, port) as server:
            end = time.monotonic() + 30
            while server.plays < 2:
                assert time.monotonic() < end and not engine.wait(0.05)
            engine.drain()
            assert engine.wait(20)
    assert len(indices(graphs, tmp_path)) > 20


def test_a_silent_camera_does_not_hold_up_the_end(graphs: Any, web: Any, tmp_path: Any, stream: list[bytes]) -> None:
    with web.RtspServer(stream, hang=True) as server:
        with graphs.Running(tmp_path, decode_lines(graphs, tmp_path, server.url)) as engine:
            end = time.monotonic() + 20
            while not any(s["node"] == "sink" and s["processed"] > 20 for s in engine.stats()):
                assert time.monotonic() < end and not engine.wait(0.05)
            began = time.monotonic()
            engine.drain()
            assert engine.wait(9) and time.monotonic() - began < 8


def test_retries_have_an_end(graphs: Any, tmp_path: Any, port: int, capfd: Any) -> None:
    lines = parser_lines(graphs, tmp_path, {"url": "rtsp://127.0.0.1:%d/x" % port, "url_type": "stream"},
                         retry_interval_ms=10, retry_count_limit=2)
    assert graphs.run(tmp_path, lines) == 2
    assert capfd.readouterr().err.count("cannot open video") >= 3


def test_a_file_that_the_parser_names_is_played_once(graphs: Any, tmp_path: Any) -> None:
    path = os.path.join(graphs.MEDIA, "small.avi")
    assert graphs.run(tmp_path, parser_lines(graphs, tmp_path, {"url": path, "url_type": "file"})) == 0
    assert indices(graphs, tmp_path) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("described", "kind", "words"), [
    ({"url_type": "file"}, "url", "no text under 'url'"), ({"url": "x"}, "url", "no text under 'url_type'"),
    ({"url": "x"}, "obs", "vendor's cloud"), ({"url": "x"}, "nonsense", "url, restful")])
def test_a_bad_description_is_told(graphs: Any, tmp_path: Any, capfd: Any, described: Any, kind: str,
                                   words: str) -> None:
    assert graphs.run(tmp_path, parser_lines(graphs, tmp_path, described, kind)) == 2
    said = capfd.readouterr().err
    assert words in said and "node par" in said


def test_restful_asks_a_server_for_the_address(graphs: Any, web: Any, tmp_path: Any) -> None:
    path = os.path.join(graphs.MEDIA, "small.avi")
    answers = [(500, b"busy"), (200, json.dumps({"data": {"url": path}}).encode())]
    with web.Server(lambda *_: answers.pop(0) if len(answers) > 1 else answers[0]) as server:
        described = {"request_url": server.url + "/ask", "response_url_position": "data/url",
                     "headers": {"X-Token": "t"}, "params": [{"param_key": "a b", "param_value": "1&2"}]}
        lines = parser_lines(graphs, tmp_path, described, "restful", retry_interval_ms=10)
        with graphs.Running(tmp_path, lines) as engine:
            end = time.monotonic() + 20
            while len(server.requests) < 3:     # what a server names counts as a stream: it is opened again
                assert time.monotonic() < end and not engine.wait(0.02)
            engine.drain()
            assert engine.wait(20)
        method, asked, headers, _ = server.requests[0]
    assert (method, asked, headers["X-Token"]) == ("GET", "/ask?a%20b=1%262", "t")
    assert indices(graphs, tmp_path)[:5] == [0, 1, 2, 3, 4]


def test_http(graphs: Any, web: Any, tmp_path: Any) -> None:
    with open(os.path.join(graphs.MEDIA, "small.avi"), "rb") as source:
        data = source.read()
    with web.Server(lambda *_: (200, data)) as server:
        assert graphs.run(tmp_path, decode_lines(graphs, tmp_path, server.url + "/small.avi")) == 0
    assert indices(graphs, tmp_path) == [0, 1, 2, 3, 4]


def test_http_404(graphs: Any, web: Any, tmp_path: Any, capfd: Any) -> None:
    with web.Server(lambda *_: (404, b"")) as server:
        assert graphs.run(tmp_path, decode_lines(graphs, tmp_path, server.url + "/x.mp4")) == 2
    assert "cannot open video" in capfd.readouterr().err


def test_the_encoder_sends_to_an_rtsp_server(graphs: Any, tmp_path: Any, port: int) -> None:
    url, got = "rtsp://127.0.0.1:%d/in" % port, []

    def receive() -> None:
        with av.open(url, options={"rtsp_flags": "listen", "listen_timeout": "20"}) as container:
            for packet in container.demux(video=0):
                if packet.size:
                    got.append(packet.size)

    thread = graphs.in_thread(receive)
    node = graphs.node
    lines = [node("vin", "video_input", source_url=os.path.join(graphs.MEDIA, "bframes.mp4")),
             node("dem", "video_demuxer"), node("dec", "video_decoder", pix_fmt="bgr"),
             node("enc", "video_encoder", default_dest_url=url, format="rtsp"), *graphs.VIDEO,
             "dec:out_video_frame -> enc:in_video_frame"]
    end = time.monotonic() + 10
    while graphs.run(tmp_path, lines) and time.monotonic() < end:
        pass    # the listener may not be there yet
    thread.join(10)
    assert len(got) >= 7


def test_an_rtsp_server_that_is_not_there(graphs: Any, tmp_path: Any, port: int, capfd: Any) -> None:
    node = graphs.node
    lines = [node("vin", "video_input", source_url=os.path.join(graphs.MEDIA, "small.avi")),
             node("dem", "video_demuxer"), node("dec", "video_decoder", pix_fmt="bgr"),
             node("enc", "video_encoder", default_dest_url="rtsp://127.0.0.1:%d/in" % port), *graphs.VIDEO,
             "dec:out_video_frame -> enc:in_video_frame"]
    assert graphs.run(tmp_path, lines) == 2
    assert "node enc: cannot write video rtsp://127.0.0.1:%d/in" % port in capfd.readouterr().err


@pytest.mark.parametrize("kind", ["file", "camera"])
def test_drain_ends_the_video_with_its_last_frame(graphs: Any, web: Any, tmp_path: Any, stream: list[bytes],
                                                  kind: str) -> None:
    with web.RtspServer(stream * 50, pause=0.005) as server:
        url = server.url if kind == "camera" else os.path.join(graphs.MEDIA, "small.avi")
        lines = parser_lines(graphs, tmp_path, {"url": url, "url_type": "stream"}, retry_interval_ms=1)
        with graphs.Running(tmp_path, lines) as engine:
            end = time.monotonic() + 20
            while not any(s["node"] == "sink" and s["processed"] > 10 for s in engine.stats()):
                assert time.monotonic() < end and not engine.wait(0.05)
            engine.drain()
            assert engine.wait(9)
    (seen,) = graphs.seen(tmp_path)
    assert [buffer["meta"]["eos"] for buffer in seen["buffers"]][-1] is True
