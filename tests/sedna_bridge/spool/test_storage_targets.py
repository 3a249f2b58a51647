"""Targets: what counts as a durable yes, what is tried again, what is refused."""

import os
import time
from datetime import datetime

import pytest

from sedna_bridge.errors import SpoolDamaged, StorageError, TargetAway, TargetRefused
from sedna_bridge.storage import Bandwidth, Circuit, DirectoryTarget, TransferWindows, open_target, target_url
from sedna_bridge.storage.http import IN_SO_MANY_WORDS


def test_a_directory_keeps_each_example_once(tmp_path, tools):
    target = open_target(str(tmp_path / "he"))
    one = tools.example(1)
    assert target.put(one) is True
    assert target.put(one) is False
    assert sorted(p.name for p in (tmp_path / "he").glob("*.jpg")) == [one.id + ".jpg"]
    assert list(target.ids()) == [one.id]
    assert target.read(one.id) == one
    assert target.read(one.id).facts["camera"] == "gate"


def test_a_directory_completes_what_a_killed_writer_left(tmp_path, tools):
    one = tools.example(1)
    target = DirectoryTarget(str(tmp_path))
    (tmp_path / (one.id + ".jpg")).write_bytes(b"half")
    assert list(target.ids()) == []
    assert target.put(one) is True
    assert target.read(one.id) == one


def test_a_directory_tells_damage(tmp_path, tools):
    target = DirectoryTarget(str(tmp_path))
    one = tools.example(1)
    target.put(one)
    (tmp_path / (one.id + ".jpg")).write_bytes(one.picture[:-1])
    with pytest.raises(SpoolDamaged, match="picture is not what was written"):
        target.read(one.id)


def test_a_directory_that_cannot_be_written_is_away(tmp_path, tools):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="is a file"):
        open_target(str(tmp_path / "file"))
    with pytest.raises(TargetAway, match="cannot write to the directory"):
        open_target(str(tmp_path / "file" / "below")).put(tools.example())


@pytest.mark.parametrize(
    "url, kind",
    [
        ("file:///tmp/x", "DirectoryTarget"),
        ("/tmp/x", "DirectoryTarget"),
        ("http://h/x", "HttpTarget"),
        ("https://h", "HttpTarget"),
    ],
)
def test_addresses(url, kind):
    assert type(open_target(url, environment={})).__name__ == kind


@pytest.mark.parametrize(
    "url, words",
    [
        ("ftp://h/x", "must be a directory"),
        ("http://", "must be a url"),
        ("", "no target"),
        ("file://other/x", "on this machine"),
        ("s3://", "s3://bucket"),
    ],
)
def test_wrong_addresses(url, words):
    with pytest.raises(StorageError, match=words):
        open_target(url, environment={})


@pytest.mark.parametrize(
    "options, words",
    [
        ({"methd": "PUT"}, "no option methd"),
        ({"method": "GET"}, "PUT or POST"),
        ({"timeout": "soon"}, "must be a number"),
        ({"timeout": "0"}, "greater than 0"),
        ({"verify": "/nowhere"}, "accept any certificate"),
        ({"token": "a b"}, "token"),
        ({"client_certificate": "/nowhere"}, "no file"),
    ],
)
def test_wrong_options(options, words):
    with pytest.raises(StorageError, match=words):
        open_target("https://h/x", options, {})


def test_the_address_comes_from_sednas_environment():
    assert target_url({}, {"HE_SAVED_URL": "/he"}) == "/he"
    assert target_url({"target": "http://x"}, {"HE_SAVED_URL": "/he"}) == "http://x"
    assert target_url({}, {}) == ""


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_http_delivers_once_in_effect(cloud, tools, method):
    server = cloud()
    target = server.target(method=method)
    one = tools.example(1, 5000)
    assert target.put(one) is True
    assert target.put(one) is False
    assert server.store.directory.read(one.id) == one
    assert server.store.stats()["examples"] == 1


