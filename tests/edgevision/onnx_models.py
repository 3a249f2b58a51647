"""Tiny ONNX models for tests: they put out given numbers whatever they are fed, in the layout of a real export."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

TYPES = {np.dtype("float32"): TensorProto.FLOAT, np.dtype("int64"): TensorProto.INT64,
         np.dtype("int32"): TensorProto.INT32, np.dtype("uint8"): TensorProto.UINT8}


def constant_model(path, outputs, size=(64, 64), layout="nchw", kind=TensorProto.FLOAT, metadata=None, batch=1,
                   declared=None, extra_inputs=()):
    """A model whose outputs are the given arrays. It reads its input too: a sum times zero is added.

    `declared` overrides the shapes that it states."""
    width, height = size
    shape = [batch, 3, height, width] if layout == "nchw" else [batch, height, width, 3]
    nodes, store, infos = [], [], []
    nodes.append(helper.make_node("Cast", ["images"], ["as_float"], to=TensorProto.FLOAT))
    nodes.append(helper.make_node("ReduceSum", ["as_float"], ["total"], keepdims=0))
    store.append(numpy_helper.from_array(np.array(0, np.float32), "zero"))
    nodes.append(helper.make_node("Mul", ["total", "zero"], ["nothing"]))
    for number, (name, value) in enumerate(outputs.items()):
        value = np.asarray(value)
        store.append(numpy_helper.from_array(value, "value%d" % number))
        nodes.append(helper.make_node("Cast", ["nothing"], ["nothing%d" % number], to=TYPES[value.dtype]))
        nodes.append(helper.make_node("Add", ["value%d" % number, "nothing%d" % number], [name]))
        infos.append(helper.make_tensor_value_info(name, TYPES[value.dtype], (declared or {}).get(name, value.shape)))
    inputs = [helper.make_tensor_value_info("images", kind, shape)]
    for name, type_, dims in extra_inputs:
        inputs.append(helper.make_tensor_value_info(name, type_, dims))
        nodes.append(helper.make_node("Identity", [name], [name + "_read"]))
    graph = helper.make_graph(nodes, "constant", inputs, infos, store)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 7
    if metadata:
        helper.set_model_props(model, metadata)
    onnx.save(model, str(path))
    return path
