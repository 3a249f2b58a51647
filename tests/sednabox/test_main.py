"""The dispatcher: fast, and not broken by one broken command."""

from __future__ import annotations

import os
import subprocess
import sys
import types

import pytest

from sednabox import __main__ as dispatcher


@pytest.fixture
def command(monkeypatch):
    """Put a command of this name in place; `run` and `add_arguments` come from the test."""

    def put(run, add_arguments=lambda parser: None, name="probe"):
        module = types.ModuleType("sednabox.commands." + name)
        module.run, module.add_arguments = run, add_arguments
        monkeypatch.setitem(sys.modules, module.__name__, module)
        found = {name: dispatcher.Command(name, "a probe", module.__name__)}
        monkeypatch.setattr(dispatcher, "commands", lambda folder="": found)

    return put


def test_help_lists_every_command(capsys):
    assert dispatcher.main(["--help"]) == 0
    out = capsys.readouterr().out
    for name in ("check", "graph", "run", "units"):
        assert "\n  %s " % name in out


def test_help_does_not_import_commands():
    code = (
        "import sys; from sednabox.__main__ import main; main(['--help']); "
        "sys.exit(any(n.startswith('sednabox.commands.') for n in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, cwd=os.getcwd())
    assert done.returncode == 0, done.stderr


def test_version_and_wrong_use(capsys):
    assert dispatcher.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("sednabox ")
    assert dispatcher.main([]) == 2
    assert dispatcher.main(["--nothing"]) == 2
    assert dispatcher.main(["chekc"]) == 2
    assert "did you mean 'check'" in capsys.readouterr().err
    assert dispatcher.main(["help"]) == 0


def test_arguments_and_exit_code(command):
    command(lambda args: args.number, lambda parser: parser.add_argument("number", type=int))
    assert dispatcher.main(["probe", "7"]) == 7
    with pytest.raises(SystemExit) as caught:
        dispatcher.main(["probe", "x"])
    assert caught.value.code == 2


def test_an_expected_error_is_one_line(command, capsys):
    def run(args):
        raise FileNotFoundError(2, "No such file", "a.toml")

    command(run)
    assert dispatcher.main(["probe"]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "a.toml" in err and "--debug" not in err


@pytest.mark.parametrize("args", [["--debug", "probe"], ["probe", "--debug"]])
def test_an_unexpected_error_tells_how_to_see_more(command, capsys, args):
    command(lambda args: 1 // 0)
    assert dispatcher.main(["probe"]) == 1
    err = capsys.readouterr().err
    assert "ZeroDivisionError" in err and "Traceback" not in err and "--debug" in err
    assert dispatcher.main(args) == 1
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupt(command):
    def run(args):
        raise KeyboardInterrupt

    command(run)
    assert dispatcher.main(["probe"]) == 130


def test_a_broken_command_breaks_nobody_else(tmp_path, monkeypatch, capsys):
    (tmp_path / "good_one.py").write_text("NAME = 'good-one'\nHELP = 'works'\n")
    (tmp_path / "bad.py").write_text("NAME = 'bad'\nHELP = 'broken'\nimport nothing_of_this_name\n")
    (tmp_path / "worse.py").write_text("def (:\n")
    found = dispatcher.commands(str(tmp_path))
    assert {name: command.help for name, command in found.items()} == {
        "bad": "broken",
        "good-one": "works",
        "worse": "",
    }
    assert "works" in dispatcher.usage(found)


def test_a_command_that_cannot_be_imported(monkeypatch, capsys):
    monkeypatch.setattr(
        dispatcher,
        "commands",
        lambda folder="": {"gone": dispatcher.Command("gone", "", "sednabox.commands.gone_for_good")},
    )
    assert dispatcher.main(["gone"]) == 1
    assert "gone_for_good" in capsys.readouterr().err


def test_every_command_explains_itself():
    for command in dispatcher.commands().values():
        assert command.name and command.help, command
