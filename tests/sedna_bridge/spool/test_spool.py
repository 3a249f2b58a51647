"""The spool: accepted means durable, gone means delivered or dropped with a reason."""

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import tracemalloc

import cv2
import numpy as np
import pytest

from sedna_bridge.errors import SpoolBusy, SpoolDamaged, SpoolError
from sedna_bridge.spool import Limits, survey
from sedna_bridge.spool.clock import SpoolClock
from sedna_bridge.spool.index import Index
from sedna_bridge.spool.index_reader import IndexReader
from sedna_bridge.spool.verify import repair, verify
from sedna_bridge.storage import failpoints, make_example


def adds_up(spool):
    f = spool.figures()
    return f.get("accepted", 0) == sum(f.get(name, 0) for name in ("delivered", "waiting", "held", "dropped"))


def frames_of(spool, order="oldest"):
    return [entry.frame for entry in spool.index.next(order, 10_000)]


def test_accepted_means_on_the_disk_and_in_the_index(spool, tools, tmp_path):
    opened = spool()
    offers = tools.fill(opened, 5)
    assert {offer.state for offer in offers} == {"accepted"}
    reader = IndexReader(tmp_path / "spool" / "index.db")
    entries = list(reader.entries())
    reader.close()
    assert [entry.frame for entry in entries] == [0, 1, 2, 3, 4]
    assert [entry.id for entry in entries] == [offer.id for offer in offers]
    found = opened.read(entries[3])
    assert found.picture == tools.jpeg(3)
    assert found.facts["camera"] == "gate" and found.facts["detections"] == [[8, 8, 40, 30, 0.4, 1]]
    assert found.facts["picture"]["sha256"]
    assert entries[3].reasons == "IBT" and entries[3].model == "3" and entries[3].wall_time == 1e9 + 3


def test_the_picture_is_clean_whoever_draws_on_it_later(spool):
    opened = spool(quality=100)
    picture = np.full((90, 160, 3), 90, np.uint8)
    offer = opened.offer(picture, {"camera": "a"})
    picture[:] = 255
    assert offer.wait(10)
    entry = opened.next()[0]
    stored = cv2.imdecode(np.frombuffer(opened.read(entry).picture, np.uint8), cv2.IMREAD_COLOR)
    assert abs(int(stored.mean()) - 90) <= 2
    assert opened.read(entry).facts["width"] == 160


@pytest.mark.parametrize(
    "color, shape, blue",
    [("bgr", (60, 80, 3), 0), ("rgb", (60, 80, 3), 2), ("gray", (60, 80), None), ("nv12", (90, 80), None)],
)
def test_colours_and_the_longest_side(spool, color, shape, blue):
    opened = spool(longest=40)
    picture = np.full(shape, 128, np.uint8)
    if blue is not None:
        picture[..., blue] = 250
    assert opened.offer(picture, {}, color=color).wait(10)
    example = opened.read(opened.next()[0])
    stored = cv2.imdecode(np.frombuffer(example.picture, np.uint8), cv2.IMREAD_COLOR)
    assert stored.shape == (30, 40, 3)
    assert (example.facts["picture"]["width"], example.facts["width"], example.facts["height"]) == (40, 80, 60)
    if blue is not None:
        assert stored[..., 0].mean() > 240 > 150 > stored[..., 2].mean()


@pytest.mark.parametrize(
    "picture, color, words",
    [
        (None, "bgr", "array of uint8"),
        (np.zeros((4, 4, 3)), "bgr", "float64"),
        (np.zeros((4, 4), np.uint8), "bgr", "shape"),
        (np.zeros((0, 4, 3), np.uint8), "bgr", "shape"),
        (b"PNG", "bgr", "no JPEG"),
        (np.zeros((4, 4, 3), np.uint8), "yuv", "color"),
        (np.zeros((70000, 4, 3), np.uint8), "bgr", "65500"),
        (np.zeros((5, 5), np.uint8), "nv12", "cannot be encoded"),
    ],
)
def test_what_is_no_picture_is_refused_with_a_reason(spool, tools, picture, color, words):
    opened = spool()
    offer = opened.offer(picture, tools.facts(), color=color)
    assert offer.wait(10) is False and offer.state == "refused" and words in offer.reason
    assert tools.fill(opened, 1)[0].state == "accepted"
    tools.wait_for(lambda: survey(opened.path)["refused"] == 1)


