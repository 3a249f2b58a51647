"""Which flowunits are found, and what is said about those that are not."""

from __future__ import annotations

import pytest

from pocketbox import catalog as catalog_module
from pocketbox.catalog import Catalog, device_types
from pocketbox.descriptor import Descriptor
from pocketbox.errors import BuildError


def write(folder, name, text="", device="cpu"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / (name + ".toml")).write_text(
        '[base]\nname = "%s"\ndevice = "%s"\nversion = "1.0.0"\ndescription = "d"\nentry = "m@C"\ntype = "python"\n'
        '[input.input1]\nname = "in"\n%s' % (name, device, text),
        encoding="utf-8",
    )


@pytest.fixture(autouse=True)
def no_builtins(monkeypatch):
    monkeypatch.setattr(catalog_module, "builtin_units", lambda: [Descriptor("resize", "cpu", "builtin")])


def test_a_folder_itself_and_one_level_below(tmp_path):
    write(tmp_path, "here")
    write(tmp_path / "below", "under")
    write(tmp_path / "below" / "deeper", "deep")
    catalog = Catalog.scan([str(tmp_path)])
    assert catalog.names() == ["here", "resize", "under"]
    unit = catalog.find("under")
    assert unit.folder == str(tmp_path / "below") and unit.input_names() == ["in"] and unit.stream is True
    with pytest.raises(BuildError, match="one folder below") as caught:
        catalog.find("deep")
    assert caught.value.status == "NOTFOUND" and "deeper" in str(caught.value)


def test_missing_folders_are_passed_over(tmp_path):
    write(tmp_path, "here")
    catalog = Catalog.scan([str(tmp_path / "nothing"), str(tmp_path)])
    assert catalog.find("here") and catalog.problems == []
    with pytest.raises(BuildError, match="does not exist"):
        catalog.find("there")


def test_the_first_one_found_wins(tmp_path):
    write(tmp_path / "a", "unit", "[config]\nx = 1\n")
    write(tmp_path / "b", "unit", "[config]\nx = 2\n")
    write(tmp_path / "b", "resize")
    catalog = Catalog.scan([str(tmp_path / "a"), str(tmp_path / "b")])
    assert catalog.find("unit").config == {"x": "1"}
    assert catalog.find("resize").type == "builtin"
    assert [problem.code for problem in catalog.problems] == ["SB014", "SB014"]


def test_a_skipped_descriptor_is_remembered(tmp_path):
    write(tmp_path, "unit")
    (tmp_path / "unit.toml").write_text((tmp_path / "unit.toml").read_text().replace('version = "1.0.0"\n', ""))
    catalog = Catalog.scan([str(tmp_path)])
    with pytest.raises(BuildError, match=r"skipped: .*unit.toml:1:1: \[base\] lacks version"):
        catalog.find("unit")
    assert [problem.code for problem in catalog.problems] == ["SB011"]


def test_the_nearest_name(tmp_path):
    write(tmp_path, "helmet_detect")
    with pytest.raises(BuildError, match="Did you mean 'helmet_detect'"):
        Catalog.scan([str(tmp_path)]).find("helmet_detekt")


@pytest.mark.parametrize(
    "name, device, words",
    [
        ("resize", "cuda", "real engine only"),
        ("resize", "tpu", "Write device=cpu"),
        ("image_preprocess", "", "NVIDIA"),
        ("obs_source_parser", "", "cloud"),
        ("rk_cpuimg", "cpu", "Rockchip"),
    ],
)
def test_what_is_left_out_on_purpose(name, device, words):
    with pytest.raises(BuildError) as caught:
        Catalog.scan([]).find(name, device)
    assert words in str(caught.value) and caught.value.status == "NOTFOUND"


def test_devices(tmp_path):
    write(tmp_path, "a", device="cuda")
    write(tmp_path, "b")
    catalog = Catalog.scan([str(tmp_path)])
    assert catalog.find("a").device == "cuda" and catalog.find("b", "cuda:0,1;cpu:0").device == "cpu"
    assert device_types("cuda:0,1;cpu") == ["cuda", "cpu"] and device_types("") == []


def test_units_of_other_languages(tmp_path):
    write(tmp_path, "unit")
    (tmp_path / "unit.toml").write_text((tmp_path / "unit.toml").read_text().replace('"python"', '"c++"'))
    catalog = Catalog.scan([str(tmp_path)])
    assert catalog.problems == []
    with pytest.raises(BuildError, match=r"C\+\+"):
        catalog.find("unit")
