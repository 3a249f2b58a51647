"""The look into ONNX files, with the onnx package as the oracle."""

import onnx
import pytest
import toy_models
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from sedna_bridge.models import BadModelFile, inspect_bytes, inspect_onnx
from sedna_bridge.models.onnx_wire import cut_stale_tail


def model(nodes=(), tensors=(), **extra):
    graph = helper.make_graph(
        list(nodes) or [helper.make_node("Relu", ["x"], ["y"])],
        "g",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 3, 4]),
            helper.make_tensor_value_info("w", 1, [2]),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [helper.make_tensor("w", TensorProto.FLOAT, [2], [1, 2]), *tensors],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 13), helper.make_opsetid("com.x", 2)], **extra
    )


def outside(name="far"):
    tensor = helper.make_tensor(name, TensorProto.FLOAT, [2], [1, 2])
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"
    return tensor


def test_facts():
    facts = inspect_bytes(model(producer_name="us").SerializeToString())
    assert facts.producer == "us" and facts.opsets == {"": 13, "com.x": 2}
    assert [(p.name, p.type, p.shape) for p in facts.inputs] == [("x", 1, ("batch", 3, 4))], (
        "an initialiser is no input"
    )
    assert [(p.name, p.shape) for p in facts.outputs] == [("y", None)]
    assert inspect_bytes(toy_models.onnx_bytes(boxes=3)).metadata["behaviour"] == '{"boxes": 3}'


def branch(tensor):
    body = helper.make_graph(
        [helper.make_node("Constant", [], ["c"], value=tensor)],
        "then",
        [],
        [helper.make_tensor_value_info("c", 1, [2])],
    )
    return helper.make_node("If", ["x"], ["y"], then_branch=body, else_branch=body)


@pytest.mark.parametrize(
    "made",
    [
        lambda: model(tensors=[outside()]),
        lambda: model([helper.make_node("Constant", [], ["y"], value=outside())]),
        lambda: model([branch(outside())]),
        lambda: model(
            functions=[
                helper.make_function(
                    "com.x",
                    "f",
                    [],
                    ["c"],
                    [helper.make_node("Constant", [], ["c"], value=outside())],
                    [helper.make_opsetid("", 13)],
                )
            ]
        ),
        lambda: model(
            [
                helper.make_node(
                    "Constant",
                    [],
                    ["y"],
                    sparse_value=helper.make_sparse_tensor(
                        outside(), helper.make_tensor("i", TensorProto.INT64, [2], [0, 1]), [4]
                    ),
                )
            ]
        ),
    ],
    ids=["initializer", "attribute", "subgraph", "function", "sparse"],
)
def test_tensors_in_other_files_are_refused_wherever_they_hide(made):
    with pytest.raises(BadModelFile, match="external data"):
        inspect_bytes(made().SerializeToString())


def test_a_node_that_reads_files_is_refused():
    with pytest.raises(BadModelFile, match="EPContext"):
        inspect_bytes(model([helper.make_node("EPContext", ["x"], ["y"], domain="com.microsoft")]).SerializeToString())


def field(number, data):
    """A protobuf field of bytes."""
    size, length = len(data), b""
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + data


def test_deep_nesting_is_refused_not_followed():
    graph = b""
    for _ in range(1000):
        graph = field(1, field(5, field(6, graph)))
    with pytest.raises(BadModelFile, match="deeper"):
        inspect_bytes(b"\x08\x08" + field(7, graph) + b"\x42\x02\x10\x0d")


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_bytes_give_facts_or_a_plain_refusal(data):
    raw = bytearray(toy_models.onnx_bytes(16, v=1))
    for _ in range(data.draw(st.integers(0, 8))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    raw = bytes(raw[: data.draw(st.integers(0, len(raw)))]) + data.draw(st.binary(max_size=8))
    try:
        inspect_bytes(raw)
    except BadModelFile as error:
        assert "again" in str(error) or "external" in str(error) or "needs that" in str(error) or "plain" in str(error)


def test_every_cut_is_noticed():
    raw = toy_models.onnx_bytes(8, v=1)
    whole = {len(raw)}
    facts = onnx.load_from_string(raw)
    facts.ClearField("metadata_props")
    whole.add(len(facts.SerializeToString()))
    for length in range(len(raw)):
        if length in whole:
            continue
        with pytest.raises(BadModelFile):
            inspect_bytes(raw[:length])


def test_empty_and_alien_files(tmp_path):
    for content in (b"", b"PK\x03\x04....", b"\x1f\x8b", b"hello world", bytes(1000), b"ORTM" + bytes(64)):
        (tmp_path / "m.onnx").write_bytes(content)
        with pytest.raises(BadModelFile, match=r"m.onnx is"):
            inspect_onnx(tmp_path / "m.onnx")


@pytest.mark.parametrize("weights", [1, 10, 500, 1990])
def test_a_stale_tail_is_cut_when_the_old_file_proves_it(weights):
    old, new = toy_models.onnx_bytes(2000, v="old"), toy_models.onnx_bytes(weights, v="new")
    mixed = new + old[len(new) :]
    with pytest.raises(BadModelFile):
        inspect_bytes(mixed)
    length = cut_stale_tail(mixed, old)
    assert length == len(new) and mixed[:length] == new
    assert cut_stale_tail(mixed, old[:-1] + b"!") is None, "no proof, no cut"
    assert cut_stale_tail(old, old) is None
