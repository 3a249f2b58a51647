import numpy as np
import pytest

from edgevision.alarms import WHOLE, Alarm, AlarmRule, inside, polygon
from edgevision.detections import Detections
from edgevision.errors import VisionError
from edgevision.eventlog import Pictures

CLASSES = ["person", "helmet", "helmet_on", "helmet_off"]
BARE = Detections.from_meta([[40, 40, 60, 60, 0.9, 3]])
NONE = Detections()


def events(alarm, seen, step=100, size=(100, 100)):
    """The times at which events come; `seen` says for each frame whether a bare head is in it."""
    return [k * step for k, here in enumerate(seen)
            if alarm.look(k * step, BARE if here else NONE, CLASSES, *size) is not None]


def test_it_takes_its_time_and_then_is_silent():
    assert events(Alarm(AlarmRule(seconds=1, again=2)), [1] * 50) == [1000, 3000]


def test_a_short_gap_does_not_end_it_a_long_one_does():
    rule = AlarmRule(seconds=1, gap=0.5, again=100)
    assert events(Alarm(rule), [1] * 6 + [0] * 3 + [1] * 10) == [1000]
    assert events(Alarm(rule), [1] * 6 + [0] * 6 + [1] * 20) == [2200]


def test_only_watched_classes_in_the_zone_count():
    left = polygon("0 0; 0.4 0; 0.4 1; 0 1")
    assert events(Alarm(AlarmRule(seconds=0, zone=left)), [1] * 5) == []
    assert events(Alarm(AlarmRule(("helmet_on",), seconds=0)), [1] * 5) == []
    assert events(Alarm(AlarmRule(seconds=0, score=0.95)), [1] * 5) == []
    assert events(Alarm(AlarmRule(seconds=0, zone=polygon("0.4,0.4, 0.6,0.4, 0.6,0.7, 0.4,0.7"))), [1]) == [0]


def test_a_source_that_begins_anew_begins_anew():
    alarm = Alarm(AlarmRule(seconds=1, again=1000))
    assert events(alarm, [1] * 20) == [1000]
    assert events(alarm, [1] * 20) == [1000]


def test_the_middle_of_the_lower_edge_counts_also_at_the_border():
    alarm = Alarm(AlarmRule(seconds=0))
    assert alarm.look(0, Detections.from_meta([[0, 90, 10, 100, 0.9, 3]]), CLASSES, 100, 100) is not None


def test_points_in_a_concave_zone():
    zone = polygon("0 0; 1 0; 1 1; 0.5 0.2; 0 1")
    points = np.array([[0.5, 0.1], [0.5, 0.6], [0.1, 0.6], [0.9, 0.6], [1.5, 0.5]])
    assert inside(points, zone).tolist() == [True, False, True, True, False]
    assert polygon("") == WHOLE


@pytest.mark.parametrize("text", ["0 0; 1 1", "0 0 1 0 1", "0 0; 1 0; 1 2", "a b c d e f"])
def test_zones_that_are_none(text):
    with pytest.raises(VisionError, match="zone: expected at least three points"):
        polygon(text)


def test_the_folder_of_pictures_keeps_the_newest(tmp_path):
    pictures = Pictures(str(tmp_path / "alarms"), keep=3)
    made = [pictures.save(np.zeros((8, 8, 3), np.uint8), "gate/1", k) for k in range(5)]
    assert sorted(str(p) for p in (tmp_path / "alarms").iterdir()) == sorted(made[2:])
