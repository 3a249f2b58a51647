"""What frames see of a swap, with a real stamping and a real judging thread."""

import queue
import threading
import time

import pytest

from sedna_bridge.models import ModelError, Switchboard, publish, published, withdraw


class Session:
    def __init__(self, name):
        self.name = name
        self.released = False


def detect(session, frames):
    assert not session.released
    return [[[0, 0, 1, 1, 0.5, 0]] for _ in frames]


def board_with(*versions):
    board = Switchboard(hold_limit=5.0)
    for version in versions:
        board.put(version, Session(version))
    board.switch(versions[0], 1)
    return board


def test_a_switch_falls_between_two_frames_and_the_old_session_waits_for_its_last_one():
    board = board_with("a", "b")
    before = [board.stamp() for _ in range(3)]
    board.switch("b", 2)
    after = board.stamp()
    assert [s.version for s in before] == ["a"] * 3 and after == ("b", 2)
    assert board.take_off("a") is None, "its frames are still on the way"
    for stamp in before:
        assert board.judge(stamp.version, ["f"], detect)[1] == "a"
    assert board.take_off("a").name == "a"
    assert board.take_off("b") is None, "it is the active one"


def test_frames_that_are_lost_do_not_keep_a_session_for_ever():
    board = board_with("a", "b")
    board.stamp()
    dropped = board.stamp()
    board.dropped(dropped.version)
    board.switch("b", 2)
    assert board.take_off("a") is None
    assert board.take_off("a", force=True).name == "a"
    assert board.judge("a", ["late"], detect)[1] == "b" and board.counts.late == 1


def test_a_session_that_judges_is_never_taken():
    board = board_with("a", "b")
    stamp = board.stamp()
    inside, go = threading.Event(), threading.Event()

    def slow(session, frames):
        inside.set()
        go.wait(5)
        return detect(session, frames)

    thread = threading.Thread(target=board.judge, args=(stamp.version, ["f"], slow))
    thread.start()
    inside.wait(5)
    board.switch("b", 2)
    assert board.take_off("a", force=True) is None
    go.set()
    thread.join()
    assert board.take_off("a").name == "a"


def test_frames_wait_while_the_line_is_held():
    board = board_with("a")
    board.hold()
    got = []
    thread = threading.Thread(target=lambda: got.append(board.stamp()))
    thread.start()
    assert board.take_off("a", force=True)
    time.sleep(0.05)
    assert not got
    board.put("b", Session("b"))
    board.switch("b", 2)
    thread.join(5)
    assert got == [("b", 2)] and board.counts.held_seconds > 0.01


def test_the_old_model_judges_what_the_one_on_trial_cannot():
    board = board_with("a", "b")
    board.switch("b", 2, "a")

    def call(session, frames):
        if session.name == "b":
            raise ValueError("no")
        return detect(session, frames)

    found, by = board.judge(board.stamp().version, ["f"], call)
    assert by == "a" and found and board.counts.rescued == 1 and board.tally("b").errors == 1
    board.end_trial()
    with pytest.raises(ValueError):
        board.judge(board.stamp().version, ["f"], call)


def test_nan_on_trial_counts_as_an_error():
    board = board_with("a", "b")
    board.switch("b", 2, "a")

    def call(session, frames):
        return [[[0, 0, 1, 1, float("nan") if session.name == "b" else 0.5, 0]] for _ in frames]

    assert board.judge(board.stamp().version, ["f"], call)[1] == "a"


def test_closing_wakes_frames_that_wait():
    board = board_with("a")
    board.hold()
    errors = []

    def wait():
        try:
            board.stamp()
        except ModelError as error:
            errors.append(str(error))

    thread = threading.Thread(target=wait)
    thread.start()
    board.close()
    thread.join(2)
    assert not thread.is_alive() and "closed" in errors[0]
    assert board.take_off("a").name == "a"
    with pytest.raises(ModelError, match="no model is loaded"):
        board.judge("a", ["f"], detect)


def test_serials_only_grow_and_boards_are_found_by_name():
    board = board_with("a", "b")
    assert board.switch("b", 7) == 7 and board.switch("a", 3) == 8
    publish(board, "door")
    assert published("door") is board
    withdraw("door")
    with pytest.raises(ModelError, match="model_hot_swap"):
        published("door")
    with pytest.raises(ModelError, match="no model is active"):
        Switchboard().stamp()


def test_five_hundred_swaps_under_load_lose_no_frame():
    board = board_with("v0")
    frames, judged, end = queue.Queue(8), [], threading.Event()

    def camera():
        number = 0
        while not end.is_set():
            frames.put((number, board.stamp()))
            number += 1
        frames.put(None)

    def judge():
        while True:
            item = frames.get()
            if item is None:
                return
            _, by = board.judge(item[1].version, [item[0]], detect)
            judged.append((item[0], item[1], by))

    threads = [threading.Thread(target=camera), threading.Thread(target=judge)]
    for thread in threads:
        thread.start()
    for number in range(1, 501):
        new, old = "v%d" % number, "v%d" % (number - 1)
        board.put(new, Session(new))
        board.switch(new, number + 1)
        assert board.wait_drained(old, 10)
        board.take_off(old).released = True
    end.set()
    for thread in threads:
        thread.join(20)
    assert [n for n, _, _ in judged] == list(range(len(judged))) and len(judged) > 500
    assert [s.serial for _, s, _ in judged] == sorted(s.serial for _, s, _ in judged)
    assert all(by == stamp.version for _, stamp, by in judged) and board.counts.late == 0


def test_frames_that_a_unit_dropped_are_not_waited_for_while_the_line_stands_still():
    board = board_with("a", "b")
    stamps = [board.stamp() for _ in range(4)]
    board.hold()

    def slowly():
        for stamp in stamps[:2]:
            time.sleep(0.2)
            board.judge(stamp.version, ["f"], detect)

    judge = threading.Thread(target=slowly)
    judge.start()
    began = time.monotonic()
    assert not board.wait_drained("a", 10.0, quiet=0.5), "two of four frames never come"
    assert 0.8 < time.monotonic() - began < 5.0
    judge.join()
    assert board.counts.through == 2, "frames that come through are waited for"
    assert board.take_off("a", force=True).name == "a"
    board.switch("b", 2)
    assert board.judge("a", ["f"], detect)[1] == "b" and board.counts.late == 1, "one that comes later after all"
