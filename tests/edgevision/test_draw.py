import numpy as np
import pytest

from edgevision.detections import Detections
from edgevision.draw import PALETTES, draw, drawn
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


@pytest.mark.parametrize("form", ["nv12", "i420"])
def test_what_is_drawn_into_a_video_frame_looks_as_in_a_picture(form):
    block = np.random.default_rng(4).integers(60, 180, 640 * 360 * 3 // 2, dtype=np.uint8)
    frame, before = Frame.of(block, form, 640, 360), block.copy()
    rows = Detections.from_meta([[100, 100, 200, 300, 0.9, 0], [120, 104, 160, 140, 0.9, 3],
                                 [630, 350, 640, 360, 1, 2]])
    out = drawn(frame, rows, ("person", "helmet", "helmet_on", "helmet_off"), "sedna")
    assert out.format == "nv12" and np.array_equal(block, before)
    wanted = draw(frame, rows, ("person", "helmet", "helmet_on", "helmet_off"), "sedna").astype(int)
    far = np.abs(out.bgr().astype(int) - wanted).max(axis=-1) > 60
    assert far.mean() < 0.01, "only the edges of lines and letters may differ"
    touched = (wanted != frame.bgr()).any(axis=-1)
    assert touched.mean() > 0.01
    assert (np.abs(out.bgr().astype(int) - frame.bgr()).max(axis=-1)[~touched] > 60).mean() < 0.005


@pytest.mark.parametrize("width, height", [(1, 1), (2, 2), (33, 47), (34, 46)])
def test_video_frames_of_any_size(width, height):
    size = width * height + 2 * ((width + 1) // 2) * ((height + 1) // 2)
    frame = Frame.of(np.full(size, 90, np.uint8), "nv12", width, height)
    out = drawn(frame, Detections.from_meta([[0, 0, 500, 500, 0.5, 0]]), ("a",))
    even = width % 2 == height % 2 == 0
    assert (out.format, out.width, out.height) == ("nv12" if even else "bgr", width, height)
    assert (out.bgr() != frame.bgr()).any()
