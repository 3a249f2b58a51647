"""A story of four models: `python -m bench.hot_swap_story [--retrained FOLDER] [--out FOLDER] [--picture FILE]`.

graphs/helmet_hot_swap.toml runs through the real command, and models are dropped into its folder: a retrained one, a
broken one that gets past the gate and is taken back on the line, and the big one. Printed: what the store's history
says, and what the frames' results say: lost, doubled, out of order, and the spans of each version. Drawn: a timeline.

Without --retrained a copy of models/little with slightly changed weights stands for a retrained one. The broken one is
models/little with its scores pressed down, so that it finds nothing; it brings no golden frames that would show it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Sequence

import cv2
import numpy as np

from bench._timeline import draw

ROOT = Path(__file__).resolve().parents[1]
LITTLE = ROOT / "models" / "little"
BIG = ROOT / "models" / "big"
GRAPH = ROOT / "graphs" / "helmet_hot_swap.toml"


def copy_of_little(folder: Path, version: str, change: Callable[[Any], None], golden: bool = True) -> Path:
    """models/little with another version and changed bytes, under a name that appears when it is whole."""
    import onnx

    room = folder.with_name("." + folder.name)
    shutil.copytree(str(LITTLE), str(room), ignore=None if golden else shutil.ignore_patterns("golden"))
    model = onnx.load(str(room / "model.onnx"))
    change(model)
    data = model.SerializeToString()
    (room / "model.onnx").write_bytes(data)
    manifest = (LITTLE / "manifest.toml").read_text(encoding="utf-8").partition("[metrics")[0]
    before = (LITTLE / "model.onnx").read_bytes()
    for old, new in (('version = "1"', 'version = "%s"' % version), ('parent = ""', 'parent = "1"'),
                     (hashlib.sha256(before).hexdigest(), hashlib.sha256(data).hexdigest()),
                     ("size = %d" % len(before), "size = %d" % len(data))):
        manifest = manifest.replace(old, new)
    (room / "manifest.toml").write_text(manifest, encoding="utf-8")
    room.rename(folder)
    return folder


def shake(model: Any) -> None:
    """Change every weight by about half a percent."""
    from onnx import numpy_helper

    dice = np.random.default_rng(7)
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.ndim == 4:
            noise = dice.normal(1.0, 0.005, values.shape).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(values * noise, tensor.name))


def press(model: Any) -> None:
    """Press all scores under the threshold."""
    from onnx import helper, numpy_helper

    output = model.graph.output[0]
    rows = output.type.tensor_type.shape.dim[1].dim_value
    for node in model.graph.node:
        node.output[:] = ["pressed" if name == output.name else name for name in node.output]
        node.input[:] = ["pressed" if name == output.name else name for name in node.input]
    mask = np.array([1.0] * 4 + [0.2] * (rows - 4), np.float32).reshape(1, rows, 1)
    model.graph.initializer.append(numpy_helper.from_array(mask, "press"))
    model.graph.node.append(helper.make_node("Mul", ["pressed", "press"], [output.name]))


class Story:
    """One run of the graph in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.drops = folder / "incoming"
        self.drops.mkdir(parents=True)
        self.log = folder / "log"
        env = dict(os.environ, SEDNABOX_STATE=str(folder / "state"))
        env["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [env.get("PYTHONPATH")])])
        with open(str(self.log), "wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sednabox", "run", "--engine", "pocketbox", "--quiet", str(GRAPH)],
                cwd=str(folder), env=env, stdout=log, stderr=subprocess.STDOUT)

    def history(self) -> list[dict[str, Any]]:
        return _lines(self.folder / "state" / "models" / "history.jsonl")

    def frames(self) -> list[dict[str, Any]]:
        return _lines(self.folder / "helmet_hot_swap.jsonl")

    def until(self, true: Callable[[], Any], what: str, seconds: float = 90.0) -> None:
        """Wait for a condition; raises with what was told when it does not come."""
        end = time.monotonic() + seconds
        while not true():
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise RuntimeError("%s: not within %.0f s\n%s\n%s" % (
                    what, seconds, self.log.read_text(encoding="utf-8")[-2000:], self.history()))
            time.sleep(0.1)

    def until_ended(self, version: str, event: str) -> None:
        self.until(lambda: any(e["version"] == version and e["event"] == event for e in self.history()),
                   "%s %s" % (version, event))

    def play(self, frames: int) -> None:
        """Let some more frames go by."""
        count = len(self.frames())
        self.until(lambda: len(self.frames()) >= count + frames, "%d more frames" % frames)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()


def tell(folder: Path, retrained: Path | None = None, frames: int = 50) -> Story:
    """Run the whole story; the story, ended."""
    story = Story(folder)
    try:
        story.play(frames)
        if retrained is None:
            copy_of_little(story.drops / "retrained", "2", shake)
            second = "little@2"
        else:
            shutil.copytree(str(retrained), str(story.drops / ".retrained"))
            (story.drops / ".retrained").rename(story.drops / "retrained")
            second = _id(retrained)
        story.until_ended(second, "kept")
        story.play(frames)
        copy_of_little(story.drops / "broken", "broken", press, golden=False)
        story.until_ended("little@broken", "rolled_back")
        story.play(frames)
        shutil.copytree(str(BIG), str(story.drops / ".big"))
        (story.drops / ".big").rename(story.drops / "big")
        os.utime(str(story.drops / "big" / "manifest.toml"))
        story.until_ended("big@1", "kept")
        story.play(frames)
    finally:
        story.stop()
    return story


def spans(frames: Sequence[dict[str, Any]]) -> list[list[Any]]:
    """[version, first index, last index] in the order in which they judged."""
    found: list[list[Any]] = []
    for frame in frames:
        if not found or found[-1][0] != frame["model"]:
            found.append([frame["model"], frame["index"], frame["index"]])
        found[-1][2] = frame["index"]
    return found


def figures(story: Story) -> dict[str, Any]:
    """What the frames say."""
    frames = story.frames()
    numbers = [frame["index"] for frame in frames]
    return {
        "frames": len(numbers),
        "lost": numbers[-1] + 1 - len(set(numbers)) if numbers else 0,
        "doubled": len(numbers) - len(set(numbers)),
        "in_order": numbers == sorted(numbers),
        "spans": spans(frames),
        "history": [
            [entry["event"], entry["version"], entry.get("reason", "")]
            for entry in story.history() if entry["event"] in ("active", "kept", "rolled_back", "rejected")],
    }


def _id(folder: Path) -> str:
    from edgevision.manifest import FILE, Manifest

    model = Manifest.read(folder / FILE).model
    return "%s@%s" % (model.name, model.version)


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue  # the last line may be half written
    return found


def main(args: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--retrained", type=Path, help="the folder of a retrained model")
    parser.add_argument("--out", type=Path, help="keep results, store and log here")
    parser.add_argument("--picture", type=Path, help="draw the timeline into this file")
    options = parser.parse_args(args)
    with tempfile.TemporaryDirectory() as room:
        story = tell(options.out or Path(room), options.retrained)
        print(json.dumps(figures(story), indent=1))
        if options.picture:
            options.picture.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(options.picture), draw(story.frames(), story.history()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
