"""The shipped models keep what their manifests and the docs promise, on a part of their test sets."""
from pathlib import Path

import numpy as np
import pytest

from edgevision.detector import Detector
from edgevision.frame import Frame
from edgevision.manifest import Manifest
from edgevision.metrics import judge
from edgevision.scenes import CLASSES, Scene

MODELS = Path(__file__).resolve().parents[2] / "models"
NAMES = ["little", "big"]


def map50(name, domain, count=40):
    pictures = [Scene(900_001, domain).picture(k) for k in range(count)]
    with Detector(MODELS / name, score_threshold=0.02, threads=1) as detector:
        found = [detector.detect([Frame.from_array(p.bgr)])[0] for p in pictures]
    return judge(found, [np.array(p.labels).reshape(-1, 5) for p in pictures], 4).map50


@pytest.fixture(scope="module")
def figures():
    return {(name, domain): map50(name, domain) for name in NAMES for domain in ("day", "night")}


@pytest.mark.parametrize("name", NAMES)
def test_folders_are_whole(name):
    manifest = Manifest.read(MODELS / name)
    manifest.verify_file()
    assert manifest.model.name == name and manifest.output.classes == CLASSES
    card = (MODELS / name / "card.md").read_text(encoding="utf-8")
    assert card.startswith("# %s %s" % (name, manifest.model.version))
    with Detector(MODELS / name, threads=1) as detector:
        assert detector.warm_up() < 5 and detector.batch is None


def test_sizes():
    assert Manifest.read(MODELS / "little").model.size <= 2_000_000
    assert sum(p.stat().st_size for p in MODELS.rglob("*") if p.is_file()) <= 15_000_000


def test_little_sees_by_day_and_fails_at_night(figures):
    assert figures["little", "day"] >= 0.85
    assert figures["little", "night"] <= figures["little", "day"] - 0.3


@pytest.mark.parametrize("domain", ["day", "night"])
def test_big_is_clearly_better(figures, domain):
    assert figures["big", domain] >= figures["little", domain] + 0.03  # 0.05 on the whole set, see the manifests
    whole = [Manifest.read(MODELS / name).metrics[domain]["mAP50"] for name in ("big", "little")]
    assert whole[0] >= whole[1] + 0.05


@pytest.mark.parametrize("name", NAMES)
def test_the_manifest_says_what_was_measured(name, figures):
    for domain in ("day", "night"):
        assert abs(Manifest.read(MODELS / name).metrics[domain]["mAP50"] - figures[name, domain]) < 0.06


@pytest.mark.train
def test_figures_name_the_test_set_by_its_hash():
    pytest.importorskip("torch")
    from edgevision.training.recipe import TEST_DOMAINS
    from edgevision.training.recipe import TestSet as SceneTestSet
    for name in NAMES:
        metrics = Manifest.read(MODELS / name).metrics
        assert {d: metrics[d]["data_sha256"] for d in TEST_DOMAINS} == {d: SceneTestSet(d).sha256 for d in TEST_DOMAINS}
