"""Each rule about descriptors, broken and kept."""

from __future__ import annotations

import pytest

from pocketbox.catalog import Catalog
from pocketbox.check import check_units

GOOD = {
    "name": '"unit"',
    "device": '"cpu"',
    "version": '"1.0.0"',
    "description": '"d"',
    "entry": '"unit_module@Unit"',
    "type": '"python"',
    "stream": "false",
    "group_type": '"Video"',
}
PORTS = '[input.input1]\nname = "in"\n[output.output1]\nname = "out"\n'
UNIT = """import _flowunit as modelbox


class Unit(modelbox.FlowUnit):
    def open(self, config):
        return modelbox.Status()

    def process(self, ctx):
        return modelbox.Status()

    def data_pre(self, ctx):
        return modelbox.Status()

    def data_post(self, ctx):
        return modelbox.Status()
"""


def write(folder, changes=None, ports=PORTS, more="", module="unit_module"):
    folder.mkdir(parents=True, exist_ok=True)
    base = dict(GOOD, **(changes or {}))
    lines = ["%s = %s" % item for item in base.items() if item[1] is not None]
    (folder / "unit.toml").write_text("[base]\n%s\n%s%s" % ("\n".join(lines), ports, more), encoding="utf-8")
    (folder / (module + ".py")).write_text(UNIT, encoding="utf-8")


def codes(*folders):
    catalog = Catalog.scan([str(folder) for folder in folders], builtin=False)
    return [p.code for p in catalog.problems] + [p.code for p in check_units(catalog.units())]


def test_a_good_descriptor_has_no_problems(tmp_path):
    write(tmp_path)
    assert codes(tmp_path) == []


@pytest.mark.parametrize(
    "code, changes, ports, more",
    [
        ("SB011", {"name": None}, PORTS, ""),
        ("SB011", {"entry": None}, PORTS, ""),
        ("SB011", {"version": '"1.0"'}, PORTS, ""),
        ("SB011", {"type": '"pyton"'}, PORTS, ""),
        ("SB011", {}, "", ""),
        ("SB011", {}, PORTS.replace("input1", "input2"), ""),
        ("SB011", {}, PORTS.replace('name = "in"', 'device = "cpu"'), ""),
        ("SB013", {}, PORTS, "[config]\nnumbers = [1, 2]\n"),
        ("SB013", {}, PORTS, "[[extra]]\na = 1\n"),
        ("SB101", {"stream": None}, PORTS, ""),
        ("SB102", {"normal": "true"}, PORTS, ""),
        ("SB102", {"excpetion_visible": "true"}, PORTS, ""),
        ("SB103", {"group_type": '"video"'}, PORTS, ""),
        ("SB103", {"group_type": '"A/b/c"'}, PORTS, ""),
        ("SB104", {"stream": '"yes"'}, PORTS, ""),
        ("SB105", {"max_batch_size": "0"}, PORTS, ""),
        ("SB105", {"default_batch_size": '"many"'}, PORTS, ""),
        ("SB110", {"collapse": "true", "stream": "true"}, PORTS, ""),
        ("SB111", {}, PORTS + '[output.output2]\nname = "out"\n', ""),
        ("SB114", {"expand": "true", "collapse": "true"}, PORTS, ""),
        ("SB116", {"condition": "true"}, PORTS, ""),
        ("SB116", {"expand": "true"}, '[output.output1]\nname = "out"\n', ""),
        ("SB117", {}, PORTS, '[config]\nnumbers = "1, 2"\n'),
        ("SB112", {"type": '"inference"', "virtual_type": '"onnx"'}, PORTS, ""),
        ("SB112", {"type": '"inference"', "virtual_type": '"tensorfow"'}, PORTS, ""),
        ("SB113", {"type": '"inference"', "virtual_type": '"torch"', "entry": '"model.pt"'}, PORTS, ""),
    ],
)
def test_a_broken_descriptor_is_found(tmp_path, code, changes, ports, more):
    write(tmp_path, changes, ports, more)
    assert code in codes(tmp_path)


@pytest.mark.parametrize(
    "changes, more",
    [
        ({"group_type": '"Input/Http"'}, ""),
        ({"max_batch_size": "4", "default_batch_size": '"2"'}, ""),
        ({"collapse": "true"}, ""),
        ({"exception_visible": "true", "stream_same_count": "false"}, ""),
        ({}, '[config]\nnumbers = ["1", "2"]\ntext = "hello, you"\n'),
        ({"stream": "1"}, ""),
    ],
)
def test_a_descriptor_that_looks_alike_is_left_alone(tmp_path, changes, more):
    write(tmp_path, changes, more=more)
    assert codes(tmp_path) == []


def test_a_broken_toml_is_remembered(tmp_path):
    (tmp_path / "unit.toml").write_text("[base\n", encoding="utf-8")
    assert codes(tmp_path) == ["SB010"]


def test_two_units_of_one_name(tmp_path):
    write(tmp_path / "a")
    write(tmp_path / "b", {"entry": '"other_module@Unit"'}, module="other_module")
    assert codes(tmp_path) == ["SB014"]


def test_modules_of_one_name(tmp_path):
    write(tmp_path / "a")
    write(tmp_path / "b", {"name": '"other"'})
    assert codes(tmp_path) == ["SB108"]


def test_helpers_of_one_name(tmp_path):
    write(tmp_path / "a")
    write(tmp_path / "b", {"name": '"other"', "entry": '"other_module@Unit"'}, module="other_module")
    assert codes(tmp_path) == []
    for folder in ("a", "b"):
        (tmp_path / folder / "helper.py").write_text("x = 1\n", encoding="utf-8")
    assert codes(tmp_path) == ["SB109"]


def test_other_toml_files_are_no_descriptors(tmp_path):
    write(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n', encoding="utf-8")
    assert codes(tmp_path) == []
    (tmp_path / "pyproject.toml").write_text('[[project]]\nname = "x"\n', encoding="utf-8")
    assert codes(tmp_path) == ["SB013"]
