import numpy as np
import pytest

from edgevision.detections import Detections
from edgevision.errors import FrameError

ROWS = [[0.0, 1.0, 20.0, 30.0, 0.5, 2.0], [5.0, 5.0, 6.0, 7.0, 0.75, 0.0]]


def test_meta_goes_there_and_back():
    detections = Detections.from_meta(ROWS)
    assert detections.to_meta() == ROWS
    assert all(type(value) is float for row in detections.to_meta() for value in row)
    assert Detections.from_meta([]).to_meta() == [] and Detections.from_meta(None) == Detections()


def test_picking():
    detections = Detections.from_meta(ROWS)
    assert detections.above(0.6).classes.tolist() == [0]
    assert detections.of_class(2).scores.tolist() == [0.5]
    assert detections.best(1).classes.tolist() == [0]
    assert [cls for _, _, cls in detections] == [2, 0]


def test_clipping_cuts_and_drops():
    detections = Detections.from_meta([[-5, -5, 5, 5, 1, 0], [20, 20, 30, 30, 1, 0]]).clipped(10, 10)
    assert detections.boxes.tolist() == [[0, 0, 5, 5]]


@pytest.mark.parametrize("rows", [[[1, 2, 3]], [1, 2, 3, 4, 5, 6], "text", [["a"] * 6]])
def test_wrong_meta_is_refused(rows):
    with pytest.raises(FrameError, match="x1, y1, x2, y2, score, class"):
        Detections.from_meta(rows)


def test_lengths_must_agree():
    with pytest.raises(FrameError, match="as many boxes"):
        Detections(np.zeros((2, 4)), np.zeros(1), np.zeros(2))
