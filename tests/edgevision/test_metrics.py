import numpy as np
import pytest

from edgevision.detections import Detections
from edgevision.errors import FrameError
from edgevision.metrics import judge


def found(*rows):
    return Detections.from_meta([list(r) for r in rows])


def test_all_right_is_one():
    truth = [[[0, 0, 10, 10, 0], [20, 20, 30, 30, 1]]]
    report = judge([found((0, 0, 10, 10, 0.9, 0), (20, 20, 30, 30, 0.8, 1))], truth, 2)
    assert report.map50 == 1 and report.precision == [1, 1] and report.recall == [1, 1]


def test_average_precision_by_hand():
    # Scores 0.9 hit, 0.8 miss, 0.7 hit, of 2 objects: envelope 1 up to recall 0.5, then 2/3.
    truth = [[[0, 0, 10, 10, 0], [50, 50, 60, 60, 0]]]
    report = judge([found((0, 0, 10, 10, 0.9, 0), (80, 80, 90, 90, 0.8, 0), (50, 50, 60, 60, 0.7, 0))], truth, 1)
    assert report.ap[0] == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert report.precision[0] == pytest.approx(2 / 3)


def test_an_object_counts_once():
    truth = [[[0, 0, 10, 10, 0]]]
    report = judge([found((0, 0, 10, 10, 0.9, 0), (0, 0, 10, 11, 0.8, 0))], truth, 1)
    assert report.precision == [0.5] and report.recall == [1.0] and report.ap == [1.0]


def test_the_wrong_class_misses():
    report = judge([found((0, 0, 10, 10, 0.9, 1))], [[[0, 0, 10, 10, 0]]], 2)
    assert report.recall == [0, 0] and report.ap[0] == 0 and np.isnan(report.ap[1]) and report.map50 == 0


def test_scores_are_ranked_over_all_pictures():
    truth = [[[0, 0, 10, 10, 0]], [[0, 0, 10, 10, 0]]]
    report = judge([found((50, 50, 60, 60, 0.95, 0)), found((0, 0, 10, 10, 0.9, 0))], truth, 1)
    assert report.ap[0] == pytest.approx(0.25)


def test_nothing_found_and_nothing_there():
    assert judge([Detections()], [[]], 1).map50 == 0
    assert judge([Detections()], [[[0, 0, 1, 1, 0]]], 1).recall == [0.0]


@pytest.mark.parametrize("truth", [[], [[[1, 2, 3]]]])
def test_wrong_truth_is_refused(truth):
    with pytest.raises(FrameError):
        judge([Detections()], truth, 1)
