"""Small real ONNX files whose metadata says how a toy runtime must behave, and that runtime."""

import json
import sys
import time
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from sedna_bridge.models import Judged, Runtime, inspect_bytes

CLASSES = ["person", "helmet"]


def onnx_bytes(weights=64, **behaviour):
    """A whole ONNX model; `behaviour` goes into its metadata."""
    seed = json.dumps(behaviour, sort_keys=True)
    raw = bytes((i * 31 + sum(map(ord, seed))) % 251 for i in range(4 * weights))
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, weights])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, weights])],
        [helper.make_tensor("w", TensorProto.FLOAT, [weights], raw, raw=True)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    helper.set_model_props(model, {"behaviour": seed})
    return model.SerializeToString()


def manifest(version, name="little", counter=0, **extra):
    lines = ["[model]", 'name = "%s"' % name, 'version = "%s"' % version, "counter = %d" % counter]
    lines += ["%s = %s" % (key, json.dumps(value)) for key, value in extra.items()]
    return "\n".join(lines) + '\n[output]\nclasses = ["person", "helmet"]\n'


def model_folder(folder, version, name="little", counter=0, golden=0, weights=64, **behaviour):
    """A model folder on the disk."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(onnx_bytes(weights, **dict(behaviour, v=version)))
    (folder / "manifest.toml").write_text(manifest(version, name, counter), encoding="utf-8")
    for number in range(golden):
        (folder / "golden").mkdir(exist_ok=True)
        (folder / "golden" / ("%d.txt" % number)).write_text(str(number), encoding="utf-8")
    return folder


class ToySession:
    def __init__(self, behaviour):
        self.behaviour = behaviour
        self.released = False
        self.seen = 0

    def detect(self, frames):
        """The call of the frame path."""
        assert not self.released, "a frame was judged by a released session"
        found = []
        for _frame in frames:
            self.seen += 1
            if self.seen > self.behaviour.get("fail_after", 1 << 60):
                raise ValueError("broken at frame %d" % self.seen)
            score = float("nan") if self.behaviour.get("nan") else self.behaviour.get("score", 0.8)
            boxes = self.behaviour.get("boxes", 2)
            if self.seen > self.behaviour.get("blind_after", 1 << 60):
                boxes = 0
            found.append([[10.0 * i, 10.0, 10.0 * i + 8, 30.0, score, i % 2] for i in range(boxes)])
        if self.behaviour.get("frame_seconds"):
            time.sleep(self.behaviour["frame_seconds"] * len(frames))
        return found


class ToyRuntime(Runtime):
    """Does what the metadata of the model says."""

    def __init__(self, probing=False):
        self.probing = probing
        self.loaded = []
        self.open = 0

    def load(self, folder):
        behaviour = json.loads(inspect_bytes(folder.read()).metadata["behaviour"])
        if behaviour.get("load") == "fail":
            raise ValueError("the layers do not fit")
        if behaviour.get("load") == "memory":
            raise MemoryError
        if behaviour.get("load") == "hang":
            time.sleep(30)
        self.loaded.append(folder.record.id)
        self.open += 1
        return ToySession(behaviour)

    def warm_up(self, session):
        if session.behaviour.get("warm_up") == "fail":
            raise ValueError("no kernel for this box")
        if session.behaviour.get("warm_up") == "hang":
            time.sleep(30)

    def judge(self, session, frames):
        twin = ToySession(dict(session.behaviour, fail_after=1 << 60, blind_after=1 << 60))
        return [Judged(twin.detect([frame])[0], session.behaviour.get("frame_seconds", 0.001)) for frame in frames]

    def classes(self, session):
        return session.behaviour.get("classes", CLASSES)

    def release(self, session):
        session.released = True
        self.open -= 1

    def golden_frames(self, folder):
        return [name for name in sorted(folder.record.files) if name.startswith("golden/")]

    def probe_command(self, folder):
        return [sys.executable, __file__, "probe", str(folder.path)] if self.probing else []


def probe_main(folder):
    """The child's part: crash, hang, eat memory or exit as the metadata says."""
    import os

    behaviour = json.loads(inspect_bytes((Path(folder) / "model.onnx").read_bytes()).metadata["behaviour"])
    action = behaviour.get("probe", "")
    if action == "crash":
        os.abort()
    if action == "hang":
        time.sleep(60)
    if action == "spin":
        while True:
            pass
    if action == "eat":
        hoard = []
        while True:
            hoard.append(bytearray(16 << 20))
    if action == "fail":
        print("Traceback ...\nInvalidGraph: no such layer")
        sys.exit(3)


if __name__ == "__main__":
    probe_main(sys.argv[2])

assert onnx
