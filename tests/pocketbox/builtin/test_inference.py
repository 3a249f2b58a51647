"""ONNX units: ports, batches, types and what is said when they do not fit."""
from __future__ import annotations

import os
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from pocketbox import descriptorfile
from pocketbox.builtin import inference
from pocketbox.descriptor import Descriptor, Port
from pocketbox.testing import Sink, Source, UnitUnderTest, run_graph


def model(path: Any, batch: Any = "n", kind: int = TensorProto.FLOAT, outputs: int = 1, inner: Any = (2, 3)) -> None:
    """Doubles its input; a second output sums the last axis."""
    shape = [batch, *inner]
    nodes = [helper.make_node("Add", ["x", "x"], ["twice"])]
    outs = [helper.make_tensor_value_info("twice", kind, shape)]
    if outputs > 1:
        nodes.append(helper.make_node("ReduceSum", ["x", "axis"], ["sum"], keepdims=0))
        outs.append(helper.make_tensor_value_info("sum", kind, shape[:-1]))
    axis = [helper.make_tensor("axis", TensorProto.INT64, [1], [-1])] if outputs > 1 else []
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", kind, shape)], outs, axis)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 8
    onnx.save(made, str(path / "model.onnx"))


def unit_in(folder: Any, inputs: Any = ("x",), outputs: Any = ("twice",), **changes: Any) -> UnitUnderTest:
    unit = Descriptor("net", "cpu", "inference")
    unit.folder, unit.entry, unit.virtual_type, unit.stream = str(folder), "model.onnx", "onnx", False
    unit.inputs, unit.outputs = [Port(p) for p in inputs], [Port(p) for p in outputs]
    for key, value in changes.items():
        setattr(unit, key, value)
    unit.factory = inference.factory(unit)
    return UnitUnderTest(unit)


def samples(count: int, inner: Any = (2, 3), kind: Any = np.float32) -> list[np.ndarray]:
    return [np.arange(np.prod(inner)).reshape(inner).astype(kind) + i for i in range(count)]


@pytest.mark.parametrize("batch", ["n", 1, 2, 4])
def test_a_call_is_a_batch_whatever_size_the_model_has(tmp_path: Any, batch: Any) -> None:
    model(tmp_path, batch)
    given = samples(5)
    out = unit_in(tmp_path).process({"x": given})["twice"]
    assert len(out) == 5
    for want, got in zip(given, out):
        assert np.array_equal(np.asarray(got), want * 2) and got.get("shape") == [2, 3]


def test_two_outputs_and_ports_by_order(tmp_path: Any) -> None:
    model(tmp_path, outputs=2)
    out = unit_in(tmp_path, ("in",), ("a", "b")).process({"in": samples(2)})
    assert np.asarray(out["a"][1]).shape == (2, 3) and np.array_equal(np.asarray(out["b"][0]), [3, 12])
    assert np.array_equal(np.asarray(unit_in(tmp_path, outputs=("sum",)).process({"x": samples(1)})["sum"][0]), [3, 12])


def test_shapes_that_mean_the_same_are_taken(tmp_path: Any) -> None:
    model(tmp_path)
    unit = unit_in(tmp_path)
    for array in (samples(1)[0][None], samples(1)[0].reshape(-1)):
        assert np.array_equal(np.asarray(unit.process({"x": [array]})["twice"][0]), samples(1)[0] * 2)


def test_float16_travels_as_float32(tmp_path: Any) -> None:
    model(tmp_path, kind=TensorProto.FLOAT16)
    out = np.asarray(unit_in(tmp_path).process({"x": samples(2)})["twice"][1])
    assert out.dtype == np.float32 and np.array_equal(out, samples(2)[1] * 2)


@pytest.mark.parametrize(("array", "words"), [
    (np.zeros((2, 3), np.uint8), "the model takes tensor(float), the buffer holds uint8"),
    (np.zeros((2, 4), np.float32), "samples of shape [2, 3], the buffer has [2, 4]")])
def test_data_that_does_not_fit(tmp_path: Any, array: Any, words: str) -> None:
    model(tmp_path)
    (buffer,) = unit_in(tmp_path).process({"x": [array]})["twice"]
    assert buffer.get_error_code() == "net.ProcessError" and words in buffer.get_error_msg()


@pytest.mark.parametrize(("changes", "words"), [
    ({"entry": "other.onnx"}, "other.onnx does not exist"), ({"virtual_type": "tensorflow"}, "onnx models only"),
    ({"inputs": ("x", "y")}, "2 input ports (x, y)"), ({"outputs": ("a", "b")}, "2 output ports (a, b)")])
def test_what_cannot_be_opened(tmp_path: Any, changes: Any, words: str) -> None:
    model(tmp_path)
    with pytest.raises(Exception, match="open") as caught:
        unit_in(tmp_path, **changes)
    assert words in str(caught.value)


def test_a_file_that_is_no_model(tmp_path: Any) -> None:
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(Exception, match="cannot be loaded"):
        unit_in(tmp_path)


def test_the_descriptor_of_the_docs_in_a_graph(tmp_path: Any) -> None:
    docs = os.path.join(os.path.dirname(__file__), "..", "..", "..", "docs", "builtin-units.md")
    with open(docs, encoding="utf-8") as stream:
        text = stream.read().split("```toml\n")[1].split("```")[0]
    (tmp_path / "helmet_net.toml").write_text(text, encoding="utf-8")
    model(tmp_path)
    unit = descriptorfile.load(str(tmp_path / "helmet_net.toml"))
    unit.factory = inference.factory(unit)
    seen = Sink()
    run_graph("digraph g { s[flowunit=s, device=cpu] n[flowunit=helmet_net, device=cpu, batch_size=4] "
              "k[flowunit=k, device=cpu] s:out -> n:images n:output0 -> k:in }",
              {"s": Source(samples(10)), "helmet_net": unit, "k": seen})
    assert [float(np.asarray(b)[0, 0]) for b in seen.buffers] == [2.0 * i for i in range(10)]
