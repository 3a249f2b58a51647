import os

from edgevision.paths import find, pack_home, places


def unit_in(home):
    folder = home / "flowunits" / "some_unit"
    folder.mkdir(parents=True)
    return str(folder / "some_unit.py")


def test_the_working_directory_comes_first_then_the_home(tmp_path, monkeypatch):
    home, work = tmp_path / "a pack", tmp_path / "wörk"
    unit = unit_in(home)
    work.mkdir()
    (home / "film.mp4").write_bytes(b"home")
    monkeypatch.chdir(work)
    assert pack_home(unit) == str(home)
    assert find("film.mp4", unit) == str(home / "film.mp4")
    (work / "film.mp4").write_bytes(b"work")
    assert find("film.mp4", unit) == "film.mp4"


def test_globs_are_looked_up_too(tmp_path, monkeypatch):
    unit = unit_in(tmp_path / "pack")
    (tmp_path / "pack" / "a.png").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    assert find("*.png", unit) == str(tmp_path / "pack" / "*.png")


def test_what_is_nowhere_comes_back_and_the_message_says_where_it_was_looked_for(tmp_path, monkeypatch):
    unit = unit_in(tmp_path / "pack")
    monkeypatch.chdir(tmp_path)
    assert find("none.mp4", unit) == "none.mp4"
    assert places("none.mp4", unit) == "%s and %s" % (tmp_path / "none.mp4", tmp_path / "pack" / "none.mp4")


def test_addresses_and_full_paths_are_left_alone(tmp_path):
    unit = unit_in(tmp_path / "pack")
    for name in ("rtsp://camera/1", "0", "webcam:2", "/dev/video0", os.path.abspath("x.mp4"), ""):
        assert find(name, unit) == name
