"""output_broker: what a webhook gets, and what happens when it does not want it."""
from __future__ import annotations

import json
import os
from typing import Any

import pytest


def lines_of(graphs: Any, folder: Any, config: Any, buffers: list[Any], **options: Any) -> list[str]:
    path = os.path.join(str(folder), "source.json")
    text = config if isinstance(config, str) else json.dumps(config)
    with open(path, "w", encoding="utf-8") as out:
        json.dump({"out": buffers, "session": {"nodes.config": text} if text else {}}, out)
    node = graphs.node
    return [node("src", "bi_source", file=path), node("out", "output_broker", **options), node("eat", "bi_eat"),
            "src:side -> eat:in", "src:out -> out:in_output_info"]


def webhook(name: str, url: str, **headers: str) -> dict[str, str]:
    return {"type": "webhook", "name": name, "cfg": json.dumps({"url": url, "headers": headers})}


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_buffers_arrive_in_order_with_their_headers(graphs: Any, web: Any, tmp_path: Any, mode: str) -> None:
    buffers = [{"text": "one"}, {"text": "two"}, {"b64": "AAEC"}]
    with web.Server(lambda *_: (204, b"")) as server:
        config = {"brokers": [webhook("a", server.url + "/x", **{"Content-Type": "application/json", "X-K": "v"})]}
        assert graphs.run(tmp_path, lines_of(graphs, tmp_path, config, buffers, mode=mode)) == 0
        got = server.requests
    assert [body for *_, body in got] == [b"one", b"two", b"\x00\x01\x02"]
    method, path, headers, _ = got[0]
    assert (method, path, headers["Content-Type"], headers["X-K"]) == ("POST", "/x", "application/json", "v")


def test_a_buffer_names_its_brokers(graphs: Any, web: Any, tmp_path: Any, capfd: Any) -> None:
    buffers = [{"text": text, "meta": {"output_broker_names": names} if names else {}}
               for text, names in (("1", "a"), ("2", "a|b"), ("3", ""), ("4", "c"))]
    with web.Server(lambda *_: (200, b"ok")) as server:
        config = {"brokers": [webhook("a", server.url + "/a"), webhook("b", server.url + "/b")]}
        assert graphs.run(tmp_path, lines_of(graphs, tmp_path, config, buffers)) == 0
        got = [(path, body) for _, path, _, body in server.requests]
    assert got == [("/a", b"1"), ("/a", b"2"), ("/b", b"2"), ("/a", b"3"), ("/b", b"3")]
    assert "there is no broker 'c'; the configuration names: a, b" in capfd.readouterr().err


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_refused_data_is_sent_again_then_dropped(graphs: Any, web: Any, tmp_path: Any, capfd: Any, mode: str) -> None:
    answers = [500, 503, 200]       # the first buffer passes at the third try, the second never does
    with web.Server(lambda *_: (answers.pop(0) if answers else 500, b"")) as server:
        lines = lines_of(graphs, tmp_path, {"brokers": [webhook("a", server.url)]}, [{"text": "1"}, {"text": "2"}],
                         mode=mode, retry_count_limit=2, retry_interval_base_ms=10)
        assert graphs.run(tmp_path, lines) == 0
        assert [body for *_, body in server.requests] == [b"1"] * 3 + [b"2"] * 3
    assert "data for a is dropped (1 so far)" in capfd.readouterr().err


def test_endless_tries_end_with_the_stream(graphs: Any, web: Any, tmp_path: Any) -> None:
    with web.Server(lambda *_: (500, b"")) as server:
        lines = lines_of(graphs, tmp_path, {"brokers": [webhook("a", server.url)]}, [{"text": "1"}], mode="async",
                         retry_count_limit=-1, retry_interval_base_ms=5)
        assert graphs.run(tmp_path, lines) == 0
        assert 5 <= len(server.requests) <= 60


def test_a_server_that_is_not_there(graphs: Any, tmp_path: Any, port: int, capfd: Any) -> None:
    config = {"brokers": [webhook("a", "http://127.0.0.1:%d" % port)]}
    assert graphs.run(tmp_path, lines_of(graphs, tmp_path, config, [{"text": "1"}], retry_count_limit=3)) == 0
    assert "cannot reach http://127.0.0.1:%d" % port in capfd.readouterr().err


@pytest.mark.parametrize(("config", "words"), [
    ("", "has not been set"), ("{", "no JSON"), ("[]", "no list under 'brokers'"),
    ({"brokers": [{"type": "obs", "name": "a", "cfg": "{}"}]}, "vendor's cloud"),
    ({"brokers": [{"type": "webhook", "name": "a"}]}, "its 'cfg' is no text"),
    ({"brokers": [{"type": "webhook", "name": "a", "cfg": "{}"}]}, "has no url"), ({"brokers": ["x"]}, "no text")])
def test_a_bad_configuration_is_told(graphs: Any, tmp_path: Any, capfd: Any, config: Any, words: str) -> None:
    assert graphs.run(tmp_path, lines_of(graphs, tmp_path, config, [{"text": "1"}])) == 2
    said = capfd.readouterr().err
    assert words in said and "node out" in said
