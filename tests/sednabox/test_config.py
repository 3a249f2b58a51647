"""The service's configuration: what is wrong is told with its place, and secrets stay in their files."""
from pathlib import Path

import pytest

from pocketbox.errors import FormatError
from sednabox import config
from sednabox.__main__ import main

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "sednabox.toml"
        path.write_text(text, encoding="utf-8")
        return str(path)
    return write


def messages(path, environment=None):
    return [str(problem) for problem in config.check(path, environment or {})]


def test_the_example_is_right():
    assert messages(str(REPOSITORY / "packaging/etc/sednabox.toml")) == []


def test_every_line_of_the_example_that_is_commented_out_is_right_too(tmp_path):
    text = (REPOSITORY / "packaging/etc/sednabox.toml").read_text(encoding="utf-8")
    lines = [line[2:] if line.startswith(('# "', "# HE_")) else line for line in text.splitlines()]
    path = tmp_path / "sednabox.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials/gate").write_text("pass word\n", encoding="utf-8")
    found = config.load(str(path), {})
    assert found.settings[("camera", "source")] == "rtsp://viewer:pass word@192.0.2.10:554/1"
    assert found.environment == {"HE_SAVED_URL": "https://cloud.example/hard-examples"}


@pytest.mark.parametrize("text, wanted", [
    ("[service]\ngraph = 'nothing'\n", ["2:1", "no graph 'nothing'"]),
    ("[service]\n", ["no graph is named"]),
    ("", ["no graph is named"]),
    ("[service\n", ["not valid TOML"]),
    ("[service]\ngraph = [", ["not valid TOML: it ends in the middle of a value"]),
    ("[servic]\ngraph = 'helmet_detect'\n", ["[servic]", "Did you mean 'service'"]),
    ("[service]\ngrpah = 'helmet_detect'\n", ["2:1", "Did you mean 'graph'"]),
    ("[service]\ngraph = 3\n", ["graph is a whole number", "Expected a text"]),
    ("service = 1\n", ["not a table"]),
    ("[service]\ngraph = 'helmet_detect'\nstall_seconds = true\n", ["stall_seconds is true or false"]),
    ("[service]\ngraph = 'helmet_detect'\nstall_seconds = 1\n", ["Expected 5 or more"]),
    ("[service]\ngraph = 'helmet_detect'\n[set]\n'vido.source' = 'x'\n", ["4:1", "Did you mean 'video'"]),
    ("[service]\ngraph = 'helmet_detect'\n[set]\nvideo = 'x'\n", ["names no attribute"]),
    ("[service]\ngraph = 'helmet_detect'\n[set]\n'video.source' = ['x']\n", ["is a list"]),
    ("[service]\ngraph = 'helmet_detect'\n[environment]\n'A B' = 'x'\n", ["not a name of an environment variable"]),
    ("[service]\ngraph = 'helmet_detect'\n[metrics]\nport = 70000\n", ["1 to 65535"]),
    ("[service]\ngraph = 'helmet_detect'\n[metrics]\naddress = 'box'\n", ["not an IP address"]),
    ("[service]\ngraph = 'helmet_detect'\n[metrics]\naddress = '0.0.0.0'\n", ["warning", "without a password"]),
    ("[service]\ngraph = 'helmet_detect'\n[set]\n'video.source' = '{credential:gate}'\n", ["no credential 'gate'"]),
    ("[service]\ngraph = 'helmet_detect'\n[set]\n'video.source' = '{credential:../x}'\n",
     ["not a name of a credential"]),
])
def test_mistakes_are_told_with_their_place(write, text, wanted):
    path = write(text)
    found = "\n".join(messages(path))
    assert path in found
    for words in wanted:
        assert words in found


def test_all_mistakes_are_told_at_once(write):
    assert len(messages(write("[service]\ngraph = 'no'\nx = 1\n[metrics]\nport = 'a'\n"))) == 3


def test_settings_may_be_tables(write):
    path = write("[service]\ngraph = 'helmet_detect'\n[set.video]\nsource = 'a'\npaced = true\n[set]\n"
                 "detect.threads = 2\n")
    assert config.load(path, {}).settings == {
        ("video", "source"): "a", ("video", "paced"): "true", ("detect", "threads"): "2"}


def test_systemd_hands_secrets_over(write, tmp_path):
    given = tmp_path / "given"
    given.mkdir()
    (given / "sednabox_gate").write_text("s3cret\n", encoding="utf-8")
    path = write("[service]\ngraph = 'helmet_detect'\n[set]\n'video.source' = 'rtsp://u:{credential:gate}@h/1'\n")
    found = config.load(path, {"CREDENTIALS_DIRECTORY": str(given)})
    assert found.settings[("video", "source")] == "rtsp://u:s3cret@h/1"


def test_load_raises_the_first_error(write):
    with pytest.raises(FormatError, match="no graph 'no'"):
        config.load(write("[service]\ngraph = 'no'\n"), {})


def test_a_graph_may_lie_beside_the_configuration(write, tmp_path):
    (tmp_path / "own.toml").write_text('[graph]\nformat="graphviz"\ngraphconf="""digraph g { a [flowunit=x] }"""\n',
                                       encoding="utf-8")
    assert config.load(write("[service]\ngraph = 'own'\n"), {}).graph == str(tmp_path / "own.toml")


def test_check_command(write, capsys):
    assert main(["check", "--config", write("[service]\ngraph = 'nothing'\n")]) == 1
    assert "no graph 'nothing'" in capsys.readouterr().out
    assert main(["check", "--config", str(REPOSITORY / "packaging/etc/sednabox.toml")]) == 0
    assert main(["check", "--config", "/nowhere/sednabox.toml"]) == 1
    assert "Traceback" not in capsys.readouterr().err
