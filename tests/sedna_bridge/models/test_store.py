"""The store and its door, also with several processes at once."""

import json
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import toy_models

from sedna_bridge.models import (
    ModelStore,
    Parcel,
    RejectedModel,
    SourceError,
    StoreBusy,
    StoreError,
    pack,
    sweep,
    take_in,
)

ROOT = str(Path(__file__).resolve().parents[3])


def test_a_folder_comes_in_and_is_found(store, install):
    record = install("1", golden=2)
    assert record.id == "little@1" and sorted(record.files) == [
        "golden/0.txt",
        "golden/1.txt",
        "manifest.toml",
        "model.onnx",
    ]
    assert store.find("1").id == store.find("little").id == store.find("litt").id == "little@1"
    with pytest.raises(StoreError, match="sednabox model ls"):
        store.find("9")
    install("1.5")
    with pytest.raises(StoreError, match=r"little@1, little@1.5|fits"):
        store.find("litt")
    with store.lease("little@1") as lease:
        assert lease.folder.read() == (lease.folder.path / "model.onnx").read_bytes()
        assert os.stat(str(lease.folder.path / "model.onnx")).st_mode & 0o222 == 0


def test_the_same_again_is_no_error_other_bytes_are(store, install, tmp_path):
    install("1")
    install("1")
    assert len(store.versions()) == 1
    with pytest.raises(StoreError, match="another version"):
        install("1", boxes=9)


def test_equal_bytes_are_kept_once(store, tmp_path):
    for name in ("a", "b"):
        folder = toy_models.model_folder(tmp_path / name, "1", name)
        take_in(store, folder)
    assert len(list((store.root / "blobs").glob("*/*"))) == 3


def test_archives_and_bare_files(store, tmp_path):
    folder = toy_models.model_folder(tmp_path / "m", "7")
    pack(folder, tmp_path / "m.tgz")
    assert take_in(store, tmp_path / "m.tgz").id == "little@7"
    bare = tmp_path / "net.onnx"
    bare.write_bytes(toy_models.onnx_bytes(v="bare"))
    record = take_in(store, bare, Parcel(name="our net", version="2026-11-21 01:03:40 +0000 UTC m=+255.78"))
    assert record.id == "our-net@2026-11-21_01:03:40_+0000_UTC_m=+255.78"
    assert take_in(store, bare, Parcel(name="like", version="1", inherit="little@7")).continues == "little@7"
    text = (store.root / "folders" / "like@1" / "manifest.toml").read_text()
    assert 'parent = "7"' in text and "[output]" in text and record.model_sha256 in text


@pytest.mark.parametrize(
    "damage, why",
    [
        (lambda f: (f / "model.onnx").write_bytes((f / "model.onnx").read_bytes()[:-9]), "not one whole ONNX"),
        (lambda f: (f / "manifest.toml").write_text('[model]\nname = "x y"\nversion = "1"'), "name"),
        (lambda f: (f / "manifest.toml").write_text('[model]\nname = "x"\nversion = "1 2"'), "version"),
        (lambda f: (f / "manifest.toml").write_text("[model"), "not TOML"),
        (lambda f: (f / "manifest.toml").write_bytes(b"\xff\xfe[model]"), "not TOML|UTF-8"),
        (
            lambda f: (f / "manifest.toml").write_text(toy_models.manifest("1", sha256="0" * 64)),
            "the manifest says sha256",
        ),
        (lambda f: (f / "manifest.toml").write_text(toy_models.manifest("1", size=5)), "5 bytes"),
        (lambda f: (f / "manifest.toml").write_text(toy_models.manifest("1", file="../x.onnx")), "not there"),
        (lambda f: (f / "manifest.toml").write_text("[input]\nwidth = 1"), r"a table \[model\]"),
        (lambda f: (f / "manifest.toml").write_text('[model]\nname = 3\nversion = "1"'), "a text"),
        (lambda f: (f / "model.onnx").unlink(), "not there"),
    ],
)
def test_bad_folders(store, tmp_path, damage, why):
    folder = toy_models.model_folder(tmp_path / "m", "1")
    damage(folder)
    with pytest.raises(RejectedModel, match=why):
        take_in(store, folder)
    assert not store.versions() and not list((store.root / "incoming").iterdir())


