"""The pack as a project of ModelBox's WebUI: what opens, what its requests carry, what editing and saving leaves."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tomlkit

from pocketbox import graphfile
from pocketbox.check import check
from sednabox.__main__ import main

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("projects") / "site"
    assert main(["project", str(folder)]) == 0
    return folder


def is_project(folder):
    folders = [folder / "src" / name for name in ("flowunit", "graph")]
    return (folder / "CMakeLists.txt").is_file() and all(path.is_dir() for path in folders)


def test_repository_and_project_are_projects(project):
    assert is_project(project)
    assert is_project(REPOSITORY)
    assert (REPOSITORY / "src/graph/helmet_detect.toml").is_file()


def test_modelbox_tools_find_the_name(project):
    """They take what stands between the brackets of every line that begins with `project`."""
    for folder, name in ((project, "site"), (REPOSITORY, "sednabox")):
        lines = [line for line in (folder / "CMakeLists.txt").read_text(encoding="utf-8").splitlines()
                 if line.lstrip(" ").startswith("project")]
        assert lines == ["project(%s)" % name]


def test_every_unit_is_whole(project):
    """The WebUI takes name, group, description and ports of our units from these files."""
    ours = {path.relative_to(REPOSITORY / "flowunits") for path in (REPOSITORY / "flowunits").glob("*/*.toml")}
    assert {path.relative_to(project / "src/flowunit") for path in (project / "src/flowunit").glob("*/*.toml")} == ours
    for path in (project / "src/flowunit").glob("*/*.toml"):
        unit = json.loads(json.dumps(tomlkit.parse(path.read_text(encoding="utf-8")).unwrap()))
        assert unit["base"]["name"] and unit["base"]["description"]
        assert unit["base"]["group_type"][0].isupper()
        assert "input" in unit or "output" in unit
        for side in ("input", "output"):
            for port in unit.get(side, {}).values():
                assert port["name"]


def opened(path):
    """A graph as the server gives it to the WebUI."""
    return json.loads(json.dumps(tomlkit.parse(path.read_text(encoding="utf-8")).unwrap()))


@pytest.fixture(params=sorted(path.name for path in (REPOSITORY / "graphs").glob("*.toml")))
def graph(request, project):
    return project / "src/graph" / request.param


def test_graphs_open(graph, project):
    found = opened(graph)
    assert found["driver"]["dir"] == [str(project / "src/flowunit"), "/opt/modelbox/application/site/flowunit"]
    assert isinstance(found["graph"]["graphconf"], str)


def as_the_editor_writes(graph):
    """The DOT text as the WebUI makes it: blanks between attributes, quotes around what is no identifier and around
    ports."""
    def quoted(value):
        return value if value.isidentifier() else '"%s"' % value.replace('"', '\\"')

    lines = ["digraph %s {" % graph.name, "    node [shape=Mrecord]"]
    for node in graph.nodes.values():
        attributes = {"type": "flowunit", **node.attributes}
        attributes.pop("shape", None)
        lines.append("    %s [ %s ]" % (node.name, " ".join(
            "%s=%s" % (key, quoted(str(value))) for key, value in attributes.items())))
    for edge in graph.edges:
        lines.append('    %s:"%s" -> %s:"%s"' % (edge.source, edge.source_port, edge.target, edge.target_port))
    return "\n".join([*lines, "}"]) + "\n"


def test_graphs_survive_editing_and_saving(graph, tmp_path):
    before = graphfile.load(str(graph))
    saved = opened(graph)
    saved["graph"]["graphconf"] = as_the_editor_writes(before)
    path = tmp_path / graph.name
    path.write_text(tomlkit.dumps(saved), encoding="utf-8")
    os.chmod(path, 0o600)
    after = graphfile.load(str(path))
    assert list(after.nodes) == list(before.nodes)
    for name, node in before.nodes.items():
        wanted = {key: value for key, value in node.attributes.items() if key != "shape"}
        assert wanted.items() <= after.nodes[name].attributes.items()
    edges = {(edge.source, edge.source_port, edge.target, edge.target_port) for edge in before.edges}
    assert {(edge.source, edge.source_port, edge.target, edge.target_port) for edge in after.edges} == edges
    assert not [problem for problem in check(str(path)) if problem.severity == "error"]


def test_the_projects_graph_runs_from_anywhere(project, tmp_path):
    done = subprocess.run([sys.executable, "-m", "pocketbox.tool", "flow", "-run",
                           str(project / "src/graph/helmet_detect.toml")], cwd=str(tmp_path), stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=100)
    assert done.returncode == 0, done.stdout
    assert (tmp_path / "helmet_detect.jsonl").stat().st_size > 1000


def test_what_is_there_stays(tmp_path, capsys):
    (tmp_path / "site").mkdir()
    (tmp_path / "site/mine").write_text("", encoding="utf-8")
    assert main(["project", str(tmp_path / "site")]) == 1
    assert "is there already" in capsys.readouterr().err
    assert os.listdir(tmp_path / "site") == ["mine"]


@pytest.mark.parametrize("arguments, words", [
    (["bad name"], "expected letters"), (["site", "--graph", "helmet_detct"], "Did you mean 'helmet_detect'"),
    (["site", "--units", "nowhere"], "--units DIR")])
def test_mistakes_leave_nothing_behind(arguments, words, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["project", *arguments]) == 1
    assert words in capsys.readouterr().err
    assert os.listdir(tmp_path) == []


def test_one_graph(tmp_path):
    assert main(["project", str(tmp_path / "site"), "--graph", "helmet_http"]) == 0
    assert [path.name for path in (tmp_path / "site/src/graph").glob("*.toml")] == ["helmet_http.toml"]
