import numpy as np
import pytest

from edgevision.errors import ModelError
from edgevision.golden import copy_golden, golden_frames, write_golden


def test_written_read_and_handed_on(tmp_path):
    assert golden_frames(tmp_path) == []
    write_golden(tmp_path / "a", [np.full((32, 48, 3), 40 * k, np.uint8) for k in range(3)])
    copy_golden(tmp_path / "a", tmp_path / "b")
    frames = golden_frames(tmp_path / "b")
    assert [round(float(f.bgr().mean()) / 40) for f in frames] == [0, 1, 2] and frames[0].width == 48
    write_golden(tmp_path / "a", [])
    assert golden_frames(tmp_path / "a") == []


def test_a_broken_one_is_named(tmp_path):
    write_golden(tmp_path, [])
    (tmp_path / "golden" / "x.jpg").write_bytes(b"broken")
    with pytest.raises(ModelError, match=r"x\.jpg"):
        golden_frames(tmp_path)
