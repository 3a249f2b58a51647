"""Delivery: once in effect, whatever the target and the link do, and never at the cost of the frame path."""

import threading
import time

import numpy as np
import pytest

from sedna_bridge.errors import SpoolError, TargetAway, TargetRefused
from sedna_bridge.spool import Courier, Limits, survey
from sedna_bridge.spool.suspects import Suspects
from sedna_bridge.spool.upload import Upload, read_bits, state_directory
from sedna_bridge.storage import Bandwidth, Circuit, Target, TransferWindows, failpoints, open_target


class Fake(Target):
    """A target in memory whose answers a function decides."""

    where = "memory"

    def __init__(self, decide=lambda example: None):
        self.decide = decide
        self.got = []
        self.tried = []

    def put(self, example):
        self.tried.append(example.facts["index"])
        self.decide(example)
        self.got.append(example.facts["index"])
        return True


def quick():
    return Circuit(first=0.01, longest=0.05)


@pytest.fixture
def courier():
    made = []

    def start(spool, target, **options):
        made.append(Courier(spool, target, **{"circuit": quick(), **options}))
        return made[-1]

    yield start
    for one in made:
        one.stop(10)


def sums(spool):
    f = spool.figures()
    assert f.get("accepted", 0) == sum(f.get(name, 0) for name in ("delivered", "waiting", "held", "dropped"))
    return f


def test_everything_arrives_once_and_leaves_the_disk(spool, cloud, tools, courier):
    opened, server = spool(), cloud()
    offers = tools.fill(opened, 40)
    assert courier(opened, server.target()).drain(30) == 0
    assert server.ids() == {offer.id for offer in offers}
    assert sums(opened)["delivered"] == 40
    assert not list(opened.path.rglob("*.jpg"))


@pytest.mark.parametrize(
    "order, expected", [("oldest", [0, 1, 2, 3]), ("newest", [3, 2, 1, 0]), ("hardest", [1, 3, 0, 2])]
)
def test_order(spool, tools, courier, order, expected):
    opened = spool()
    for number, score in enumerate([0.5, 0.9, 0.1, 0.7]):
        tools.fill(opened, 1, first=number, score=score)
    target = Fake()
    courier(opened, target, order=order, parallel=1).drain(10)
    assert target.got == expected


def test_new_entries_are_delivered_as_they_come(spool, tools, courier):
    opened, target = spool(), Fake()
    courier(opened, target).start()
    for number in range(5):
        tools.fill(opened, 1, first=number)
        tools.wait_for(lambda number=number: len(target.got) == number + 1)
    tools.wait_for(lambda: sums(opened).get("delivered") == 5)


def test_the_server_is_killed_and_comes_back(spool, cloud, tools, courier):
    opened, server = spool(), cloud()
    one = courier(opened, server.target()).start()
    offers = tools.fill(opened, 10)
    tools.wait_for(lambda: len(server.ids()) == 10)
    server.kill()
    offers += tools.fill(opened, 10, first=10)
    tools.wait_for(lambda: one.trouble)
    assert "cannot be reached" in one.status()["trouble"]
    server.start()
    tools.wait_for(lambda: not opened.backlog)
    assert server.ids() == {offer.id for offer in offers}
    assert sums(opened)["delivered"] == 20 and one.trouble == ""


