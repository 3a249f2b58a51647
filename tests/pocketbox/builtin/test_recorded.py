"""The built-in units against what the real engine's units gave for the same buffers: pixels, meta, errors."""
from __future__ import annotations

import glob
import json
import os
import sys
from typing import Any

import av
import pytest

from pocketbox.runner import run_file

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import recorded  # noqa: E402

sys.path.remove(HERE)
CASES = []
for path in sorted(glob.glob(os.path.join(HERE, "cases", "*.json"))):
    if not path.endswith("differences.json"):
        with open(path, encoding="utf-8") as stream:
            CASES += json.load(stream)
with open(os.path.join(HERE, "cases", "differences.json"), encoding="utf-8") as stream:
    DIFFERENCES = json.load(stream)
OUTCOMES = {0: "ended", 1: "failed", 2: "failed"}


def replay(case: dict[str, Any], folder: str) -> dict[str, Any]:
    graph = os.path.join(folder, "graph.toml")
    with open(graph, "w", encoding="utf-8") as out:
        out.write(recorded.graph_of(case, folder))
    return {"outcome": OUTCOMES[run_file(graph)], **recorded.results(case, folder)}


def differences(want: Any, got: Any, at: str = "") -> list[str]:
    """Where two outcomes differ. Numbers of pixels may be off by a little; a checksum counts only if these do not."""
    if isinstance(want, dict) and isinstance(got, dict):
        out = []
        exact = want.get("crc") == got.get("crc")
        for key in sorted(set(want) | set(got)):
            if key == "crc" or (exact and key in ("mean", "head") and "crc" in want):
                continue
            if key not in want or key not in got:
                out.append("%s/%s: wanted %r, got %r" % (at, key, want.get(key, "nothing"), got.get(key, "nothing")))
            elif key in ("values", "head", "mean") and not exact:
                if not near(want[key], got[key]):
                    out.append("%s/%s: wanted %r, got %r" % (at, key, want[key], got[key]))
            else:
                out += differences(want[key], got[key], at + "/" + key)
        return out
    if isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        return [line for i, (w, g) in enumerate(zip(want, got)) for line in differences(w, g, "%s[%d]" % (at, i))]
    return [] if want == got else ["%s: wanted %r, got %r" % (at, want, got)]


def near(want: Any, got: Any, tolerance: float = 3.01) -> bool:
    if isinstance(want, list):
        return len(want) == len(got) and all(near(w, g) for w, g in zip(want, got))
    return bool(abs(want - got) <= tolerance) if want == want else got != got


def with_ffmpeg_9(want: dict[str, Any], got: dict[str, Any]) -> None:
    """It puts the header of a raw stream in front with start codes of four bytes, two of them; it was three."""
    first, second = want["streams"][0]["buffers"][0], got["streams"][0]["buffers"][0]
    assert second["bytes"] == first["bytes"] + 2 and second["head"][0] == 0 and second["head"][1:] == first["head"][:-1]
    for key in ("bytes", "shape", "head", "mean", "crc"):
        second[key] = first[key]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_as_recorded(case: dict[str, Any], tmp_path: Any) -> None:
    want = DIFFERENCES.get(case["name"], {}).get("expect", case["expect"])
    got = replay(case, str(tmp_path))
    if case["name"] == "packets_raw_h264" and av.library_versions["libavcodec"] >= (63,):
        with_ffmpeg_9(want, got)
    found = differences(want, got)
    assert not found, "\n".join(found)


def test_every_difference_has_a_case_and_a_reason() -> None:
    names = {case["name"] for case in CASES}
    for name, entry in DIFFERENCES.items():
        assert name in names and entry["why"] and entry["expect"]
