"""sednabox check through the command line."""

from __future__ import annotations

import json

import pytest

from sednabox.__main__ import main

GRAPH = '[graph]\nformat = "graphviz"\ngraphconf = """digraph g {\n%s\n}"""\n[driver]\ndir = ["units"]\n'
UNIT = '''[base]
name = "pass"
device = "cpu"
version = "1.0.0"
description = "d"
entry = "pass_unit@Pass"
type = "python"
stream = false
[input.input1]
name = "in"
[output.output1]
name = "out"
'''
CODE = '''import _flowunit as modelbox


class Pass(modelbox.FlowUnit):
    def open(self, config):
        return modelbox.Status()

    def process(self, ctx):
        return modelbox.Status()
'''


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "units" / "pass").mkdir(parents=True)
    (tmp_path / "units" / "pass" / "pass.toml").write_text(UNIT)
    (tmp_path / "units" / "pass" / "pass_unit.py").write_text(CODE)
    (tmp_path / "graph.toml").write_text(
        GRAPH % "i[type=input]\np[flowunit=pass]\no[type=output]\ni -> p:in\np:out -> o"
    )
    return tmp_path


def test_a_graph_with_a_warning(here, capsys):
    assert main(["check", "graph.toml"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("graph.toml:11:1: warning SB301") and out.endswith("0 errors, 1 warning\n")
    assert main(["check", "--strict", "graph.toml"]) == 1


def test_a_clean_graph(here, capsys):
    text = (here / "graph.toml").read_text().replace('"units"', '"%s"' % (here / "units"))
    (here / "graph.toml").write_text(text)
    assert main(["check", "--strict", "graph.toml"]) == 0
    assert capsys.readouterr().out == "no problems found\n"


def test_a_graph_with_an_error(here, capsys):
    (here / "graph.toml").write_text((here / "graph.toml").read_text().replace("p:in", "p:inn"))
    assert main(["check", "graph.toml"]) == 1
    out = capsys.readouterr().out
    assert (
        "graph.toml:7:8: error SB025: flowunit 'pass' of node 'p' has no input port 'inn'. Did you mean 'in'?" in out
    )


def test_json(here, capsys):
    (here / "graph.toml").write_text((here / "graph.toml").read_text().replace("p:in", "p:inn"))
    assert main(["check", "--json", "graph.toml"]) == 1
    found = json.loads(capsys.readouterr().out)
    problem = next(p for p in found["problems"] if p["code"] == "SB025")
    assert (problem["file"], problem["line"], problem["node"], problem["port"]) == ("graph.toml", 7, "p", "inn")
    assert found["errors"] >= 1 and found["warnings"] == 1


def test_a_folder(here, capsys):
    (here / "units" / "pass" / "pass_unit.py").write_text("def (:\n")
    assert main(["check", "."]) == 1
    assert capsys.readouterr().out.count("SB201") == 1


def test_wrong_use(here, capsys):
    assert main(["check"]) == 2
    assert main(["check", "nothing.toml"]) == 2
    (here / "empty").mkdir()
    assert main(["check", "empty"]) == 2
    assert main(["check", "--explain", "SB999"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_explain(capsys):
    assert main(["check", "--explain", "sb214"]) == 0
    assert "normal unit" in capsys.readouterr().out
