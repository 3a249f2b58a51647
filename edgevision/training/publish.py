"""From trained weights to a folder in `models/`: model, manifest with measured figures, card."""
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from edgevision.detections import Detections
from edgevision.detector import Detector
from edgevision.frame import Frame
from edgevision.golden import write_golden
from edgevision.manifest import Manifest
from edgevision.metrics import Report, judge
from edgevision.scenes import Scene
from edgevision.training.net import Weights
from edgevision.training.plan import PLANS
from edgevision.training.recipe import RECIPES, TEST_DOMAINS, Recipe, TestSet
from edgevision.training.ship import metrics_table, ship, write_whole

_LOWEST = 0.02
_GOLDEN_SEED = 800_001


def measure(folder: Path, tests: list[TestSet]) -> dict[str, tuple[TestSet, Report]]:
    """The shipped file itself, in onnxruntime, on test sets."""
    results = {}
    with Detector(folder, score_threshold=_LOWEST, threads=2) as detector:
        for test in tests:
            pictures, labels = test.pictures()
            found: list[Detections] = [detector.detect([Frame.from_array(p)])[0] for p in pictures]
            score = detector.manifest.output.score_threshold
            results[test.domain] = (test, judge(found, labels, len(detector.classes), score))
    return results


def publish(name: str, weights: Weights, folder: Path, version: str = "1", counter: int = 1) -> Manifest:
    plan, recipe = PLANS[name], RECIPES[name]
    manifest = ship(folder, plan, weights, name, version, counter)
    # Of the first domain that the model knows: it must see those well for ever.
    golden = Scene(_GOLDEN_SEED, recipe.domains[0][0])
    write_golden(folder, [golden.picture(number).bgr for number in range(4)])
    results = measure(folder, [TestSet(domain) for domain in TEST_DOMAINS])
    manifest = replace(manifest, metrics=metrics_table(results))
    write_whole(folder / "card.md", card(name, manifest, recipe, results).encode())
    manifest.write(folder)
    return manifest


def card(name: str, manifest: Manifest, recipe: Recipe, results: dict[str, tuple[TestSet, Report]]) -> str:
    plan = PLANS[name]
    convs = [layer for layer in plan.layers if layer.kind == "conv"]
    parameters = sum(layer.outputs * (layer.inputs * layer.kernel ** 2 + 1) for layer in convs)
    rows = ["| %s | %.3f | %s |" % (domain, report.map50, " | ".join("%.3f" % ap for ap in report.ap))
            for domain, (_, report) in results.items()]
    seen = ", ".join("%s (%d)" % pair for pair in recipe.domains)
    test = next(iter(results.values()))[0]
    mean = float(np.mean([report.map50 for _, report in results.values()]))
    return """# %s %s

Finds person, helmet, helmet_on and helmet_off on building sites **drawn by this project's scene generator**. It has
never seen a photograph. It is made for demos, tests and the learning loop; do not guard people with it.

- Input: %d x %d, red-green-blue, 0..1, letterboxed (see manifest.toml). Output: the layout of YOLOv8.
- %.2f GFLOP for a picture (a multiply-and-add counted as two), %d thousand parameters, %.2f MB.
- Trained from nothing on %d generated pictures, domains (weights): %s.
- Made by `python -m edgevision.training %s` from seed %d. Licence: Apache-2.0, the training pictures included.

## Measured
mAP at IoU 0.5 of the shipped file in onnxruntime, on %d pictures a domain from a seed that no training uses; the
manifest names each set by a hash. The mean over these domains is %.3f.

| domain | mAP50 | person | helmet | helmet_on | helmet_off |
|---|---|---|---|---|---|
%s

## Limits
- Drawings are simple: flat colours, few poses, no motion blur, no lens. Figures on photographs are unknown.
- Objects below 5 pixels, or hidden by more than half (persons: two thirds), are not labelled and not looked for.
- Caps and hoods are bare heads (helmet_off). A helmet carried in the hand is a helmet.
""" % (name, manifest.model.version, plan.width, plan.height, plan.gflop(), round(parameters / 1000),
       manifest.model.size / 1e6, recipe.stop * recipe.batch, seen, name, recipe.seed, test.count, mean,
       "\n".join(rows))
