"""A net's weights as an ONNX file, node by node from its plan, and back.

The graph is written with onnx.helper and not traced: it holds exactly the plan's convolutions and the decoding of the
boxes, in an opset that onnxruntime has read for years, and its initialisers are the weights by name, so that the
shipped file is also what fine-tuning starts from.
"""
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgevision.errors import TrainingError
from edgevision.training.plan import HEAD_STRIDE, PLANS, Plan

OPSET = 13
IR_VERSION = 7
INPUT, OUTPUT = "images", "output0"
_LARGEST = 4.5  # the cap on a box side's logarithm, as in net.decode


def to_onnx(plan: Plan, weights: dict[str, np.ndarray]) -> onnx.ModelProto:
    """The model: images (batch, 3, h, w) float32 0..1 red-green-blue; output0 (batch, 4 + classes, cells).

    Rows of the output are centre x, centre y, width, height in pixels, then a score for each class: the layout that
    YOLOv8 made common.
    """
    nodes: list[onnx.NodeProto] = []
    store: list[onnx.TensorProto] = []

    def constant(name: str, value: np.ndarray) -> str:
        store.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    twice = constant("twice", np.array([1, 1, 2, 2], np.float32))
    values = {"image": INPUT}
    for layer in plan.layers:
        sources = [values[name] for name in layer.sources]
        if layer.kind == "conv":
            weight = constant(layer.name + ".weight", weights[layer.name + ".weight"].astype(np.float32))
            bias = constant(layer.name + ".bias", weights[layer.name + ".bias"].astype(np.float32))
            half = layer.kernel // 2
            out = node("Conv", [*sources, weight, bias], layer.name, kernel_shape=[layer.kernel] * 2,
                       strides=[layer.stride] * 2, pads=[half] * 4)
            if layer.relu:
                out = node("Relu", [out], layer.name + ".relu")
        elif layer.kind == "up":
            out = node("Resize", [*sources, "", twice], layer.name, mode="nearest",
                       coordinate_transformation_mode="asymmetric", nearest_mode="floor")
        else:
            out = node("Add", sources, layer.name)
        values[layer.name] = out
    _decode(plan, values[plan.layers[-1].name], constant, node)
    graph = helper.make_graph(
        nodes, plan.name,
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["batch", 3, plan.height, plan.width])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["batch", 4 + plan.classes, _cells(plan)])], store)
    model = helper.make_model(graph, producer_name="edgevision", opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = IR_VERSION
    helper.set_model_props(model, {"plan": plan.name})
    onnx.checker.check_model(model)
    return model


def _cells(plan: Plan) -> int:
    return (plan.height // HEAD_STRIDE) * (plan.width // HEAD_STRIDE)


def _decode(plan: Plan, raw: str, constant, node) -> None:
    high, wide = plan.height // HEAD_STRIDE, plan.width // HEAD_STRIDE
    ys, xs = np.meshgrid(np.arange(high), np.arange(wide), indexing="ij")
    centres = (np.stack((xs, ys)).reshape(1, 2, -1).astype(np.float32) + np.float32(0.5)) * HEAD_STRIDE
    shape = constant("decode.shape", np.array([0, 4 + plan.classes, high * wide], np.int64))
    flat = node("Reshape", [raw, shape], "decode.flat")
    axis = constant("decode.axis", np.array([1], np.int64))

    def rows(first: int, last: int, name: str) -> str:
        start = constant(name + ".from", np.array([first], np.int64))
        stop = constant(name + ".to", np.array([last], np.int64))
        return node("Slice", [flat, start, stop, axis], name)

    stride = constant("decode.stride", np.array(HEAD_STRIDE, np.float32))
    moved = node("Mul", [rows(0, 2, "decode.offset"), stride], "decode.moved")
    centre = node("Add", [moved, constant("decode.centres", centres)], "decode.centre")
    largest = constant("decode.largest", np.array(_LARGEST, np.float32))
    sides = node("Exp", [node("Min", [rows(2, 4, "decode.log"), largest], "decode.capped")], "decode.sides")
    size = node("Mul", [sides, stride], "decode.size")
    scores = node("Sigmoid", [rows(4, 4 + plan.classes, "decode.logits")], "decode.scores")
    node("Concat", [centre, size, scores], OUTPUT, axis=1)


def from_onnx(path: str | Path) -> tuple[Plan, dict[str, np.ndarray]]:
    """The plan and the weights in a file that `to_onnx` made (also when it was fine-tuned since)."""
    try:
        model = onnx.load(str(path))
    except Exception as error:
        raise TrainingError("%s: expected an ONNX model to start from, it cannot be read: %s" % (path, error)) from None
    name = {prop.key: prop.value for prop in model.metadata_props}.get("plan")
    if name not in PLANS:
        raise TrainingError("%s: this model was not trained by edgevision (its plan is %r, expected one of %s), so it "
                            "cannot be fine-tuned; start from one of the shipped models" % (path, name, sorted(PLANS)))
    names = {"%s.%s" % (layer.name, part) for layer in PLANS[name].layers if layer.kind == "conv"
             for part in ("weight", "bias")}
    return PLANS[name], {t.name: numpy_helper.to_array(t) for t in model.graph.initializer if t.name in names}
