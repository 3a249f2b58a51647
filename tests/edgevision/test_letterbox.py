import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgevision.errors import FrameError
from edgevision.frame import Frame
from edgevision.letterbox import InputSpec, Letterbox, fit


def resize_reference(plane, nw, nh):
    """Bilinear, pixel centres at halves, borders repeated: written from the definition."""
    h, w = plane.shape[:2]
    x = np.clip((np.arange(nw) + 0.5) * w / nw - 0.5, 0, w - 1)
    y = np.clip((np.arange(nh) + 0.5) * h / nh - 0.5, 0, h - 1)
    x0, y0 = np.floor(x).astype(int), np.floor(y).astype(int)
    x1, y1 = np.minimum(x0 + 1, w - 1), np.minimum(y0 + 1, h - 1)
    fx, fy = (x - x0), (y - y0)
    p = plane.astype(float).reshape(h, w, -1)
    top = p[y0][:, x0] * (1 - fx)[None, :, None] + p[y0][:, x1] * fx[None, :, None]
    low = p[y1][:, x0] * (1 - fx)[None, :, None] + p[y1][:, x1] * fx[None, :, None]
    return (top * (1 - fy)[:, None, None] + low * fy[:, None, None]).reshape(nh, nw, *plane.shape[2:])


def letterbox_reference(rgb, W, H, fill=128):
    """Sedna's letterbox, step by step."""
    h, w = rgb.shape[:2]
    scale = min(W / w, H / h)
    nw, nh = max(1, int(w * scale)), max(1, int(h * scale))
    out = np.full((H, W, 3), float(fill))
    top, left = int((H - nh) / 2), int((W - nw) / 2)
    out[top:top + nh, left:left + nw] = np.rint(resize_reference(rgb, nw, nh))
    return out / 255


@pytest.mark.parametrize("w, h", [(1280, 720), (640, 352), (100, 300), (1, 1), (37, 19), (8192, 16)])
def test_bgr_equals_sednas_letterbox(w, h):
    picture = np.random.default_rng(5).integers(0, 255, (h, w, 3), np.uint8)
    spec = InputSpec(160, 88)
    tensor = spec.tensor()
    Letterbox(spec).into(Frame.from_array(picture), tensor[0])
    want = letterbox_reference(picture[:, :, ::-1], 160, 88).transpose(2, 0, 1)
    assert np.abs(tensor[0] - want).max() <= 1.51 / 255


@pytest.mark.parametrize("name", ["i420", "nv12"])
@pytest.mark.parametrize("w, h", [(1280, 720), (320, 176), (322, 178), (100, 300), (2, 2)])
def test_yuv_planes_are_resized_first(name, w, h):
    rng = np.random.default_rng(6)
    ramp = np.add.outer(np.linspace(30, 120, h), np.linspace(0, 100, w))
    y = (ramp + rng.integers(0, 6, (h, w))).astype(np.uint8)
    u = np.add.outer(np.linspace(90, 130, (h + 1) // 2), np.linspace(0, 40, (w + 1) // 2)).astype(np.uint8)
    v = u[::-1, ::-1].copy()
    frame = Frame.from_planes(name, w, h, [y, u, v] if name == "i420" else [y, np.dstack([u, v])])
    spec = InputSpec(160, 88)
    tensor = spec.tensor()
    place = Letterbox(spec).into(frame, tensor[0])
    nw, nh = place.width, place.height
    ry = np.rint(resize_reference(y, nw, nh)) - 16
    half = (np.rint(resize_reference(p, (nw + 1) // 2, (nh + 1) // 2)) - 128 for p in (u, v))
    ru, rv = (np.repeat(np.repeat(p, 2, 0), 2, 1)[:nh, :nw] for p in half)
    rgb = np.stack([1.164 * ry + 1.596 * rv, 1.164 * ry - 0.813 * rv - 0.391 * ru, 1.164 * ry + 2.018 * ru], -1)
    want = np.full((88, 160, 3), 128.0)
    want[place.top:place.top + nh, place.left:place.left + nw] = np.clip(np.rint(rgb), 0, 255)
    assert np.abs(tensor[0].transpose(1, 2, 0) * 255 - want).max() <= 6  # one level of luma and of chroma each


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("kind", ["float32", "uint8"])
@pytest.mark.parametrize("color", ["rgb", "bgr"])
def test_every_layout_holds_the_same_pixels(layout, kind, color):
    picture = np.random.default_rng(7).integers(0, 255, (88, 160, 3), np.uint8)
    mean, scale = (1.0, 2.0, 3.0), (0.5, 0.25, 0.125)
    spec = InputSpec(160, 88, layout, color, kind, mean, scale)
    tensor = spec.tensor()
    Letterbox(spec).into(Frame.from_array(picture), tensor[0])
    got = tensor[0].transpose(1, 2, 0) if layout == "nchw" else tensor[0]
    plain = picture if color == "bgr" else picture[:, :, ::-1]
    want = plain if kind == "uint8" else (plain - np.array(mean, np.float32)) * np.array(scale, np.float32)
    assert np.array_equal(got, want.astype(kind))


def test_a_smaller_frame_leaves_nothing_of_the_one_before():
    spec = InputSpec(64, 64, fill=9)
    box, tensor = Letterbox(spec), spec.tensor()
    box.into(Frame.from_array(np.full((64, 64, 3), 200, np.uint8)), tensor[0])
    box.into(Frame.from_array(np.full((16, 64, 3), 100, np.uint8)), tensor[0])
    fresh = spec.tensor()
    Letterbox(spec).into(Frame.from_array(np.full((16, 64, 3), 100, np.uint8)), fresh[0])
    assert np.array_equal(tensor, fresh)


def test_gray_frames_become_grey():
    spec = InputSpec(32, 32, letterbox="stretch")
    tensor = spec.tensor()
    Letterbox(spec).into(Frame.from_array(np.full((9, 9), 51, np.uint8), "gray"), tensor[0])
    assert np.allclose(tensor, 0.2)


@given(w=st.integers(1, 8192), h=st.integers(1, 8192), mode=st.sampled_from(["center", "topleft", "stretch"]))
@settings(max_examples=200, deadline=None)
def test_boxes_come_back_to_where_they_were(w, h, mode):
    place = fit(w, h, 640, 352, mode)
    boxes = np.array([[0, 0, w, h], [w * 0.25, h * 0.5, w * 0.3, h * 0.9]], np.float32)
    there = place.to_input(boxes)
    assert there.min() >= -0.01 and there[:, 2].max() <= 640.01 and there[:, 3].max() <= 352.01
    assert np.allclose(place.to_frame(there), boxes, rtol=1e-4, atol=max(w, h) * 1e-4)


def test_sednas_numbers():
    assert fit(1280, 720, 640, 352)[2:] == (7, 0, 625, 352)
    assert fit(1920, 1080, 736, 416)[2:] == (0, 1, 736, 414)


def test_unknown_mode():
    with pytest.raises(FrameError, match="middle"):
        fit(1, 1, 1, 1, "middle")
