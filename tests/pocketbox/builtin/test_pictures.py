"""The image units as pieces: no copies, no harm to inputs, colours, and the listing."""
from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from pocketbox.builtin import descriptors
from pocketbox.sdk.buffer import Buffer
from pocketbox.testing import UnitUnderTest, frames

UNITS = {unit.name: unit for unit in descriptors()}


def made(name: str, **config: Any) -> UnitUnderTest:
    return UnitUnderTest(UNITS[name], config)


def one(unit: UnitUnderTest, buffer: Any, port: str = "in_image") -> Buffer:
    (result,) = next(iter(unit.process({port: [buffer]}).values()))
    return result


@pytest.mark.parametrize(("source", "target", "pixel", "want"), [
    ("bgr", "rgb", (10, 20, 30), [30, 20, 10]), ("rgb", "bgr", (10, 20, 30), [30, 20, 10]),
    ("rgb", "gray", (255, 0, 0), [76]), ("bgr", "gray", (255, 0, 0), [29])])
def test_color_convert(source: str, target: str, pixel: Any, want: Any) -> None:
    buffer = frames(1, pix_fmt=source)[0]
    np.asarray(buffer)[:] = pixel
    out = one(made("color_convert", out_pix_fmt=target), buffer)
    assert np.asarray(out)[5, 5].tolist() == want
    assert (out.get("pix_fmt"), out.get("channel"), out.get("index")) == (target, len(want), 0)
    back = one(made("color_convert", out_pix_fmt="rgb"), out)
    assert np.asarray(back).shape == (48, 64, 3) and back.get("width_stride") == 192


def test_color_convert_refuses() -> None:
    out = one(made("color_convert", out_pix_fmt="rgb"), frames(1, pix_fmt="nv12")[0])
    assert out.has_error() and "nv12" in out.get_error_msg()
    with pytest.raises(Exception, match="rgb, bgr, gray"):
        made("color_convert", out_pix_fmt="cmyk")
    with pytest.raises(Exception, match="out_pix_fmt is missing"):
        made("color_convert")


@pytest.mark.parametrize(("name", "config", "side"), [
    ("resize", {"image_width": 9, "image_height": 5}, None), ("padding", {"image_width": 99, "image_height": 77}, None),
    ("image_rotate", {"rotate_angle": 90}, None), ("packed_planar_transpose", {}, None),
    ("color_convert", {"out_pix_fmt": "rgb"}, None), ("crop", {}, np.array([1, 2, 3, 4], np.int32)),
    ("draw_bbox", {}, np.frombuffer(np.array([5, 5, 20, 20], np.float32).tobytes() + bytes(8), np.uint8))])
def test_the_input_stays_as_it_was(name: str, config: Any, side: Any) -> None:
    buffer = frames(1)[0]
    before, keys = np.asarray(buffer).copy(), dict(buffer._meta)
    inputs = {"in_image": [buffer]}
    if side is not None:
        inputs["in_region"] = [side]
    (out,) = made(name, **config).process(inputs)["out_image"]
    assert not out.has_error() and not np.shares_memory(np.asarray(out), np.asarray(buffer))
    assert np.array_equal(np.asarray(buffer), before) and dict(buffer._meta) == keys


def test_what_needs_no_work_is_handed_on_without_a_copy() -> None:
    buffer = frames(1, rotate_angle=0)[0]
    for unit in (made("image_rotate"), made("color_convert", out_pix_fmt="bgr")):
        assert np.shares_memory(np.asarray(one(unit, buffer)), np.asarray(buffer))


@pytest.mark.parametrize("name", ["resize", "padding", "image_rotate", "packed_planar_transpose", "color_convert"])
def test_a_buffer_shorter_than_its_meta_is_an_error(name: str) -> None:
    config = {"resize": {"image_width": 9, "image_height": 5}, "padding": {"image_width": 99, "image_height": 77},
              "image_rotate": {"rotate_angle": 90}, "color_convert": {"out_pix_fmt": "rgb"}}.get(name, {})
    out = one(made(name, **config), _short())
    assert out.has_error() and "its meta says 64 x 480" in out.get_error_msg()


def _short() -> Buffer:
    buffer = frames(1)[0]
    buffer.set("height", 480)
    return buffer


def test_boxes_that_lie_far_outside_do_no_harm() -> None:
    box = np.array([np.nan, -1e30, np.inf, 1e30], np.float32).tobytes() + bytes(8)
    inputs = {"in_image": frames(1), "in_region": [np.frombuffer(box, np.uint8)]}
    (out,) = made("draw_bbox").process(inputs)["out_image"]
    assert not out.has_error()


def test_listing_imports_no_heavy_library() -> None:
    code = ("import sys, pocketbox.builtin as b; assert len(b.descriptors()) == 22; "
            "print([m for m in ('cv2', 'av', 'onnxruntime', 'requests') if m in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