def test_http_sends_large_pictures_in_pieces_and_goes_on_where_it_broke(cloud, link, tools):
    server = cloud()
    broken = link(server.port, reset_every=60_000)
    one = tools.example(1, 200_000)
    target = open_target(broken.url, {"token": tools.token, "piece": 16384, "timeout": 5}, {})
    tries = 0
    while True:
        tries += 1
        try:
            target.put(one)
            break
        except TargetAway:
            assert tries < 20
    assert server.store.directory.read(one.id) == one
    assert broken.resets >= 2
    assert broken.bytes < 2 * one.size


@pytest.mark.parametrize("status", [202, 204 + 3, 301, 302, 307])
def test_what_is_no_durable_yes_is_no_yes(script, tools, status):
    server = script(tools.reply(status, "Location: http://127.0.0.1:1/"))
    with pytest.raises(TargetAway):
        open_target(server.url, environment={}).put(tools.example())


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_an_example_that_is_not_wanted(script, tools, status):
    with pytest.raises(TargetRefused, match=str(status)):
        open_target(script(tools.reply(status)).url, environment={}).put(tools.example())


@pytest.mark.parametrize(
    "status, words",
    [
        (401, "check the token"),
        (403, "check the token"),
        (404, "check the url"),
        (405, "check the method"),
        (408, "408"),
        (409, "409"),
        (429, "429"),
        (500, "500"),
        (503, "503"),
        (507, "507"),
    ],
)
def test_trouble_of_the_server_is_tried_again(script, tools, status, words):
    with pytest.raises(TargetAway, match=words):
        open_target(script(tools.reply(status)).url, environment={}).put(tools.example())


def test_retry_after_in_seconds_and_by_the_servers_own_clock(script, tools):
    with pytest.raises(TargetAway) as caught:
        open_target(script(tools.reply(503, "Retry-After: 17")).url, environment={}).put(tools.example())
    assert caught.value.retry_after == 17
    dates = ("Date: Thu, 01 Jan 1970 00:00:00 GMT", "Retry-After: Thu, 01 Jan 1970 00:02:00 GMT")
    with pytest.raises(TargetAway) as caught:
        open_target(script(tools.reply(503, *dates)).url, environment={}).put(tools.example())
    assert caught.value.retry_after == 120


@pytest.mark.parametrize(
    "answer", ["hang", "die", b"SMTP ready\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"]
)
def test_servers_that_hang_die_or_babble(script, tools, answer):
    server = script(answer)
    began = time.monotonic()
    with pytest.raises(TargetAway):
        target = open_target(server.url, {"timeout": 0.5}, {})
        target.put(tools.example())
    assert time.monotonic() - began < 5


def test_nobody_listens(tools):
    with pytest.raises(TargetAway, match=r"cannot be reached.*refused"):
        open_target("http://127.0.0.1:9/x", environment={}).put(tools.example())


def test_the_token_is_sent_and_may_change_in_its_file(script, tools, tmp_path):
    file = tmp_path / "token"
    file.write_text("one\n")
    server = script(tools.reply(201))
    target = open_target(server.url, {"token_file": str(file)}, {"SEDNABOX_TOKEN": "other"})
    target.put(tools.example(1))
    file.write_text("two\n")
    target.put(tools.example(2))
    heads = [head for head, _ in server.requests]
    assert "Authorization: Bearer one" in heads[0] and "Authorization: Bearer two" in heads[-1]
    file.unlink()
    with pytest.raises(TargetAway):
        target.put(tools.example(3))


def test_the_address_shows_no_secrets():
    target = open_target("https://user:pass@host/x?sig=abc", environment={})
    assert target.where == "https://host/x"


def test_tls_is_verified(cloud, tools):
    certs = tools.certs
    server = cloud(certificate=str(certs / "server.pem"), key=str(certs / "server.key"))
    one = tools.example(1)
    with pytest.raises(TargetAway, match="certificate"):
        server.target().put(one)
    assert server.target(verify=str(certs / "ca.pem")).put(one) is True
    assert server.target(verify=IN_SO_MANY_WORDS).put(one) is False


