"""The receiving server: who may write, what is kept, what is answered to nonsense."""

import json
import os
import re
import signal
import socket
import subprocess
import sys

import pytest
import requests

from sedna_bridge.cloud import CloudServer, ExampleStore
from sedna_bridge.errors import StorageError, TargetAway
from sedna_bridge.storage.http import repr_digest


@pytest.fixture
def door(cloud, tools):
    server = cloud()

    def ask(method, path, data=None, token=tools.token, **headers):
        root = server.url.rsplit("/", 1)[0]
        bearer = {"Authorization": "Bearer " + token} if token else {}
        return requests.request(method, root + path, data=data, headers={**bearer, **headers}, timeout=10)

    ask.server = server
    return ask


def test_the_token_is_needed_for_everything_but_health(door, tools):
    one = tools.example()
    for token in ("", "wrong", "secre", "secrett"):
        assert door("PUT", "/examples/%s.jpg" % one.id, one.picture, token=token).status_code == 401
        assert door("GET", "/stats", token=token).status_code == 401
    assert door("GET", "/healthz", token="").json() == {"status": "ok"}
    assert door("PUT", "/examples/x.jpg", b"x" * 5_000_000, token="").status_code == 401


def test_two_files_make_an_example(door, tools):
    one = tools.example(1)
    name = "/examples/" + one.id
    assert door("PUT", name + ".json", one.sidecar).status_code == 409
    assert door("PUT", name + ".jpg", one.picture).status_code == 201
    assert door("GET", "/stats").json()["examples"] == 0
    assert door("PUT", name + ".json", one.sidecar).status_code == 201
    assert door("PUT", name + ".json", one.sidecar).status_code == 200
    assert door("PUT", name + ".jpg", one.picture).status_code == 200
    assert door("GET", "/stats").json()["examples"] == 1
    answer = door("GET", name + ".jpg")
    assert answer.content == one.picture and answer.headers["Repr-Digest"] == repr_digest(one.picture)
    assert door("HEAD", name + ".json").headers["Content-Length"] == str(len(one.sidecar))


def test_content_that_does_not_fit_its_name_is_refused(door, tools):
    one, other = tools.example(1), tools.example(2)
    name = "/examples/" + one.id
    assert door("PUT", name + ".jpg", other.picture).status_code == 201
    assert door("PUT", name + ".json", one.sidecar).status_code == 409
    assert door("PUT", name + ".jpg", one.picture, **{"Repr-Digest": repr_digest(b"x")}).status_code == 409
    assert door("PUT", name + ".jpg", one.picture).status_code == 201
    assert door("PUT", name + ".json", other.sidecar).status_code == 422
    assert door.server.ids() == set()


def test_pieces_must_follow_each_other(door, tools):
    one = tools.example(1, 3000)
    path = "/examples/%s.jpg" % one.id
    size = str(len(one.picture))

    def patch(begin, end, digest=None):
        return door(
            "PATCH",
            path,
            one.picture[begin:end],
            **{"Upload-Offset": str(begin), "Upload-Length": size, "Repr-Digest": digest or repr_digest(one.picture)},
        )

    assert door("HEAD", path).headers["Upload-Offset"] == "0"
    assert patch(0, 1000).status_code == 204
    assert door("HEAD", path).headers["Upload-Offset"] == "1000"
    assert patch(2000, 3000).status_code == 409
    assert patch(500, 1500).status_code == 409
    assert patch(0, 1000).status_code == 204
    assert door("HEAD", path).headers["Upload-Offset"] == "1000"
    assert patch(1000, None, repr_digest(b"other")).status_code == 409
    assert door("HEAD", path).headers["Upload-Offset"] == "0"
    assert patch(0, None).status_code == 201
    assert door("PUT", "/examples/%s.json" % one.id, one.sidecar).status_code == 201
    assert door.server.ids() == {one.id}


@pytest.mark.parametrize(
    "left", ["all of it", "all of it, a byte wrong", "more than it has"], ids=lambda left: left.replace(" ", "-")
)
def test_pieces_whose_check_was_cut_off_are_completed_or_sent_again(door, tools, left):
    """The server was killed between the last byte and the check: there is nothing left to send, and nothing stored."""
    one = tools.example(1, 100_000)
    door.server.target(piece=20_000).put(tools.example(2, 100_000))
    part = door.server.path / ".incoming" / (one.id + ".jpg.part")
    wrong = {"all of it": b"", "all of it, a byte wrong": None, "more than it has": b"more"}[left]
    part.write_bytes(one.picture[:-1] + b"\0" if wrong is None else one.picture + wrong)
    target = door.server.target(piece=20_000)
    if wrong is None:
        with pytest.raises(TargetAway, match=r"409.*send them again"):
            target.put(one)
    assert target.put(one) is True
    assert door.server.store.directory.read(one.id) == one and not part.exists()


