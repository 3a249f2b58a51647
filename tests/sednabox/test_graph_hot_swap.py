"""graphs/helmet_hot_swap.toml through the real command: little, retrained, broken (taken back), big."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
pytest.importorskip("onnx")

from bench import hot_swap_story  # noqa: E402
from bench._timeline import draw  # noqa: E402


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_little_retrained_broken_big(tmp_path):
    story = hot_swap_story.tell(tmp_path / "site", frames=30)
    found = hot_swap_story.figures(story)
    log = story.log.read_text(encoding="utf-8")
    assert (found["lost"], found["doubled"], found["in_order"]) == (0, 0, True), (found, log)
    assert [version for version, _, _ in found["spans"]] == [
        "little@1", "little@2", "little@broken", "little@2", "big@1"]
    assert [(event, version) for event, version, _ in found["history"]] == [
        ("active", "little@2"), ("kept", "little@2"), ("active", "little@broken"), ("rolled_back", "little@broken"),
        ("active", "big@1"), ("kept", "big@1")]
    assert "the old model is sure of" in found["history"][3][2] or "boxes per frame" in found["history"][3][2]
    assert "little@broken: rolled_back" in log, "the reason is in the engine's log, too"
    ends = {version: (first, last) for version, first, last in found["spans"]}
    assert all(first <= last for first, last in ends.values())

    picture = draw(story.frames(), story.history())
    assert picture.shape[1] == 1400 and len(set(map(tuple, picture.reshape(-1, 3)[::50]))) > 5