def test_a_client_certificate_opens_the_door(cloud, tools):
    certs = tools.certs
    server = cloud(
        certificate=str(certs / "server.pem"), key=str(certs / "server.key"), client_ca=str(certs / "ca.pem")
    )
    ca = str(certs / "ca.pem")
    with pytest.raises(TargetAway):
        server.target(verify=ca).put(tools.example(1))
    known = server.target(verify=ca, client_certificate=str(certs / "client.pem"), client_key=str(certs / "client.key"))
    assert known.put(tools.example(1)) is True


def test_bandwidth_is_held_on_the_wire(cloud, link, tools):
    server = cloud()
    wire = link(server.port)
    rate = 512_000 / 8
    pace = Bandwidth(512_000).take
    target = open_target(wire.url, {"token": tools.token, "piece": 40_000}, {}, pace)
    began = time.monotonic()
    for number in range(4):
        target.put(tools.example(number, 30_000))
    took = time.monotonic() - began
    assert wire.bytes <= rate * took + rate * 0.25
    assert took > 0.8 * (120_000 / rate - 0.25)


def test_bandwidth_as_arithmetic():
    now = [0.0]
    bucket = Bandwidth(64_000, clock=lambda: now[0])
    sent = 0
    while now[0] < 60:
        now[0] += bucket.claim(1024)
        sent += 1024
    assert 0.9 * 8000 * 60 / 1.06 < sent <= (8000 * 60 + 3100) / 1.06 + 1024


def test_windows():
    night = TransferWindows("22:00-06:00, 12:30-13:00")
    assert night.is_open(datetime(2026, 1, 1, 23, 0)) and night.is_open(datetime(2026, 1, 1, 5, 59))
    assert night.is_open(datetime(2026, 1, 1, 12, 30)) and not night.is_open(datetime(2026, 1, 1, 13, 0))
    assert night.seconds_until_open(datetime(2026, 1, 1, 13, 0)) == 9 * 3600
    assert night.seconds_until_open(datetime(2026, 1, 1, 6, 0)) == 6.5 * 3600
    assert TransferWindows("").is_open()
    assert TransferWindows("00:00-24:00").is_open(datetime(2026, 1, 1, 23, 59))
    for wrong in ("22-6", "25:00-26:00", "10:00-10:00", "24:00-01:00"):
        with pytest.raises(StorageError, match="window"):
            TransferWindows(wrong)


def test_the_circuit_backs_off_probes_and_closes():
    now = [0.0]
    circuit = Circuit(first=1, longest=60, clock=lambda: now[0], chance=lambda low, high: high)
    assert circuit.tries(4) == 4
    assert [circuit.failed() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert circuit.state == "open" and circuit.tries(4) == 0
    now[0] = 60.0
    assert circuit.state == "probing" and circuit.tries(4) == 1
    assert circuit.failed(retry_after=500) == 500
    assert circuit.failed(retry_after=1e9) == 86400
    circuit.try_now()
    circuit.succeeded()
    assert circuit.state == "closed" and circuit.tries(4) == 4


def test_jitter_keeps_boxes_apart():
    circuit = Circuit(first=8)
    pauses = set()
    for _ in range(20):
        circuit.succeeded()
        pauses.add(circuit.failed())
    assert len(pauses) == 20 and all(4 <= pause <= 8 for pause in pauses)


def test_half_written_files_of_long_ago_are_swept(tmp_path, tools):
    incoming = tmp_path / ".incoming"
    incoming.mkdir()
    (incoming / ".a.1.2.tmp").write_bytes(b"x")
    os.utime(str(incoming / ".a.1.2.tmp"), (0, 0))
    (incoming / ".b.1.2.tmp").write_bytes(b"x")
    DirectoryTarget(str(tmp_path)).put(tools.example())
    assert [p.name for p in incoming.iterdir()] == [".b.1.2.tmp"]
