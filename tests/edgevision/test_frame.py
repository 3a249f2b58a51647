import numpy as np
import pytest

from edgevision.errors import FrameError
from edgevision.frame import Frame


def yuv_reference(y, u, v):
    """BT.601, limited range, by the textbook; chroma repeated."""
    h, w = y.shape
    up = lambda p: np.repeat(np.repeat(p, 2, axis=0), 2, axis=1)[:h, :w].astype(float) - 128
    y, u, v = y.astype(float) - 16, up(u), up(v)
    rgb = np.stack([1.164 * y + 1.596 * v, 1.164 * y - 0.813 * v - 0.391 * u, 1.164 * y + 2.018 * u], -1)
    return np.clip(np.rint(rgb), 0, 255).astype(int)


def planes(rng, w, h):
    return (rng.integers(16, 236, (h, w), np.uint8), rng.integers(16, 241, ((h + 1) // 2, (w + 1) // 2), np.uint8),
            rng.integers(16, 241, ((h + 1) // 2, (w + 1) // 2), np.uint8))


@pytest.mark.parametrize("w, h", [(64, 48), (2, 2), (63, 48), (64, 47), (1, 1)])
@pytest.mark.parametrize("name", ["i420", "nv12"])
def test_yuv_becomes_the_textbook_colours(name, w, h):
    y, u, v = planes(np.random.default_rng(1), w, h)
    chroma = np.stack([u, v], 0 if name == "i420" else -1)
    block = np.concatenate([y.ravel(), chroma.ravel()])
    frame = Frame.of(block, name, w, h) if w % 2 == 0 else Frame.from_planes(
        name, w, h, [y, u, v] if name == "i420" else [y, np.dstack([u, v])])
    want = yuv_reference(y, u, v)
    assert np.abs(frame.rgb().astype(int) - want).max() <= 2
    assert np.abs(frame.bgr()[:, :, ::-1].astype(int) - want).max() <= 2


@pytest.mark.parametrize("name", ["i420", "nv12"])
def test_strides_with_gaps_are_read_right(name):
    w, h, stride, rows = 64, 48, 96, 56
    y, u, v = planes(np.random.default_rng(2), w, h)
    tall = np.full((rows, stride), 7, np.uint8)
    tall[:h, :w] = y
    if name == "nv12":
        chroma = np.full((rows // 2, stride), 7, np.uint8)
        chroma[:h // 2, :w] = np.dstack([u, v]).reshape(h // 2, w)
        block = np.concatenate([tall.ravel(), chroma.ravel()])
    else:
        parts = []
        for p in (u, v):
            part = np.full((rows // 2, stride // 2), 7, np.uint8)
            part[:h // 2, :w // 2] = p
            parts.append(part.ravel())
        block = np.concatenate([tall.ravel(), *parts])
    frame = Frame.of(block, name, w, h, stride, rows)
    dense = Frame.from_planes("i420", w, h, [y, u, v])
    assert np.array_equal(frame.bgr(), dense.bgr())
    assert np.array_equal(frame.gray(), y)
    assert frame.planes[0].base is not None and np.shares_memory(frame.planes[0], block)


def test_packed_strides_may_count_bytes_or_pixels():
    wide = np.arange(4 * 10 * 3, dtype=np.uint8).reshape(4, 10, 3)
    for stride in (30, 10):
        assert np.array_equal(Frame.of(wide.ravel(), "bgr", 8, 4, stride).bgr(), wide[:, :8])


def test_bgr_is_a_view_and_rgb_a_new_array():
    picture = np.random.default_rng(3).integers(0, 255, (5, 7, 3), np.uint8)
    frame = Frame.from_array(picture)
    assert np.shares_memory(frame.bgr(), picture)
    assert np.array_equal(frame.rgb(), picture[:, :, ::-1]) and not np.shares_memory(frame.rgb(), picture)
    assert frame.gray().shape == (5, 7)


def test_packed_and_meta_describe_the_same_memory():
    y, u, v = planes(np.random.default_rng(4), 64, 48)
    frame = Frame.from_planes("i420", 64, 48, [y, u, v])
    meta = frame.meta()
    again = Frame.of(frame.packed(), meta["pix_fmt"], meta["width"], meta["height"], meta["width_stride"],
                     meta["height_stride"])
    assert np.array_equal(again.bgr(), frame.bgr())
    assert Frame.from_array(np.zeros((4, 6, 3), np.uint8)).meta()["width_stride"] == 18


@pytest.mark.parametrize("make, words", [
    (lambda: Frame.of(b"12", "bgr", 4, 4), "at least 48 bytes, got 2"),
    (lambda: Frame.of(b"12", "p010", 4, 4), "p010"),
    (lambda: Frame.of(b"12", "nv12", 0, 4), "width"),
    (lambda: Frame.of(b"12", "nv12", 4, "x"), "height"),
    (lambda: Frame.of(np.zeros(100, np.uint8), "nv12", 8, 8, 4), "strides"),
    (lambda: Frame.from_array(np.zeros((4, 4), np.uint8)), r"\(h, w, 3\)"),
    (lambda: Frame.from_array(np.zeros((4, 4, 3), np.float32)), "float32"),
    (lambda: Frame.from_array(np.zeros((0, 4, 3), np.uint8)), "not empty"),
    (lambda: Frame.from_planes("i420", 4, 4, [np.zeros((4, 4), np.uint8)]), "planes"),
])
def test_wrong_descriptions_are_refused(make, words):
    with pytest.raises(FrameError, match=words):
        make()
