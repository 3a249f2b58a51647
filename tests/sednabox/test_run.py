"""sednabox run: options, the live view, and graphs rewritten for the real engine."""

from __future__ import annotations

import io
import json
import sys

import pytest

from pocketbox import graphfile
from pocketbox.errors import FormatError
from sednabox import rewrite, runview
from sednabox.__main__ import main

GRAPH = """[graph]
format = "graphviz"
graphconf = '''digraph g {
  a[flowunit=x, k="1"] b[flowunit=y]
  a:o -> b:i }'''
"""


class Engine:
    def __init__(self, processed, queue=3):
        self.processed, self.queue = processed, queue

    def stats(self):
        return [
            {"node": "src", "unit": "u", "processed": self.processed, "failures": 0, "queue": 0, "capacity": 0},
            {"node": "sink", "unit": "v", "processed": 2, "failures": 1, "queue": self.queue, "capacity": 32},
        ]


# -- the view --------------------------------------------------------------------------------------------------------
def test_rates_come_from_differences():
    now = [10.0]
    meter = runview.Meter(lambda: now[0])
    now[0] = 12.0
    first = meter.rows(Engine(10).stats())
    now[0] = 14.0
    second = meter.rows(Engine(40).stats())
    assert [row.rate for row in first] == [5.0, 1.0] and [row.rate for row in second] == [15.0, 0.0]
    assert meter.seconds() == 4.0
    assert runview.line(second, 4.0) == "4.0 s: src 40 (15.0/s); sink 2 (0.0/s, queue 3/32, 1 failed)"
    assert "src         40 buffers      10.0/s" in runview.summary(second, 4.0)


def test_the_table_of_a_terminal():
    from rich.console import Console

    meter = runview.Meter()
    out = io.StringIO()
    Console(file=out, width=100).print(runview.table(meter.rows(Engine(5, 20).stats()), 1.5))
    assert "sink" in out.getvalue() and "#######... 20/32" in out.getvalue()


def test_plain_lines_where_there_is_no_terminal(capsys):
    with runview.view(False, 0.0) as tell:
        tell(Engine(5))
        tell(Engine(9))
    out = capsys.readouterr().out.splitlines()
    assert "src 5" in out[0] and "src 9" in out[1] and out[2].startswith("ran for") and len(out) == 5


def test_quiet(capsys):
    with runview.view(True, 0.0):
        pass
    assert capsys.readouterr().out == ""


# -- the command -----------------------------------------------------------------------------------------------------
def test_wrong_use(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "g.toml").write_text(GRAPH)
    for text in ("a", "a.k", "a=1", ".k=1"):
        assert main(["run", str(tmp_path / "g.toml"), "--set", text]) == 2
    assert main(["run", str(tmp_path / "g.toml"), "--engine", "modelbox"]) == 1
    assert "--engine pocketbox" in capsys.readouterr().err


def test_a_graph_that_cannot_be_built(tmp_path, capsys):
    (tmp_path / "g.toml").write_text(GRAPH)
    assert main(["run", "--engine", "pocketbox", str(tmp_path / "g.toml")]) == 1
    assert "build flow failed, Not found" in capsys.readouterr().err
    assert main(["run", "--engine", "pocketbox", str(tmp_path / "none.toml")]) == 1


def test_a_graph_of_the_pack_by_its_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["graph", "show", "--text", "helmet_detect"]) == 0
    assert "helmet_detect: 5 nodes, 4 edges" in capsys.readouterr().out
    assert main(["check", "helmet_detect"]) == 0
    assert main(["run", "--engine", "pocketbox", "helmet_detekt"]) == 1
    assert "helmet_detekt: graph file cannot be read" in capsys.readouterr().err


def test_settings_and_profile_reach_the_engine(tmp_path, monkeypatch):
    from pocketbox import runner

    seen = {}
    monkeypatch.setattr(runner, "run_file", lambda path, observer, **options: seen.update(options, path=path) or 0)
    assert main(["run", "--engine", "pocketbox", "g.toml", "--set", "a.sub.k=x=y", "--profile", "out"]) == 0
    assert seen["settings"] == {("a", "sub.k"): "x=y"} and seen["profile"] == "out" and seen["path"] == "g.toml"


REAL = """#!%s
import json, shutil, sys
shutil.copy(sys.argv[-1], %r)
json.dump(sys.argv[1:], open(%r, "w"))
sys.exit(3)
"""


def test_the_real_engine_gets_a_changed_copy(tmp_path, monkeypatch, capfd):
    (tmp_path / "bin").mkdir()
    tool = tmp_path / "bin" / "modelbox-tool"
    tool.write_text(REAL % (sys.executable, str(tmp_path / "seen.toml"), str(tmp_path / "args.json")))
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("POCKETBOX_ONLY", raising=False)
    (tmp_path / "g.toml").write_text(GRAPH)
    assert main(["run", str(tmp_path / "g.toml"), "--set", 'a.k=say "x, y"', "--profile", str(tmp_path)]) == 3
    graph = graphfile.load(str(tmp_path / "seen.toml"))
    assert graph.nodes["a"].attributes["k"] == 'say "x, y"' and graph.nodes["a"].unit == "x"
    assert graph.settings["profile.dir"] == str(tmp_path) and graph.settings["profile.trace"] == "true"
    assert json.loads((tmp_path / "args.json").read_text())[:5] == ["-verbose", "-log-level", "INFO", "flow", "-run"]
    assert main(["run", str(tmp_path / "g.toml")]) == 3
    assert json.loads((tmp_path / "args.json").read_text())[-1] == str(tmp_path / "g.toml")


def test_rewriting_keeps_the_graph(tmp_path):
    (tmp_path / "g.toml").write_text(GRAPH)
    text = rewrite.changed_copy(str(tmp_path / "g.toml"), {("b", "path"): "C:\\new", ("a", "k"): "2"})
    graph = graphfile.loads(text)
    assert graph.nodes["b"].attributes["path"] == "C:\\new" and graph.nodes["a"].attributes["k"] == "2"
    assert [repr(edge) for edge in graph.edges] == ["a:o -> b:i"]
    with pytest.raises(FormatError, match="Nodes: a, b"):
        rewrite.changed_copy(str(tmp_path / "g.toml"), {("c", "k"): "1"})
