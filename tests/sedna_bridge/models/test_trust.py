"""Signed models: what is not signed, or old, or another, stays out."""

import json
import time

import pytest
import toy_models

from sedna_bridge.models import BadSignature, ModelError, Trust, pack, take_in
from sedna_bridge.models.archive import folder_files
from sedna_bridge.models.signature import Statement, hash_file, new_key, sign

pytest.importorskip("cryptography")


@pytest.fixture
def keys(tmp_path, store):
    public = new_key(tmp_path / "key")
    Trust(store).add(public)
    return tmp_path / "key"


def signed(tmp_path, key, version, counter, expires=None, **behaviour):
    folder = toy_models.model_folder(tmp_path / ("m" + version), version, counter=counter, golden=1, **behaviour)
    files = {name: hash_file(path) for name, path in folder_files(folder).items() if name != "signature.json"}
    text = sign(Statement("little", version, counter, expires, files), key)
    (folder / "signature.json").write_text(text)
    return folder


def test_a_signed_model_comes_in(store, keys, tmp_path):
    folder = signed(tmp_path, keys, "1", 1, time.time() + 60)
    pack(folder, tmp_path / "m.tgz")
    record = take_in(store, tmp_path / "m.tgz")
    assert [record.signed_by] == Trust(store).identities() and Trust(store).counter("little") == 1
    assert (tmp_path / "key").stat().st_mode & 0o77 == 0


def test_unsigned_and_altered_models_stay_out(store, keys, tmp_path):
    with pytest.raises(BadSignature, match="signed models only"):
        take_in(store, toy_models.model_folder(tmp_path / "plain", "1"))
    for number, damage in enumerate(
        [
            lambda f: (f / "golden" / "0.txt").write_text("other"),
            lambda f: (f / "card.md").write_text("more"),
            lambda f: (f / "golden" / "0.txt").unlink(),
            lambda f: (f / "model.onnx").write_bytes(toy_models.onnx_bytes(boxes=77)),
        ]
    ):
        folder = signed(tmp_path / str(number), keys, "1", 1)
        damage(folder)
        with pytest.raises(BadSignature, match="not as signed"):
            take_in(store, folder)
    assert not store.versions() and Trust(store).counter("little") == -1


def test_a_stranger_s_key(store, keys, tmp_path):
    new_key(tmp_path / "stranger")
    with pytest.raises(BadSignature, match="no signature by a trusted key"):
        take_in(store, signed(tmp_path, tmp_path / "stranger", "1", 1))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"payload": "!!", "signatures": []}', "\x00"])
def test_an_envelope_that_is_none(store, keys, tmp_path, text):
    folder = signed(tmp_path, keys, "1", 1)
    (folder / "signature.json").write_text(text)
    with pytest.raises(BadSignature, match="not a DSSE envelope"):
        take_in(store, folder)


def test_a_signature_of_another_kind_of_payload(store, keys, tmp_path):
    folder = signed(tmp_path, keys, "1", 1)
    envelope = json.loads((folder / "signature.json").read_text())
    envelope["payloadType"] = "text/plain"
    (folder / "signature.json").write_text(json.dumps(envelope))
    with pytest.raises(BadSignature, match="payloadType"):
        take_in(store, folder)


def test_an_old_counter_is_not_played_again(store, keys, tmp_path):
    old = signed(tmp_path, keys, "1", 1)
    take_in(store, signed(tmp_path, keys, "5", 5))
    with pytest.raises(BadSignature, match="counter 1, but this store has already taken counter 5"):
        take_in(store, old)
    take_in(store, signed(tmp_path, keys, "5", 5))
    other = signed(tmp_path, keys, "6", 6)
    (other / "manifest.toml").write_text((other / "manifest.toml").read_text().replace("counter = 6", "counter = 9"))
    with pytest.raises(BadSignature):
        take_in(store, other)
    (store.root / "counters.json").write_text("broken")
    with pytest.raises(ModelError, match="restore the file"):
        take_in(store, old)


def test_expiry_and_a_clock_that_was_set_back(store, keys, tmp_path, monkeypatch):
    with pytest.raises(BadSignature, match="expired on"):
        take_in(store, signed(tmp_path, keys, "1", 1, time.time() - 1))
    take_in(store, signed(tmp_path, keys, "2", 2))
    late = signed(tmp_path, keys, "3", 3, time.time() - 1)
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    with pytest.raises(BadSignature, match="expired"):
        take_in(store, late)


def test_keys(store, tmp_path, keys):
    with pytest.raises(ModelError, match="never written over"):
        new_key(keys)
    (tmp_path / "no.pub").write_text("x")
    with pytest.raises(ModelError, match="not a public key"):
        Trust(store).add(tmp_path / "no.pub")
    Trust(store).remove(Trust(store).identities()[0])
    take_in(store, toy_models.model_folder(tmp_path / "plain", "1"))


def test_without_the_package_the_message_says_what_to_install(store, keys, tmp_path, monkeypatch):
    import sys

    folder = signed(tmp_path, keys, "1", 1)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric", None)
    with pytest.raises(ModelError, match=r"sednabox\[sign\]"):
        take_in(store, folder)