def test_odd_facts_are_kept_as_json_can(spool):
    opened = spool()
    odd = {
        "index": np.int64(7),
        "hard_score": np.float32(0.5),
        "detections": np.ones((2, 6), np.float32),
        "x": float("nan"),
        "camera": "\udce4 t\u00fcr",
        "hard_reasons": "IBT",
        "when": object,
        5: {1, 2},
    }
    assert opened.offer(b"\xff\xd8\xff", odd).wait(10)
    entry = opened.next()[0]
    facts = opened.read(entry).facts
    assert entry.frame == 7 and entry.score == 0.5 and entry.reasons == "IBT"
    assert facts["detections"] == [[1.0] * 6] * 2 and facts["x"] is None and facts["5"] == [1, 2]


def test_the_same_example_is_kept_once(spool, tools):
    opened = spool()
    first = tools.fill(opened, 3)
    again = tools.fill(opened, 3)
    assert {offer.state for offer in again} == {"duplicate"}
    assert [offer.id for offer in again] == [offer.id for offer in first]
    opened.delivered(opened.next("oldest", 3))
    assert {offer.state for offer in tools.fill(opened, 3)} == {"duplicate"}
    twins = [opened.offer(tools.jpeg(9), tools.facts(9)) for _ in range(20)]
    assert all(offer.wait(10) for offer in twins)
    assert [offer.state for offer in twins].count("accepted") == 1
    assert opened.figures()["accepted"] == 4 and adds_up(opened)


def test_orders(spool, tools):
    opened = spool()
    for number, score in enumerate([0.5, 0.9, 0.1, 0.7]):
        tools.fill(opened, 1, first=number, score=score)
    assert frames_of(opened, "oldest") == [0, 1, 2, 3]
    assert frames_of(opened, "newest") == [3, 2, 1, 0]
    assert frames_of(opened, "hardest") == [1, 3, 0, 2]


@pytest.mark.parametrize(
    "policy, kept, refused, dropped",
    [("block", [0, 1, 2], 3, 0), ("drop_oldest", [3, 4, 5], 0, 3), ("drop_easiest", [0, 3, 5], 1, 2)],
)
def test_what_gives_way_when_it_is_full(spool, tools, policy, kept, refused, dropped):
    opened = spool(Limits(most_entries=3, free_floor=0, when_full=policy))
    for number, score in enumerate([0.5, 0.2, 0.3, 0.9, 0.1, 0.6]):
        tools.fill(opened, 1, first=number, score=score)
    assert sorted(frames_of(opened)) == kept
    figures = opened.figures()
    assert figures.get("refused", 0) == refused and figures.get("dropped", 0) == dropped and adds_up(opened)
    if dropped:
        assert figures["dropped: spool full"] == dropped
        reader = IndexReader(opened.path / "index.db")
        assert [gone["reason"] for gone in reader.gone(("dropped",))] == ["spool full"] * dropped
        reader.close()
    assert len(list((opened.path / "entries").rglob("*.jpg"))) == 3


def test_bytes_are_bounded(spool, tools):
    opened = spool(Limits(most_bytes=10_000, free_floor=0, when_full="drop_oldest"))
    tools.fill(opened, 20, size=2000)
    assert 3 <= len(frames_of(opened)) <= 4
    assert opened.figures()["bytes"] <= 10_000 and adds_up(opened)
    big = tools.fill(opened, 1, first=99, size=20_000)[0]
    assert big.state == "refused" and big.reason == "spool full"


def test_the_free_disk_floor(spool, tools):
    opened = spool(Limits(free_floor=2**62, when_full="block"))
    offer = tools.fill(opened, 1)[0]
    assert offer.state == "refused" and offer.reason == "disk nearly full"


