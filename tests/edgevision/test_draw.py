import numpy as np
import pytest

from edgevision.detections import Detections
from edgevision.draw import PALETTES, draw
from edgevision.errors import FrameError
from edgevision.frame import Frame

ROWS = [[20, 40, 60, 90, 0.9, 0], [70, 40, 90, 90, 0.8, 3]]


@pytest.mark.parametrize("make", [
    lambda p: p, Frame.from_array, lambda p: Frame.from_array(p[:, :, ::-1].copy(), "rgb"),
    lambda p: Frame.of(np.full(128 * 96 * 3 // 2, 128, np.uint8), "nv12", 128, 96)])
def test_boxes_are_drawn_into_a_copy(make):
    picture = np.full((96, 128, 3), 128, np.uint8)
    frame = make(picture)
    out = draw(frame, Detections.from_meta(ROWS), ("person", "helmet", "helmet_on", "helmet_off"), "sedna")
    assert (picture == 128).all()
    assert tuple(out[70, 20]) == PALETTES["sedna"][0] and tuple(out[70, 70]) == PALETTES["sedna"][3]
    assert out.shape == (96, 128, 3) and out.flags.c_contiguous


def test_labels_stay_inside_the_picture():
    for box in ([0, 0, 10, 10], [120, 0, 128, 96], [0, 90, 128, 96], [-50, -50, 500, 500]):
        out = draw(np.zeros((96, 128, 3), np.uint8), Detections.from_meta([[*box, 0.5, 1]]), ("a", "b"))
        assert (out > 0).any()


def test_labels_of_a_head_and_its_person_can_both_be_read():
    """Both boxes begin at the same place; in the colours of their labels the grounds must be whole."""
    rows = [[100, 100, 160, 300, 0.9, 0], [100, 100, 140, 140, 0.9, 3]]
    def pixels(of, colour):
        out = draw(np.zeros((352, 640, 3), np.uint8), Detections.from_meta(of), palette="sedna")
        return (out == colour).all(-1).sum()

    for row, colour in zip(rows, (PALETTES["sedna"][0], PALETTES["sedna"][3])):
        assert pixels(rows, colour) > 0.8 * pixels([row], colour)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (2160, 3840)])
def test_any_size_of_picture(size):
    assert draw(np.zeros((*size, 3), np.uint8), Detections.from_meta([[0, 0, 5, 5, 0.5, 9]])).shape == (*size, 3)


def test_nothing_to_draw_and_unknown_palette():
    picture = np.zeros((8, 8, 3), np.uint8)
    assert np.array_equal(draw(picture, Detections()), picture)
    with pytest.raises(FrameError, match="sedna"):
        draw(picture, Detections(), palette="pink")
