"""Frames that overtake each other by a hair are judged in order; frames that never come are not waited for long."""

import random
import threading
import time

from sedna_bridge.hard_examples.turnstile import Turnstile


def walk(turnstile, frames, threads=4, camera="gate", delay=0.0):
    """The order in which frames were judged that several threads took from a line, each with a pause of its own."""
    judged, line, lock = [], list(reversed(frames)), threading.Lock()
    dice = random.Random(3)

    def work():
        while True:
            with lock:
                if not line:
                    return
                index, pause = line.pop(), dice.random() * delay
            time.sleep(pause)
            with turnstile.turn(camera, index):
                judged.append(index)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return judged


def test_a_whole_stream_is_in_order():
    assert walk(Turnstile(longest=5.0), list(range(200)), delay=0.004) == list(range(200))


def test_a_sampled_stream_is_soon_not_held_up():
    turnstile = Turnstile(longest=0.2)
    frames = list(range(0, 300, 3))
    began = time.monotonic()
    assert walk(turnstile, frames, threads=1) == frames
    assert time.monotonic() - began < 3.0


def test_frames_that_wait_for_a_dropped_one_go_on_in_order():
    assert walk(Turnstile(longest=0.3), [0, 1, 2, 5, 6, 7, 8], delay=0.01) == [0, 1, 2, 5, 6, 7, 8]


def test_a_stream_that_begins_again_is_not_held_up():
    turnstile = Turnstile(longest=30.0)
    began = time.monotonic()
    for _ in range(3):
        assert walk(turnstile, list(range(20)), threads=1) == list(range(20))
    assert walk(turnstile, list(range(20)), threads=1, camera="crane") == list(range(20))
    assert time.monotonic() - began < 10.0


def test_a_judge_that_fails_does_not_keep_the_others_out():
    turnstile = Turnstile(longest=30.0)
    try:
        with turnstile.turn("gate", 0):
            raise ValueError
    except ValueError:
        pass
    with turnstile.turn("gate", 1):
        pass