def test_old_entries_go_by_the_time_that_passed(spool, tools, monkeypatch):
    opened = spool(Limits(longest_age=1000, free_floor=0))
    tools.fill(opened, 2)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 50 * 365 * 86400)  # a time server was found
    tools.fill(opened, 2, first=2)
    opened._idle()
    assert len(frames_of(opened)) == 4
    monkeypatch.setattr(time, "time", lambda: 5.0)  # and lost again
    tools.fill(opened, 2, first=4)
    assert len(frames_of(opened)) == 6
    monkeypatch.setattr(opened.index.clock, "now", lambda: 1500.0 + 1e-6)
    opened._idle()
    assert frames_of(opened) == [] and opened.figures()["dropped: too old"] == 6 and adds_up(opened)


def test_the_spools_clock(monkeypatch):
    saved = {"seconds": 100.0, "passed": 0.0, "wall": time.time() - 3600, "boot": "another"}
    assert 3699 < SpoolClock(saved).now() < 3710  # switched off for an hour
    assert 99 < SpoolClock({**saved, "wall": time.time() + 9e8}).now() < 101  # the clock went back
    assert 99 < SpoolClock({**saved, "wall": 0.0}).now() < 101  # it stood in 1970 when it was written
    again = SpoolClock(SpoolClock(saved).save())
    assert 3699 < again.now() < 3720


def test_a_second_process_is_refused_clearly(spool, tools, tmp_path):
    spool()
    code = "from sedna_bridge.spool import Spool; Spool(%r)" % str(tmp_path / "spool")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "SpoolBusy" in done.stderr and "belongs to process %d" % os.getpid() in done.stderr
    with pytest.raises(SpoolBusy):
        spool()