@pytest.mark.parametrize("first", ["die", "hang", b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", b"nonsense\r\n"])
def test_trouble_first_then_a_yes(spool, script, tools, courier, first):
    server = script(first, first, tools.reply(201))
    opened = spool()
    tools.fill(opened, 3)
    one = courier(opened, open_target(server.url, {"timeout": 0.3}, {}))
    assert one.drain(20) == 0
    assert sums(opened)["delivered"] == 3 and one.counts["failed"] >= 1


@pytest.mark.parametrize(
    "place", ["cloud.received", "directory.picture", "directory.stored", "cloud.stored", "cloud.replied"]
)
def test_a_server_that_breaks_before_or_after_its_reply(spool, cloud, tools, courier, place):
    opened, server = spool(), cloud()
    offers = tools.fill(opened, 5)
    failpoints.configure("%s=eio@2" % place)
    assert courier(opened, server.target()).drain(20) == 0
    assert server.ids() == {offer.id for offer in offers}
    assert server.store.stats()["examples"] <= 5 and sums(opened)["delivered"] == 5


def test_what_is_not_wanted_is_held_and_tried_by_the_next_courier(spool, tools, courier):
    def picky(example):
        if example.facts["index"] == 1 and picky.on:
            raise TargetRefused("too green")

    picky.on = True
    opened, target = spool(), Fake(picky)
    tools.fill(opened, 3)
    assert courier(opened, target).drain(10) == 0
    assert sorted(target.got) == [0, 2] and sums(opened)["held"] == 1
    picky.on = False
    assert courier(opened, target).drain(10) == 0
    assert sorted(target.got) == [0, 1, 2] and sums(opened)["delivered"] == 3 and sums(opened)["held"] == 0


def test_an_example_that_upsets_the_target_stops_no_other(spool, tools, courier):
    def upset(example):
        if example.facts["index"] == 0:
            raise TargetAway("broke down over this one")

    opened, target = spool(), Fake(upset)
    tools.fill(opened, 12)
    one = courier(opened, target).start()
    tools.wait_for(lambda: sorted(target.got) == list(range(1, 12)))
    tools.wait_for(lambda: sums(opened).get("delivered") == 11)
    assert sums(opened)["waiting"] == 1
    one.stop()


def test_suspects():
    now = [0.0]
    suspects = Suspects(clock=lambda: now[0])
    suspects.failed(1)
    assert suspects.skip() == {1} and suspects.skip() == set()  # another one probes next, then it may again
    suspects.failed(1)
    assert suspects.skip() == {1} and suspects.skip() == set()  # nobody went through: the target's fault
    suspects.succeeded(2)
    suspects.failed(1)
    assert suspects.skip() == {1} and suspects.skip() == {1}
    now[0] = 11.0
    assert suspects.skip() == set()


def test_a_damaged_entry_stops_no_other(spool, tools, courier):
    opened, target = spool(), Fake()
    offers = tools.fill(opened, 4)
    path = next(opened.path.rglob(offers[2].id + ".jpg"))
    path.write_bytes(path.read_bytes()[:-1])
    assert courier(opened, target).drain(10) == 0
    assert sorted(target.got) == [0, 1, 3] and sums(opened)["dropped: damaged"] == 1


def test_retry_after_is_kept(spool, tools, courier):
    def busy(example):
        raise TargetAway("busy", retry_after=3600)

    opened, target = spool(), Fake(busy)
    tools.fill(opened, 1)
    one = courier(opened, target).start()
    tools.wait_for(lambda: one.status()["next_try"] > 3000)
    assert len(target.tried) == 1
    one.try_now()
    tools.wait_for(lambda: len(target.tried) == 2)


def test_nothing_leaves_outside_the_windows(spool, tools, courier):
    opened, target = spool(), Fake()
    tools.fill(opened, 2)
    now = time.localtime()
    hour = (now.tm_hour + 3) % 24
    one = courier(opened, target, windows=TransferWindows("%02d:00-%02d:30" % (hour, hour)))
    assert one.drain(0.7) == 2
    assert target.tried == [] and one.status()["window"] == "closed until then" and one.status()["next_try"] > 3600


def test_a_full_index_disk_delays_the_note_and_sends_nothing_twice(spool, tools, courier):
    opened, target = spool(), Fake()
    tools.fill(opened, 3)
    failpoints.configure("index.commit=enospc")
    one = courier(opened, target).start()
    tools.wait_for(lambda: "cannot be noted" in one.trouble)
    failpoints.configure("")
    tools.wait_for(lambda: sums(opened).get("delivered") == 3)
    assert sorted(target.got) == [0, 1, 2]


def test_dropping_spares_what_is_on_its_way(spool, tools, courier):
    going, go = threading.Event(), threading.Event()

    def slow(example):
        going.set()
        go.wait(10)

    opened, target = spool(Limits(most_entries=2, free_floor=0, when_full="drop_oldest")), Fake(slow)
    tools.fill(opened, 2)
    one = courier(opened, target, parallel=1).start()
    assert going.wait(10)
    tools.fill(opened, 3, first=2)
    go.set()
    tools.wait_for(lambda: not opened.backlog)
    tools.wait_for(lambda: sums(opened).get("waiting", 0) == 0)
    assert target.got == [0, 4] and sums(opened)["delivered"] == 2
    one.stop()


def test_a_slow_lossy_link_loses_and_doubles_nothing(spool, cloud, link, tools, courier):
    opened, server = spool(), cloud()
    wire = link(server.port, rate=64_000, reset_every=25_000, stall_every=20_000, stall=0.3)
    offers = tools.fill(opened, 12, size=9_000)
    pace = Bandwidth(400_000).take
    target = open_target(wire.url, {"token": tools.token, "timeout": 2, "piece": 4096}, {}, pace)
    one = courier(opened, target, parallel=2)
    assert one.drain(60) == 0
    assert wire.resets >= 3
    assert server.ids() == {offer.id for offer in offers} and sums(opened)["delivered"] == 12


def test_stop_does_not_wait_for_a_server_that_hangs(spool, script, tools):
    server = script("hang")
    opened = spool()
    tools.fill(opened, 2)
    one = Courier(opened, open_target(server.url, {"timeout": 30}, {})).start()
    tools.wait_for(lambda: server.requests)
    began = time.monotonic()
    one.stop(10)
    assert time.monotonic() - began < 6
    assert sums(opened)["waiting"] == 2


def test_the_frame_path_does_not_feel_the_cloud_or_the_disk(spool, script, tools, courier):
    opened = spool(encoders=1)
    courier(opened, open_target(script("hang").url, {"timeout": 1}, {})).start()
    picture = np.zeros((352, 640, 3), np.uint8)
    opened.expect(picture.nbytes)
    took = []
    for number in range(60):
        began = time.perf_counter()
        opened.offer(picture, tools.facts(number))
        took.append(time.perf_counter() - began)
        time.sleep(0.01)
    assert sorted(took)[len(took) // 2] < 0.001


def test_wrong_settings_of_a_courier(spool):
    opened = spool()
    with pytest.raises(SpoolError, match="the order must be"):
        Courier(opened, Fake(), order="easiest")
    with pytest.raises(SpoolError, match="at least one"):
        Courier(opened, Fake(), parallel=0)


def test_upload_from_attributes_and_sednas_environment(tmp_path, tools):
    upload = Upload(
        {"spool": str(tmp_path / "spool"), "quality": "80", "free_disk": "0", "order": "hardest", "windows": ""},
        {"HE_SAVED_URL": str(tmp_path / "he")},
    )
    offer = upload.offer(np.zeros((90, 160, 3), np.uint8), {**tools.facts(1), "pix_fmt": "bgr", "eos": False})
    assert offer.wait(10)
    tools.wait_for(lambda: (tmp_path / "he" / (offer.id + ".jpg")).exists())
    tools.wait_for(lambda: upload.status()["figures"].get("delivered") == 1)
    upload.close()
    assert survey(tmp_path / "spool")["delivered"] == 1
    assert upload.offer(np.zeros((9, 9, 3), np.uint8), {}).state == "refused"


def test_upload_without_a_spool_goes_on_and_finds_it_later(tmp_path, spool, tools, monkeypatch):
    monkeypatch.setattr("sedna_bridge.spool.upload.TRY_AGAIN", 0.05)
    owner = spool()
    upload = Upload({"spool": str(tmp_path / "spool"), "free_disk": "0"}, {})
    offer = upload.offer(tools.jpeg(), tools.facts())
    assert offer.state == "refused" and "belongs to process" in offer.reason
    assert upload.status()["refused_without_spool"] == 1
    owner.close()
    tools.wait_for(lambda: not upload.trouble)
    assert upload.offer(tools.jpeg(), tools.facts()).wait(10)
    upload.close()


@pytest.mark.parametrize(
    "attributes",
    [
        {"target": "ftp://x"},
        {"order": "easiest", "target": "/tmp/x"},
        {"when_full": "x"},
        {"bandwidth": "fast", "target": "/tmp/x"},
        {"quality": "101"},
        {"windows": "x"},
    ],
)
def test_upload_with_wrong_settings_raises_at_once(tmp_path, attributes):
    from sedna_bridge.errors import BridgeError

    with pytest.raises(BridgeError):
        Upload({"spool": str(tmp_path / "spool"), **attributes}, {})


def test_bits_and_places(tmp_path):
    assert [read_bits(text) for text in ("", "64kbit/s", "64k", "1.5M", "9600", "2 Gbit/s")] == [
        0,
        64e3,
        64e3,
        1.5e6,
        9600,
        2e9,
    ]
    assert str(state_directory("/a", {"SEDNABOX_STATE": "/b"})) == "/a"
    assert str(state_directory("", {"SEDNABOX_STATE": "/b"})) == "/b"