def test_a_picture_that_a_power_cut_spoiled_is_sent_again(door, tools):
    one = tools.example(1, 100_000)
    assert door("PUT", "/examples/%s.jpg" % one.id, one.picture).status_code == 201
    waiting = door.server.path / ".incoming" / (one.id + ".jpg")
    waiting.write_bytes(b"\0" * 50_000)
    target = door.server.target(piece=20_000)
    with pytest.raises(Exception, match="409"):
        waiting.write_bytes(one.picture[:-1] + b"\0")
        target._send(one.id + ".json", one.sidecar, "application/json", one)
    waiting.write_bytes(b"\0" * 50_000)
    waiting.with_name(waiting.name + ".part").write_bytes(one.picture)
    assert target.put(one) is True
    assert door.server.store.directory.read(one.id) == one


def test_nonsense_is_answered(door, tools):
    one = tools.example()
    for path in (
        "/",
        "/examples/../x.jpg",
        "/examples/abc.jpg",
        "/examples/%s.png" % one.id,
        "/examples/%s.jpg/x" % one.id,
        "/examples/" + "g" * 64 + ".jpg",
    ):
        assert door("PUT", path, b"x").status_code == 404
    assert door("POST", "/examples", b"x").status_code == 415
    assert door("POST", "/examples", b"x", **{"Content-Type": "multipart/form-data; boundary=b"}).status_code == 400
    assert door("PATCH", "/examples/%s.jpg" % one.id, b"x").status_code == 400
    assert door("DELETE", "/examples/%s.jpg" % one.id).status_code == 501
    chunks = requests.put(
        door.server.url + "/%s.jpg" % one.id,
        data=iter([b"x"]),
        timeout=5,
        headers={"Authorization": "Bearer " + tools.token},
    )
    assert chunks.status_code == 411


def test_raw_garbage_does_not_stop_the_server(door):
    for garbage in (
        b"\0" * 5000,
        b"GET",
        b"PUT / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"PUT / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", door.server.port), timeout=5) as connection:
            connection.sendall(garbage)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1000)
    assert door("GET", "/healthz").status_code == 200


def test_quota_largest_and_restart(tmp_path, cloud, tools):
    server = cloud()
    one, two = tools.example(1, 2000), tools.example(2, 2000)
    server.kill()
    server.start(quota=3500, largest=2500)
    target = server.target()
    assert target.put(one) is True
    with pytest.raises(Exception, match="quota") as caught:
        target.put(two)
    assert caught.value.retry_after == 600
    with pytest.raises(Exception, match="413"):
        target.put(tools.example(3, 3000))
    before = server.store.stats()
    server.kill()
    server.start(quota=6000)
    assert {**server.store.stats(), "quota": 3500} == before
    assert server.target().put(one) is False
    assert server.target().put(two) is True


def test_listing_goes_page_by_page(door, tools):
    ids = set()
    for number in range(5):
        one = tools.example(number)
        door.server.target().put(one)
        ids.add(one.id)
    found, after = [], ""
    while after is not None:
        page = door("GET", "/examples?limit=2&after=" + (after or "")).json()
        found += page["examples"]
        after = page["next"]
    assert found == sorted(ids)


def test_metrics(door, tools):
    door.server.target().put(tools.example())
    text = door("GET", "/metrics").text
    assert re.search(r"^sednabox_cloud_examples 1\.0$", text, re.MULTILINE)
    assert 'sednabox_cloud_answers_total{status="201"} 2.0' in text


def test_a_port_that_is_taken(cloud, tmp_path):
    server = cloud()
    with pytest.raises(StorageError, match="cannot listen"):
        CloudServer(ExampleStore(str(tmp_path / "other")), port=server.port)


def start(*arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-m", "sednabox.commands.cloud", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "SEDNABOX_TOKEN": "", **environment},
    )


def test_the_command_serves_and_ends(tmp_path, tools):
    (tmp_path / "token").write_text("secret")
    process = start(
        "--store", str(tmp_path / "store"), "--port", "0", "--json", "--token-file", str(tmp_path / "token")
    )
    about = json.loads(process.stdout.readline())
    from sedna_bridge.storage import open_target

    assert open_target(about["url"], {"token": "secret"}, {}).put(tools.example()) is True
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


@pytest.mark.parametrize(
    "arguments, status, words",
    [
        (["--host", "0.0.0.0"], 2, "can be reached by others"),
        (["--quota", "much"], 1, "--quota must read like"),
        (["--certificate", "/nowhere"], 1, "there is no file"),
        (["--token-file", "/nowhere"], 1, "No such file"),
    ],
)
def test_the_command_refuses(tmp_path, arguments, status, words):
    process = start("--store", str(tmp_path / "store"), "--port", "0", *arguments)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == status and words in errors and "Traceback" not in errors