def test_a_link_is_not_followed(store, tmp_path):
    folder = toy_models.model_folder(tmp_path / "m", "1")
    (tmp_path / "secret.txt").write_text("x")
    (folder / "card.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(RejectedModel, match="links"):
        take_in(store, folder)
    with pytest.raises(SourceError):
        take_in(store, folder / "card.txt")


def test_the_sha_is_compared_before_anything_is_opened(store, tmp_path, monkeypatch):
    from sedna_bridge.models import archive

    folder = toy_models.model_folder(tmp_path / "m", "1")
    pack(folder, tmp_path / "m.tgz")
    monkeypatch.setattr(archive, "unpack", lambda *a: pytest.fail("it was opened"))
    with pytest.raises(RejectedModel, match="expected sha256 " + "0" * 64):
        take_in(store, tmp_path / "m.tgz", Parcel(sha256="0" * 64))


def test_read_gives_only_what_was_installed(store, install):
    install("1")
    path = store.root / "folders" / "little@1" / "model.onnx"
    path.chmod(0o644)
    path.write_bytes(b"changed")
    with store.lease("little@1") as lease, pytest.raises(StoreError, match="damaged"):
        lease.folder.read()
    with pytest.raises(StoreError, match="damaged"):
        store.verify("little@1")
    install("1")
    assert store.verify("little@1"), "installing again heals"


def test_the_pointer(store, install):
    install("1", activate=True)
    install("2", activate=True)
    assert (store.pointer().active, store.pointer().previous, store.pointer().serial) == ("little@2", "little@1", 2)
    with pytest.raises(StoreError):
        store.point_at("little@9")


def test_sweep_keeps_what_is_needed(store, install):
    for version in "123456789":
        install(version)
    store.point_at("little@1")
    store.point_at("little@2")
    store.pin("little@3")
    lease = store.lease("little@4")
    assert sweep(store, keep=2, dry_run=True).removed == ["little@5", "little@6", "little@7"]
    done = sweep(store, keep=2)
    assert done.in_use == ["little@4"] and done.removed == ["little@5", "little@6", "little@7"] and done.bytes_freed
    lease.close()
    assert sweep(store, keep=2).removed == ["little@4"]
    assert [record.version for record in store.versions()] == ["1", "2", "3", "8", "9"]
    assert all(store.verify(record.id) for record in store.versions())
    assert len(list((store.root / "folders").iterdir())) == 5


def test_a_lease_of_another_process_counts_until_it_dies(store, install):
    install("1")
    install("2", activate=True)
    code = (
        "import sys, time; from sedna_bridge.models import ModelStore; "
        "lease = ModelStore(sys.argv[1]).lease('little@1'); print('held', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(store.root)], stdout=subprocess.PIPE, env=dict(os.environ, PYTHONPATH=ROOT)
    )
    assert child.stdout.readline() == b"held\n"
    assert sweep(store, keep=0).in_use == ["little@1"]
    child.kill()
    child.wait()
    child.stdout.close()
    assert sweep(store, keep=0).removed == ["little@1"]


def _busy(root, folder, number):
    store = ModelStore(root, lock_timeout=30.0)
    for turn in range(4):
        version = "%d.%d" % (number, turn)
        record = take_in(store, toy_models.model_folder(Path(folder) / version, version))
        store.point_at(record.id)
        with store.lease(record.id) as lease:
            sweep(store, keep=1, keep_seconds=60.0)
            assert lease.folder.read()
        store.pin(record.id)


def test_many_processes_at_once(store, tmp_path):
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=_busy, args=(str(store.root), str(tmp_path / "made"), n)) for n in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join(100)
        assert child.exitcode == 0
    assert store.pointer().serial == 16 and len(store.pins()) == 16
    assert all(store.verify(record.id) for record in store.versions())
    assert sum(e["event"] == "installed" for e in store.history.read()) == 16


def test_busy_says_who(store):
    store.lock_timeout = 0.1
    with store.lock(), pytest.raises(StoreBusy, match="process %d" % os.getpid()):
        store.lock()


def test_history_steps_over_a_torn_line(store):
    store.history.add("one")
    with open(str(store.history.path), "ab") as file:
        file.write(b'{"at": 1, "eve')
    store.history.add("two")
    assert [e["event"] for e in store.history.read()] == ["one", "two"]
    store.history.max_bytes = 10
    store.history.add("three")
    assert [e["event"] for e in store.history.read()] == ["one", "two", "three"]
    assert json.loads(store.history.path.read_text())["event"] == "three"


def test_a_full_disk_during_an_install_changes_nothing(store, install, monkeypatch):
    from sedna_bridge.models import failpoints

    monkeypatch.setattr(failpoints, "_wanted", {"store.add": ("error", 0)})
    with pytest.raises(StoreError, match="No space left"):
        install("1")
    monkeypatch.setattr(failpoints, "_wanted", {})
    assert not store.versions()
    assert sweep(store).bytes_freed
    install("1")


def test_an_unusable_place(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="--state"):
        ModelStore(tmp_path / "file" / "models")


def test_a_young_room_is_left_alone(store):
    with store.room() as room:
        sweep(store)
        assert room.exists()
    assert time.time() > 0 and not room.exists()