def test_the_lock_ends_with_a_killed_process(tmp_path, spool, tools):
    code = "import time; from sedna_bridge.spool import Spool; s = Spool(%r); print('open', flush=True); time.sleep(60)"
    process = subprocess.Popen(
        [sys.executable, "-c", code % str(tmp_path / "spool")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "open\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert tools.fill(spool(), 1)[0].state == "accepted"


def damage(path, how):
    data = bytearray(path.read_bytes())
    if how == "flip":
        data[len(data) // 2] ^= 4
    elif how == "truncate":
        del data[len(data) // 3 :]
    elif how == "empty":
        del data[:]
    path.write_bytes(bytes(data)) if how != "missing" else path.unlink()


@pytest.mark.parametrize("suffix", [".jpg", ".json"])
@pytest.mark.parametrize("how", ["flip", "truncate", "empty", "missing"])
def test_one_bad_entry_does_not_take_its_neighbours(spool, tools, how, suffix):
    opened = spool()
    offers = tools.fill(opened, 3)
    damage(next(opened.path.rglob(offers[1].id + suffix)), how)
    report = verify(opened.path)
    assert [item["id"] for item in report["damaged"]] == [offers[1].id] and not report["sound"]
    opened.close()
    again = spool()
    entries = again.next("oldest", 3)
    assert again.read(entries[0]).picture == tools.jpeg(0) and again.read(entries[2]).picture == tools.jpeg(2)
    with pytest.raises(SpoolDamaged):
        again.read(entries[1])
    again.put_back(entries)
    assert repair(again, report) == 1
    assert frames_of(again) == [0, 2] and again.figures()["dropped: damaged"] == 1 and adds_up(again)
    assert verify(again.path)["sound"]
    if how != "missing":
        assert list((again.path / "damaged").glob(offers[1].id + "*"))


@pytest.mark.parametrize("how", ["garbage", "flipped", "truncated", "missing"])
def test_a_damaged_index_is_made_anew_from_the_files(spool, tools, how):
    opened = spool()
    tools.fill(opened, 6)
    opened.close()
    index = opened.path / "index.db"
    data = bytearray(index.read_bytes())
    if how == "garbage":
        data[:] = os.urandom(len(data))
    elif how == "flipped":
        for at in range(4096, len(data), 17):
            data[at] ^= 255
    elif how == "truncated":
        del data[6000:]
    index.write_bytes(bytes(data)) if how != "missing" else index.unlink()
    again = spool()
    assert sorted(frames_of(again)) == list(range(6))
    assert tools.fill(again, 1, first=50)[0].state == "accepted" and adds_up(again)


def test_files_without_an_index_entry_are_adopted_or_removed(spool, tools):
    opened = spool()
    offers = tools.fill(opened, 2)
    opened.delivered([entry for entry in opened.next("oldest", 2) if entry.id == offers[0].id])
    opened.close()
    segment = opened.path / "entries" / "00000001"
    unknown = make_example(tools.jpeg(70), tools.facts(70), 1, 1)
    half = make_example(tools.jpeg(71), tools.facts(71), 1, 1)
    gone = offers[0].id
    (segment / (unknown.id + ".jpg")).write_bytes(unknown.picture)
    (segment / (unknown.id + ".json")).write_bytes(unknown.sidecar)
    (segment / (half.id + ".jpg")).write_bytes(half.picture)
    (segment / (gone + ".jpg")).write_bytes(b"left behind")
    (opened.path / "incoming" / (half.id + ".json")).write_bytes(b"{")
    again = spool()
    assert frames_of(again) == [1, 70]
    assert again.figures()["adopted"] == 1 and adds_up(again)
    assert not list(segment.glob(half.id + "*")) and not list(segment.glob(gone + "*"))
    assert not list((again.path / "incoming").iterdir())


def test_segments_come_and_go(spool, tools, monkeypatch):
    monkeypatch.setattr("sedna_bridge.spool.files.SEGMENT", 5)
    opened = spool()
    for first in range(0, 20, 4):
        tools.fill(opened, 4, first=first)
    segments = sorted(path.name for path in (opened.path / "entries").iterdir())
    assert len(segments) >= 3
    opened.delivered(opened.next("oldest", 20))
    assert [path.name for path in (opened.path / "entries").iterdir()] == [segments[-1]]


@pytest.mark.parametrize(
    "place", ["spool.begin", "spool.picture", "spool.written", "spool.renamed", "spool.synced", "index.commit"]
)
@pytest.mark.parametrize("fault, reason", [("enospc", "disk full"), ("erofs", "disk read-only"), ("eio", "disk error")])
def test_a_disk_that_fails_refuses_with_its_reason_and_recovers(spool, tools, place, fault, reason):
    opened = spool()
    tools.fill(opened, 2)
    failpoints.configure("%s=%s" % (place, fault))
    offers = tools.fill(opened, 2, first=10)
    assert {offer.state for offer in offers} == {"refused"}
    assert all(reason in offer.reason for offer in offers)
    failpoints.configure("")
    assert {offer.state for offer in tools.fill(opened, 2, first=20)} == {"accepted"}
    assert frames_of(opened) == [0, 1, 20, 21]
    assert opened.figures()["refused"] == 2 and adds_up(opened)
    assert len(list((opened.path / "entries").rglob("*.jpg"))) == 4
    assert not list((opened.path / "incoming").iterdir())


@pytest.fixture
def small_disk(tmp_path):
    """A disk of one megabyte, where this machine lets us have one."""
    path = tmp_path / "disk"
    path.mkdir()
    if (
        os.geteuid()
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(path)], capture_output=True).returncode
    ):
        pytest.skip("no disk of our own can be mounted here")
    yield path
    subprocess.run(["umount", "-l", str(path)], check=False)


def test_a_disk_that_is_really_full(spool, tools, small_disk):
    opened = spool(path=small_disk / "spool")
    offers = tools.fill(opened, 60, size=30_000)
    accepted = [offer for offer in offers if offer.state == "accepted"]
    refused = [offer for offer in offers if offer.state == "refused"]
    assert 5 < len(accepted) < 40 and len(accepted) + len(refused) == 60
    assert {offer.reason for offer in refused} == {"disk full"}
    entries = opened.next("oldest", 100)
    assert [entry.id for entry in entries] == [offer.id for offer in accepted]
    for entry in entries:
        opened.read(entry)


def test_a_disk_that_is_really_read_only(spool, tools, small_disk):
    opened = spool(path=small_disk / "spool")
    tools.fill(opened, 2)
    opened.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(SpoolError, match=r"cannot be locked|read-only"):
        spool(path=small_disk / "spool")
    assert survey(small_disk / "spool")["waiting"] == 2


def test_memory_is_bounded_while_the_disk_hangs(spool, tools):
    opened = spool(memory=20_000)
    failpoints.configure("spool.begin=hang3")
    took, offers = [], []
    for number in range(30):
        began = time.perf_counter()
        offers.append(opened.offer(tools.jpeg(number, 1500), tools.facts(number)))
        took.append(time.perf_counter() - began)
    assert sorted(took)[15] < 0.001
    assert [offer.reason for offer in offers].count("memory full") > 10
    failpoints.configure("")
    for offer in offers:
        offer.wait(20)
        assert offer.done
    tools.wait_for(lambda: opened.index.figures().get("refused") == sum(o.state == "refused" for o in offers))
    assert opened.figures()["accepted"] == sum(o.state == "accepted" for o in offers) and adds_up(opened)


def test_closing_makes_durable_what_is_in_memory(spool, tools):
    opened = spool()
    offers = [opened.offer(np.full((200, 300, 3), n, np.uint8), tools.facts(n)) for n in range(30)]
    assert opened.close() is True
    assert {offer.state for offer in offers} == {"accepted"}
    late = opened.offer(tools.jpeg(), {})
    assert late.state == "refused" and "closed" in late.reason


def test_many_threads_offer(spool, tools):
    opened = spool()
    offers = []

    def work(first):
        offers.extend(opened.offer(tools.jpeg(first + n), tools.facts(first + n)) for n in range(20))

    threads = [threading.Thread(target=work, args=(100 * n,)) for n in range(5)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert all(offer.wait(20) for offer in offers) and len(offers) == 100
    assert opened.figures()["accepted"] == 100 and len(set(frames_of(opened))) == 100


def big_backlog(path, count):
    """An index of so many entries, without their files."""
    path.mkdir(parents=True)
    index = Index(path / "index.db")
    index.close()
    db = sqlite3.connect(str(path / "index.db"))
    db.execute("PRAGMA synchronous = OFF")
    rows = (
        (os.urandom(32), n // 1000 + 1, 0, 50_000, n % 1000 / 1000, "gate", n, 1e9 + n, "IBT", "3", 1e9, 0.0)
        for n in range(count)
    )
    db.executemany(
        "INSERT INTO entries(id, segment, state, size, score, camera, frame, wall, reasons, model, accepted, born)"
        " VALUES(?,?,?,?,?,?,?,?,?,?,?,?)",
        rows,
    )
    db.executemany(
        "INSERT OR REPLACE INTO figures VALUES(?, ?)",
        [("accepted", count), ("waiting", count), ("bytes", count * 50_000)],
    )
    db.commit()
    db.close()


def test_a_large_backlog_opens_at_once_and_lists_in_constant_memory(spool, tools, tmp_path):
    big_backlog(tmp_path / "spool", 100_000)
    began = time.monotonic()
    opened = spool(Limits(most_bytes=0, free_floor=0))
    assert time.monotonic() - began < 2
    assert [entry.frame for entry in opened.next("oldest", 2)] == [0, 1]
    assert opened.next("hardest", 1)[0].score == 0.999
    reader = IndexReader(tmp_path / "spool" / "index.db")
    tracemalloc.start()
    assert sum(1 for _ in reader.entries("oldest")) == 100_000
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()
    reader.close()
    assert survey(opened.path)["waiting"] == 100_000


@pytest.mark.parametrize(
    "attributes, words",
    [
        ({"spool_bytes": "lots"}, "spool_bytes"),
        ({"spool_age": "1 year"}, "spool_age"),
        ({"when_full": "explode"}, "when_full"),
    ],
)
def test_wrong_limits_are_named(attributes, words):
    with pytest.raises(SpoolError, match=words):
        Limits.from_attributes(attributes)


def test_limits_read_units():
    made = Limits.from_attributes(
        {"spool_bytes": "2GB", "spool_age": "30d", "free_disk": "512MiB", "spool_entries": "1k"}
    )
    assert (made.most_bytes, made.longest_age, made.free_floor, made.most_entries) == (
        2 * 10**9,
        30 * 86400,
        2**29,
        1000,
    )


def test_fail_points_cost_nothing_when_off():
    failpoints.configure("")
    began = time.perf_counter()
    for _ in range(10_000):
        failpoints.reach("spool.begin")
    assert time.perf_counter() - began < 0.1
    with pytest.raises(Exception, match="must read like"):
        failpoints.configure("spool.begin=explode")
