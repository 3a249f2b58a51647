import numpy as np
import pytest

from edgevision.errors import VisionError
from edgevision.frame import Frame
from edgevision.sampling import Rule, Sampler


def passed(sampler, times):
    return [t for t in times if not sampler.reason(t)]


def test_every_nth():
    assert passed(Sampler(Rule("every", n=4)), range(10)) == [0, 4, 8]


@pytest.mark.parametrize("rate, fps", [(25, 10), (30, 10), (12.5, 5), (25, 25), (25, 1), (10, 30)])
def test_fps_is_kept_over_ten_seconds(rate, fps):
    times = [round(k * 1000 / rate) for k in range(int(10 * rate))]
    assert abs(len(passed(Sampler(Rule("fps", fps=fps)), times)) - 10 * min(fps, rate)) <= 1


def test_fps_goes_on_after_a_gap_and_after_a_jump_back():
    times = [*range(0, 1000, 40), *range(60000, 61000, 40), *range(0, 1000, 40)]
    assert len(passed(Sampler(Rule("fps", fps=5)), times)) in (15, 16, 17)


def test_newest_drops_what_is_overtaken_or_old():
    sampler = Sampler(Rule("newest", age=0.5), clock=lambda: 100.0)
    assert sampler.reason(0, 99.9, newer=2) == "overtaken"
    assert sampler.reason(0, 99.4) == "stale"
    assert sampler.reason(0, 99.6) == ""
    assert sampler.reason(0, None) == ""


def still(value=100, moved=0):
    picture = np.full((360, 640, 3), value, np.uint8)
    if moved:
        picture[100:180, moved:moved + 60] = 250
    return Frame.from_array(picture)


def test_motion_passes_what_moves_and_something_now_and_then():
    sampler = Sampler(Rule("motion", quiet=10))
    assert sampler.reason(0, frame=still()) == ""
    assert sampler.reason(40, frame=still()) == "still"
    assert sampler.reason(80, frame=still(108)) == "still"      # the sun comes out
    assert sampler.reason(120, frame=still(100, 300)) == ""
    assert sampler.reason(160, frame=still(100, 300)) == "still"
    assert sampler.reason(10130, frame=still(100, 300)) == ""
    assert sampler.reason(10140, frame=Frame.from_array(np.zeros((2, 1, 3), np.uint8))) == ""


@pytest.mark.parametrize("wrong", [{"mode": "some"}, {"n": 0}, {"fps": 0}, {"area": 0}, {"area": 2}, {"level": 0},
                                   {"age": -1}])
def test_rules_that_cannot_be(wrong):
    with pytest.raises(VisionError, match=next(iter(wrong))):
        Rule(**wrong)
