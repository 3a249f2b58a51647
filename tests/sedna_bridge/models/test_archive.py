"""Archives of strangers: nothing lands outside, nothing alien lands at all."""

import io
import os
import stat
import tarfile
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sedna_bridge.models import BadArchive, Limits, pack, unpack
from sedna_bridge.models.archive import allowed_name


def tar(path, members, mode="w:gz"):
    with tarfile.open(str(path), mode) as archive:
        for name, data, changes in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for key, value in changes.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(data))
    return path


def box(tmp_path):
    folder = tmp_path / "into"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_plain_tar(tmp_path, mode):
    made = tar(tmp_path / "a.tar", [("model.onnx", b"m", {}), ("golden/1.jpg", b"j", {})], mode)
    assert unpack(made, box(tmp_path)) == ["golden/1.jpg", "model.onnx"]
    assert (tmp_path / "into" / "golden" / "1.jpg").read_bytes() == b"j"


def test_a_zip_and_one_top_folder(tmp_path):
    with zipfile.ZipFile(str(tmp_path / "a.zip"), "w") as archive:
        archive.writestr("helmet/model.onnx", b"m")
        archive.writestr("helmet/golden/1.png", b"p")
    assert unpack(tmp_path / "a.zip", box(tmp_path)) == ["golden/1.png", "model.onnx"]


@pytest.mark.parametrize(
    "name",
    [
        "/etc/x.txt",
        "../x.txt",
        "a/../../x.txt",
        "a\\..\\x.txt",
        "run.sh",
        "model.onnx/..",
        ".hidden.txt",
        "a/.b/x.txt",
        "x" * 250 + ".txt",
        "model.so",
        "",
        "a\nb.txt",
        "-\x00.txt",
        "con\u202etxt.txt",
    ],
)
def test_names_that_are_refused(name):
    with pytest.raises(BadArchive):
        allowed_name(name)


@pytest.mark.parametrize(
    "changes",
    [
        {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"},
        {"type": tarfile.LNKTYPE, "linkname": "model.onnx"},
        {"type": tarfile.CHRTYPE},
        {"type": tarfile.FIFOTYPE},
    ],
    ids=["symlink", "hardlink", "device", "fifo"],
)
def test_only_plain_files(tmp_path, changes):
    made = tar(tmp_path / "a.tar", [("model.onnx", b"m", {}), ("card.md", b"", changes)], "w")
    with pytest.raises(BadArchive, match="only plain files"):
        unpack(made, box(tmp_path))


def test_a_link_in_a_zip(tmp_path):
    info = zipfile.ZipInfo("card.md")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(str(tmp_path / "a.zip"), "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(BadArchive, match="no links"):
        unpack(tmp_path / "a.zip", box(tmp_path))


def test_doubles_and_counts(tmp_path):
    twice = tar(tmp_path / "a.tar", [("model.onnx", b"m", {}), ("MODEL.onnx", b"n", {})])
    with pytest.raises(BadArchive, match="twice"):
        unpack(twice, box(tmp_path))
    many = tar(tmp_path / "b.tar", [("%d.txt" % i, b"", {}) for i in range(11)])
    (tmp_path / "more").mkdir()
    with pytest.raises(BadArchive, match="more than 10 files"):
        unpack(many, tmp_path / "more", Limits(files=10))


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_bombs(tmp_path, kind):
    data = bytes(8 << 20)
    if kind == "tar":
        made = tar(tmp_path / "a.tgz", [("model.onnx", data, {})])
    else:
        made = tmp_path / "a.zip"
        with zipfile.ZipFile(str(made), "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("model.onnx", data)
    with pytest.raises(BadArchive, match="times its size"):
        unpack(made, box(tmp_path), Limits(ratio=100))
    written = sum(path.stat().st_size for path in (tmp_path / "into").rglob("*"))
    assert written < 4 << 20
    (tmp_path / "again").mkdir()
    with pytest.raises(BadArchive, match="more than 1000 bytes"):
        unpack(made, tmp_path / "again", Limits(file_bytes=1000, ratio=10**6))


def test_a_cut_archive(tmp_path):
    made = tar(tmp_path / "a.tgz", [("model.onnx", os.urandom(50000), {})])
    made.write_bytes(made.read_bytes()[:30000])
    with pytest.raises(BadArchive, match="cut or damaged"):
        unpack(made, box(tmp_path))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_damage_is_a_plain_refusal(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("fuzz")
    kind = data.draw(st.sampled_from(["tar", "tgz", "zip"]))
    made = folder / "a"
    if kind == "zip":
        with zipfile.ZipFile(str(made), "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("model.onnx", b"m" * 500)
            archive.writestr("golden/1.jpg", b"j" * 100)
    else:
        tar(made, [("model.onnx", b"m" * 500, {}), ("golden/1.jpg", b"j" * 100, {})], "w" if kind == "tar" else "w:gz")
    raw = bytearray(made.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    made.write_bytes(bytes(raw[: data.draw(st.integers(1, len(raw)))]))
    into = folder / "into"
    into.mkdir()
    try:
        names = unpack(made, into)
    except BadArchive:
        return
    assert all(allowed_name(name) for name in names)


def test_packing_twice_gives_the_same_bytes(tmp_path):
    folder = tmp_path / "m"
    (folder / "golden").mkdir(parents=True)
    (folder / "model.onnx").write_bytes(b"m" * 1000)
    (folder / "golden" / "1.jpg").write_bytes(b"j")
    (folder / "notes.exe").write_bytes(b"not taken")
    pack(folder, tmp_path / "a.tgz")
    os.utime(str(folder / "model.onnx"), (1, 1))
    pack(folder, tmp_path / "b.tgz")
    assert (tmp_path / "a.tgz").read_bytes() == (tmp_path / "b.tgz").read_bytes()
    assert unpack(tmp_path / "a.tgz", box(tmp_path)) == ["golden/1.jpg", "model.onnx"]
