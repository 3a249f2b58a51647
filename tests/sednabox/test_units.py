"""sednabox units through the command line."""

from __future__ import annotations

import json

from sednabox.__main__ import main

UNIT = '''[base]
name = "probe_unit"
device = "cpu"
version = "1.0.0"
description = "Takes samples"
entry = "probe_module@Probe"
type = "python"
stream = true
group_type = "Video"
[config]
every = 5
[input.input1]
name = "in"
[output.output1]
name = "out"
'''


def test_list_and_explain(tmp_path, capsys):
    (tmp_path / "probe.toml").write_text(UNIT)
    assert main(["units", "--path", str(tmp_path)]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == ["name", "device", "kind", "inputs", "outputs", "group"]
    assert ["probe_unit", "cpu", "stream", "in", "out", "Video"] in rows
    assert main(["units", "probe_unit", "--path", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "Takes samples" in out and "every (string, default 5)" in out and "flowunit=probe_unit" in out


def test_json(tmp_path, capsys):
    (tmp_path / "probe.toml").write_text(UNIT)
    assert main(["units", "--json", "probe_unit", "--path", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out)["options"][0]["name"] == "every"
    assert main(["units", "--json", "--path", str(tmp_path)]) == 0
    assert "probe_unit" in [unit["name"] for unit in json.loads(capsys.readouterr().out)["flowunits"]]


def test_a_unit_that_is_not_there(tmp_path, capsys):
    (tmp_path / "probe.toml").write_text(UNIT)
    assert main(["units", "prob_unit", "--path", str(tmp_path)]) == 1
    assert "Did you mean 'probe_unit'" in capsys.readouterr().err
