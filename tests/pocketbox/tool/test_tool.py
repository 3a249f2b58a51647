"""modelbox-tool through its command line."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys

import pytest

from pocketbox import descriptorfile, graphfile, tomltext
from pocketbox.check import check
from pocketbox.tool import __main__ as tool
from pocketbox.tool.options import UsageError, read

GRAPH = (
    '[driver]\ndir = ["x"]\n[graph]\nformat = "graphviz"\ngraphconf = """digraph {\n  a[x="1"]\n}"""\n'
    '[flow]\nname = "f"\n'
)


def run(capsys, *args):
    code = tool.embedded(list(args))
    out, err = capsys.readouterr()
    return code, out, err


# -- options ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("words", [["-path", "a"], ["--path", "a"], ["-path=a"], ["--path=a"], ["-pa", "a"]])
def test_ways_to_write_an_option(words):
    assert list(read(words, {"path": True, "type": True})) == [("path", "a", [])]


@pytest.mark.parametrize(
    "words, what",
    [
        (["-nope"], "unrecognized"),
        (["-path"], "needs a value"),
        (["-flag=1"], "takes no value"),
        (["-p"], "ambiguous"),
    ],
)
def test_options_that_are_wrong(words, what):
    with pytest.raises(UsageError, match=what):
        list(read(words, {"path": True, "pass": True, "flag": False}))


def test_a_word_hands_over_the_rest():
    assert list(read(["-v", "flow", "-run", "x"], {"v": False, "run": True}))[1] == ("", "flow", ["-run", "x"])


# -- help and errors -------------------------------------------------------------------------------------------------
def test_help(capsys):
    code, out, _ = run(capsys, "-h")
    assert code == 0 and "flow" in out and "driver" in out and "template" in out
    assert run(capsys)[0] == 1
    assert "-conf-convert" in run(capsys, "help", "flow")[1]
    assert run(capsys, "help", "nothing")[0] == 1
    assert run(capsys, "-v")[1].startswith("modelbox-tool")


@pytest.mark.parametrize(
    "args, words",
    [
        (["nothing"], "not exist"),
        (["flow", "-nothing"], "unrecognized"),
        (["-log-level", "LOUD", "flow"], "LOUD"),
        (["key", "-pass"], "real ModelBox"),
        (["driver", "-info", "-type", "x"], "not known"),
        (["flow", "-conf-convert"], "path"),
        (["flow", "-conf-convert", "-path", "nothing.toml"], "No such file"),
    ],
)
def test_errors_are_one_line(capsys, args, words):
    code, out, err = run(capsys, *args)
    assert code == 1 and words in out + err and "Traceback" not in err


# -- flow ------------------------------------------------------------------------------------------------------------
def test_a_graph_that_cannot_be_built(capsys, tmp_path):
    (tmp_path / "g.toml").write_text(GRAPH)
    code, _, err = run(capsys, "flow", "-run", str(tmp_path / "g.toml"))
    assert code == 1 and "build flow failed, Not supported" in err
    (tmp_path / "g.toml").write_text("[driver")
    code, _, err = run(capsys, "flow", "-run", str(tmp_path / "g.toml"))
    assert code == 1 and "init flow failed, Fault" in err


def test_converting_there_and_back(capsys, tmp_path):
    (tmp_path / "g.toml").write_text(GRAPH)
    code, text, _ = run(capsys, "flow", "-conf-convert", "-path", str(tmp_path / "g.toml"), "-out-format", "json")
    assert code == 0 and json.loads(text)["flow"] == {"name": "f"}
    (tmp_path / "g.json").write_text(text)
    code, back, _ = run(capsys, "flow", "-conf-convert", "-path", str(tmp_path / "g.json"))
    assert code == 0 and tomltext.loads(back).values == tomltext.loads(GRAPH).values
    assert list(graphfile.loads(back).nodes) == ["a"]


def test_converting_odd_values(capsys, tmp_path):
    values = {
        "a": None,
        "b": [1, [2], {"c": None, "d": 3}],
        "e": {"f": {"g": "x\n'''\ny"}},
        "h": "tab\t\"q\" \\ é",
        "i": 1.5,
        "j": "l1\r\nl2\x01",
    }
    (tmp_path / "v.json").write_text(json.dumps(values))
    code, text, _ = run(capsys, "flow", "-conf-convert", "-path", str(tmp_path / "v.json"), "-out-format", "toml")
    assert code == 0
    del values["a"], values["b"][2]["c"]
    assert tomltext.loads(text).values == values


# -- driver ----------------------------------------------------------------------------------------------------------
@pytest.fixture
def project(capsys, tmp_path):
    code, out, err = run(
        capsys, "template", "-project", "-name", "demo", "-rootpath", str(tmp_path), "-template=hello_world"
    )
    assert code == 0 and "success" in out, err
    return tmp_path / "demo"


def test_drivers(capsys, project):
    units = str(project / "src" / "flowunit")
    code, out, _ = run(capsys, "driver", "-info", "-path", units)
    assert code == 0 and "Drivers Information:" in out and "hello_world" in out
    out = run(capsys, "driver", "-info", "-type", "flowunit", "-path", units)[1]
    line = next(line for line in out.splitlines() if line.startswith("hello_world"))
    assert line.split() == ["hello_world", "cpu", "Generic", "hello_world", "1.0.0", "in_data", "out_data"]
    out = run(capsys, "driver", "-info", "-details", "-name", "hello_world", "-path", units)[1]
    assert "flowunit name\t: hello_world" in out and "    name\t: in_data" in out
    assert "hello_world" in run(capsys, "driver", "-info", "-conf", str(project / "src/graph/demo.toml"))[1]


def test_drivers_as_json(capsys, project):
    code, out, _ = run(capsys, "driver", "-info", "-format-json", "-path", str(project / "src" / "flowunit"))
    info = json.loads(out)
    unit = next(unit for unit in info["flowunits"] if unit["name"] == "hello_world")
    assert code == 0 and info["devices"][0]["type"] == "CPU"
    assert unit["inputports"] == [{"name": "in_data", "device_type": "cpu", "port_type": ""}]
    assert set(unit) == {
        "name",
        "type",
        "version",
        "description",
        "group",
        "virtual",
        "inputports",
        "outputports",
        "options",
    }


# -- template --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["normal", "stream", "condition", "collapse", "collapse_all", "expand", ""])
def test_a_new_flowunit_has_no_problems(capsys, project, kind):
    outputs = ["-output", "-", "-output", "name=second,device=cpu"] if kind == "condition" else ["-output", "-"]
    code, out, err = run(
        capsys,
        "template",
        "-flowunit",
        "-name",
        "unit",
        "-lang",
        "python",
        "-type",
        kind,
        "-project-path",
        str(project),
        "-group-type",
        "video",
        "-input",
        "-",
        *outputs,
        "-desc",
        'says "hello" \\ and é',
    )
    assert code == 0 and "create python flowunit" in out, err
    found = descriptorfile.load(str(project / "src/flowunit/unit/unit.toml"))
    assert found.group_type == "Video" and found.description == 'says "hello" \\ and é'
    assert found.stream is (kind == "stream") and found.condition is (kind == "condition")
    assert found.collapse is kind.startswith("collapse") and found.expand is (kind == "expand")
    assert [p for p in check(str(project)) if p.place.file.endswith(("unit.py", "unit.toml"))] == []


def test_sources_and_sinks(capsys, project):
    for name, port in (("source", "-output"), ("sink", "-input")):
        assert (
            run(
                capsys,
                "template",
                "-flowunit",
                "-name",
                name,
                "-lang",
                "python",
                "-project-path",
                str(project),
                port,
                "-",
            )[0]
            == 0
        )
    assert [str(p) for p in check(str(project / "src" / "flowunit"))] == []


def test_an_inference_unit(capsys, project, tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"x")
    code, _, err = run(
        capsys,
        "template",
        "-flowunit",
        "-name",
        "infer",
        "-lang",
        "infer",
        "-project-path",
        str(project),
        "-input",
        "name=in,type=float",
        "-output",
        "-",
        "-virtual-type",
        "onnx",
        "-model",
        str(tmp_path / "model.onnx"),
        "-copy-model",
    )
    assert code == 0, err
    unit = descriptorfile.load(str(project / "src/flowunit/infer/infer.toml"))
    assert unit.type == "inference" and unit.entry == "model.onnx" and unit.inputs[0].type == "float"
    assert (project / "src/flowunit/infer/model.onnx").exists()


@pytest.mark.parametrize(
    "change, words",
    [
        (["-name", "../unit"], "letters"),
        (["-name", "1unit"], "letters"),
        (["-lang", "c++"], "real tool"),
        (["-lang", "perl"], "not supported"),
        (["-type", "loop"], "invalid"),
        (["-device", "tpu"], "invalid"),
        (["-input", "nome=x"], "invalid port"),
        (["-input", "name=a b"], "letters"),
        (["-project-path", "/nowhere"], "invalid"),
        (["-name", "hello_world"], "already exists"),
        (["stray"], "stray"),
    ],
)
def test_flowunits_that_are_refused(capsys, project, change, words):
    before = sorted(os.listdir(project / "src" / "flowunit"))
    code, out, err = run(
        capsys,
        "template",
        "-flowunit",
        "-name",
        "unit",
        "-lang",
        "python",
        "-project-path",
        str(project),
        "-output",
        "-",
        *change,
    )
    assert code == 1 and words in err and out == ""
    assert sorted(os.listdir(project / "src" / "flowunit")) == before


def test_projects(capsys, tmp_path, project):
    assert run(capsys, "template", "-project", "-getname", str(project))[1] == "demo\n"
    assert "hello_world" in run(capsys, "template", "-project", "-list-template")[1]
    assert "already exists" in run(capsys, "template", "-project", "-name", "demo", "-path", str(project))[2]
    assert "letters" in run(capsys, "template", "-project", "-name", "a/../b", "-rootpath", str(tmp_path))[2]
    assert (
        "no template"
        in run(capsys, "template", "-project", "-name", "x", "-path", str(tmp_path / "x"), "-template", "y")[2]
    )
    assert run(capsys, "template", "-project", "-name", "bare", "-path", str(tmp_path / "bare"))[0] == 0
    assert graphfile.load(str(tmp_path / "bare/src/graph/bare.toml")).nodes == {}
    assert (tmp_path / "bare/src/flowunit").is_dir()


# -- handing over ----------------------------------------------------------------------------------------------------
def start(path, *args, **env):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("POCKETBOX")}
    environment.update(env, PATH=str(path), PYTHONPATH=os.pathsep.join(sys.path))
    code = "import sys; from pocketbox.tool.__main__ import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", code, *args], env=environment, capture_output=True, text=True, check=False
    )


def script(path, text):
    path.mkdir(exist_ok=True)
    (path / "modelbox-tool").write_text(text)
    (path / "modelbox-tool").chmod(0o755 | stat.S_IXUSR)


def test_the_real_tool_is_handed_over_to(tmp_path):
    script(tmp_path / "real", "#!/bin/sh\necho real \"$@\"\nexit 7\n")
    done = start(tmp_path / "real", "flow", "-run", "a b")
    assert (done.returncode, done.stdout) == (7, "real flow -run a b\n")
    assert start(tmp_path / "real", "-v", POCKETBOX_ONLY="1").stdout.startswith("modelbox-tool (embedded")


def test_our_own_command_is_never_handed_over_to(tmp_path):
    script(tmp_path / "ours", "#!/usr/bin/python\nfrom pocketbox.tool.__main__ import main\nmain()\n")
    assert start(tmp_path / "ours", "-v").stdout.startswith("modelbox-tool (embedded")
    script(tmp_path / "both", "#!/bin/sh\necho real\n")
    assert start("%s%s%s" % (tmp_path / "ours", os.pathsep, tmp_path / "both"), "-v").stdout == "real\n"
