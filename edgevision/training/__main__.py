"""Make a shipped model again: `python -m edgevision.training little|big`.

Stopped and started again, it goes on from its last checkpoint. The same processor and torch give the same model; other
processors round differently, and the figures then differ a little.
"""
from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from edgevision.errors import VisionError
from edgevision.training.loop import Course, Walk, fast_bfloat16, settle
from edgevision.training.net import Net
from edgevision.training.plan import PLANS
from edgevision.training.publish import publish
from edgevision.training.recipe import RECIPES, SceneStream


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m edgevision.training", description=__doc__.split("\n")[0])
    parser.add_argument("model", choices=sorted(RECIPES))
    parser.add_argument("--out", type=Path, help="where the model folder goes (default: models/<model>)")
    parser.add_argument("--work", type=Path, default=Path("out/training"), help="where checkpoints are kept")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch; another number rounds differently")
    given = parser.parse_args(arguments)
    try:
        train(given.model, given.out or Path("models") / given.model, given.work, given.threads)
    except VisionError as error:
        print("error: %s" % error, file=sys.stderr)
        return 1
    return 0


def train(name: str, out: Path, work: Path, threads: int) -> None:
    recipe = RECIPES[name]
    settle(recipe.seed, threads)
    course = Course(recipe.steps, recipe.batch, recipe.rate, bfloat16=fast_bfloat16(), seed=recipe.seed,
                    stop=recipe.stop, cool=recipe.cool)
    walk = Walk(Net(PLANS[name]), course, work / name / "checkpoint.pt", repr((recipe, PLANS[name])))
    first, start = walk.step, time.monotonic()

    def progress(step: int, steps: int, loss: float) -> None:
        if step % 50 == 0 or step == steps:
            speed = (step - first) * recipe.batch / (time.monotonic() - start)
            print("step %d of %d, loss %.3f, %.1f pictures/s" % (step, steps, loss, speed), flush=True)

    net = walk.run(SceneStream(recipe), progress)
    manifest = publish(name, net.fold(), out)
    for domain, table in manifest.metrics.items():
        print("%-12s mAP50 %.3f" % (domain, table["mAP50"]))
    print("%s: %d bytes" % (manifest.model_path, manifest.model.size))


if __name__ == "__main__":
    sys.exit(main())
