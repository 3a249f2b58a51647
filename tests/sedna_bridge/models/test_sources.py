"""Where models come from, with writers that misbehave as Sedna's do, and servers that break off."""

import hashlib
import http.server
import json
import os
import threading
import time

import pytest
import toy_models

from sedna_bridge.models import (
    DropFolder,
    HotUpdateFile,
    InferenceModel,
    ModelError,
    Patience,
    RejectedModel,
    SourceError,
    WebModel,
    download,
    fetching,
    pack,
    source_from,
    take_in,
)
from sedna_bridge.models.offers import OfferLedger
from sedna_bridge.models.sources import read_hot_update, read_inference_model


def nothing(done, total):
    pass


# -- Sedna's hot-update file -------------------------------------------------------------------------------------------
def sedna_copy(path, data):
    """As LocalController copies: in place, without truncating."""
    fd = os.open(str(path), os.O_RDWR | os.O_CREAT)
    os.write(fd, data)
    os.close(fd)


def sedna_config(path, version, model="/model-hot-update/model.onnx"):
    text = json.dumps({"model_config": {"model_path": model, "model_update_time": version}}, indent=1)
    sedna_copy(path, text.encode())


@pytest.fixture
def hot(tmp_path):
    folder = tmp_path / "hot"
    folder.mkdir()
    clock = [0.0]
    source = HotUpdateFile(folder / "model_config.json", settle=1.0, patience=10.0, clock=lambda: clock[0])
    source.folder, source.tick = folder, lambda s: clock.__setitem__(0, clock[0] + s)
    return source


def poll_for(source, store, seconds, step=0.25):
    offer = source.poll(store)
    for _ in range(int(seconds / step)):
        if offer:
            break
        source.tick(step)
        offer = source.poll(store)
    return offer


def test_nothing_there_is_normal(hot, store):
    assert hot.poll(store) is None and hot.period == 60.0
    (hot.folder / "model_config.json").write_text("")
    assert hot.poll(store) is None


def test_a_new_model_is_offered_when_it_has_settled(hot, store, install):
    install("1", activate=True)
    version = "2026-11-21 01:03:40.118677964 +0000 UTC m=+255.787900385"
    sedna_copy(hot.folder / "model.onnx", toy_models.onnx_bytes(v=2))
    sedna_config(hot.folder / "model_config.json", version)
    assert hot.poll(store) is None, "not before it has held still"
    assert hot.period < 1.0
    offer = poll_for(hot, store, 3)
    assert offer.version == version
    record = offer.fetch(store, nothing)
    assert record.id == "little@2026-11-21_01:03:40.118677964_+0000_UTC_m=+255.787900385"
    assert record.source_version == record.report_key == version and record.continues == "little@1"
    again = hot.poll(store)
    assert again is offer, "offered until it is dealt with"
    OfferLedger(store).end(offer.key, "kept", record.id)
    fresh = HotUpdateFile(hot.config, settle=0.0)
    assert fresh.poll(store) is None, "also a new process knows that it was dealt with"


def test_a_half_written_model_is_waited_for(hot, store):
    data = toy_models.onnx_bytes(5000, v=2)
    sedna_config(hot.folder / "model_config.json", "v2")
    (hot.folder / "model.onnx").write_bytes(data[:9000])
    assert poll_for(hot, store, 4) is None, "it holds still, but it is not whole"
    (hot.folder / "model.onnx").write_bytes(data)
    assert poll_for(hot, store, 3).fetch(store, nothing).size == len(data)


def test_a_model_that_stays_broken_is_offered_to_be_refused(hot, store):
    sedna_config(hot.folder / "model_config.json", "v2")
    (hot.folder / "model.onnx").write_bytes(toy_models.onnx_bytes(v=2)[:-20])
    offer = poll_for(hot, store, 15)
    with pytest.raises(RejectedModel, match="not one whole ONNX model"):
        offer.fetch(store, nothing)


def test_stale_tails_of_shorter_and_shorter_models(hot, store, install):
    install("1", activate=True)
    for number, weights in enumerate((3000, 2000, 1000, 1500)):
        data = toy_models.onnx_bytes(weights, v=number)
        sedna_copy(hot.folder / "model.onnx", data)
        sedna_config(hot.folder / "model_config.json", "v%d" % number)
        assert (hot.folder / "model.onnx").stat().st_size == len(toy_models.onnx_bytes(3000, v=0))
        offer = poll_for(hot, store, 15)
        record = offer.fetch(store, nothing)
        assert record.model_sha256 == hashlib.sha256(data).hexdigest(), number
        OfferLedger(store).end(offer.key, "kept", record.id)


def test_a_config_with_a_stale_tail_and_odd_values(tmp_path):
    path = tmp_path / "model_config.json"
    sedna_config(path, "a long version of the first model")
    sedna_config(path, "short")
    assert read_hot_update(path) == ("/model-hot-update/model.onnx", "short")
    for text in (
        "",
        "{",
        "[]",
        '{"model_config": 3}',
        '{"model_config": {"model_path": "", "model_update_time": "x"}}',
    ):
        path.write_text(text)
        assert read_hot_update(path) is None
    path.write_text('{"model_config": {"model_path": "m.onnx", "model_update_time": 17}}')
    assert read_hot_update(path) == ("m.onnx", "17")


def test_a_config_rewritten_every_10_ms(tmp_path, store):
    """In real time, by a real writer, whole and torn."""
    folder = tmp_path / "hot"
    folder.mkdir()
    (folder / "model.onnx").write_bytes(toy_models.onnx_bytes(v=2))
    end = threading.Event()

    def write():
        for number in range(100000):
            if end.wait(0.01):
                return
            (folder / "model_config.json").write_text("")
            sedna_config(folder / "model_config.json", "v%d" % number)

    writer = threading.Thread(target=write)
    writer.start()
    source = HotUpdateFile(folder / "model_config.json", settle=0.2, patience=1.0)
    try:
        offers, deadline = [], time.monotonic() + 20
        while not offers and time.monotonic() < deadline:
            offer = source.poll(store)
            if offer:
                offers.append(offer.fetch(store, nothing))
            time.sleep(0.02)
    finally:
        end.set()
        writer.join()
    assert len(offers) == 1 and offers[0].model_sha256 == hashlib.sha256(toy_models.onnx_bytes(v=2)).hexdigest()


def test_from_sedna_s_environment():
    assert HotUpdateFile.from_environment({}) is None
    assert HotUpdateFile.from_environment({"MODEL_HOT_UPDATE": "false", "MODEL_HOT_UPDATE_CONFIG": "/x"}) is None
    found = HotUpdateFile.from_environment(
        {
            "MODEL_HOT_UPDATE": "true",
            "MODEL_HOT_UPDATE_CONFIG": "/x/model_config.json",
            "MODEL_POLL_PERIOD_SECONDS": "0",
        }
    )
    assert found.period == 60.0 and found.name == "sedna:/x/model_config.json"


# -- servers -----------------------------------------------------------------------------------------------------------
class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.answer(False)

    def do_GET(self):
        self.answer(True)

    def answer(self, body):
        site = self.server.site
        site["asked"].append((self.path, self.headers.get("Range"), self.headers.get("If-Range")))
        if site["errors"]:
            self.send_error(site["errors"].pop(0))
            return
        data = site["files"].get(self.path)
        if data is None:
            self.send_error(404)
            return
        etag, start = '"%s"' % hashlib.md5(data).hexdigest(), 0
        wanted = self.headers.get("Range")
        if wanted and site["ranges"] and self.headers.get("If-Range") in (None, etag):
            start = int(wanted[6:-1])
            self.send_response(206)
            self.send_header("Content-Range", "bytes %d-%d/%d" % (start, len(data) - 1, len(data)))
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(data) - start))
        self.send_header("ETag", etag)
        self.end_headers()
        if body:
            cut = site["cuts"].pop(0) if site["cuts"] else None
            self.wfile.write(data[start:] if cut is None else data[start : start + cut])
            self.close_connection = True


@pytest.fixture
def site():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.site = {"files": {}, "asked": [], "errors": [], "cuts": [], "ranges": True}
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    server.site["url"] = "http://user:secret@127.0.0.1:%d" % server.server_port
    yield server.site
    server.shutdown()
    server.server_close()
    thread.join()


QUICK = Patience(tries=3, first_pause=0.0, longest_pause=0.0, read_seconds=5.0)


def test_a_download_goes_on_where_it_broke_off(site, tmp_path):
    data = os.urandom(300000)
    site["files"]["/m"] = data
    site["cuts"] = [100000, 50000]
    seen = []
    path = download(site["url"] + "/m", tmp_path, QUICK, lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == data and seen[-1] == (300000, 300000)
    first, second, third = [int(r[6:-1]) if r else 0 for _, r, _ in site["asked"]]
    assert first == 0 and 95000 < second <= 100000 and second + 45000 < third <= 150000


def test_a_download_goes_on_in_another_process_s_life(site, tmp_path):
    data = os.urandom(300000)
    site["files"]["/m"] = data
    site["cuts"] = [100000]
    with pytest.raises(SourceError, match=r"1 tries.*What has come is kept"):
        download(site["url"] + "/m", tmp_path, Patience(tries=1, first_pause=0.0))
    assert download(site["url"] + "/m", tmp_path, QUICK).read_bytes() == data
    assert 95000 < int(site["asked"][-1][1][6:-1]) <= 100000


def test_another_file_at_the_same_address_starts_anew(site, tmp_path):
    site["files"]["/m"] = os.urandom(300000)
    site["cuts"] = [100000]
    with pytest.raises(SourceError):
        download(site["url"] + "/m", tmp_path, Patience(tries=1, first_pause=0.0))
    site["files"]["/m"] = other = os.urandom(200000)
    assert download(site["url"] + "/m", tmp_path, QUICK).read_bytes() == other


def test_a_server_without_ranges(site, tmp_path):
    site["files"]["/m"] = data = os.urandom(300000)
    site["ranges"], site["cuts"] = False, [100000]
    assert download(site["url"] + "/m", tmp_path, QUICK).read_bytes() == data


def test_errors_of_servers(site, tmp_path):
    site["files"]["/m"] = b"data"
    site["errors"] = [503, 500]
    assert download(site["url"] + "/m", tmp_path, QUICK).read_bytes() == b"data"
    site["errors"] = [503, 503, 503]
    with pytest.raises(SourceError, match="in 3 tries: the server answered 503") as error:
        download(site["url"] + "/n", tmp_path, QUICK)
    assert "secret" not in str(error.value)
    with pytest.raises(SourceError, match="404"):
        download(site["url"] + "/none", tmp_path, QUICK)
    with pytest.raises(RejectedModel, match="at most 2"):
        download(site["url"] + "/m", tmp_path / ".", Patience(max_bytes=2)) if (tmp_path / "x").mkdir() else download(
            site["url"] + "/m", tmp_path / "x", Patience(max_bytes=2)
        )
    with pytest.raises(SourceError, match="in 3 tries") as error:
        download("http://user:secret@127.0.0.1:9/m", tmp_path, QUICK)
    assert "secret" not in str(error.value)
    with pytest.raises(SourceError, match="expected an address"):
        download("ftp://host/m", tmp_path, QUICK)


def inference_model(entries, target):
    return (
        "apiVersion: ai.kubeedge.io/v1alpha1\nkind: InferenceModel\nmetadata: {name: face}\nspec:\n  modelName: face\n"
        "  targetVersion: %s\n  manifest:\n%s"
        % (target, "".join("  - version: %s\n    downloadURL: %s\n    sha256sum: %s\n" % entry for entry in entries))
    )


def test_an_inference_model(site, store, tmp_path):
    for number in (3, 4):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "model.onnx").write_bytes(toy_models.onnx_bytes(3000, v=number))
        pack(folder, tmp_path / ("%d.tgz" % number))
        site["files"]["/face_%d.tar.gz" % number] = (tmp_path / ("%d.tgz" % number)).read_bytes()
    sums = {n: hashlib.sha256(site["files"]["/face_%d.tar.gz" % n]).hexdigest() for n in (3, 4)}
    entries = [(n, site["url"] + "/face_%d.tar.gz" % n, sums[n]) for n in (3, 4)]
    path = tmp_path / "model.yaml"
    path.write_text(inference_model(entries, "'4'"))
    source = InferenceModel(str(path), patience=QUICK)
    offer = source.poll(store)
    site["cuts"] = [500]
    seen = []
    record = offer.fetch(store, lambda done, total: seen.append(done))
    assert record.id == "face@4" and record.source_version == "4" and seen
    assert source.poll(store).key == offer.key
    path.write_text(inference_model(entries, "3"))
    assert source.poll(store).fetch(store, nothing).id == "face@3"
    site["files"]["/model.json"] = json.dumps(
        {
            "spec": {
                "modelName": "face",
                "manifest": [{"version": "4", "downloadURL": "face_4.tar.gz", "sha256sum": sums[4].upper()}],
            }
        }
    ).encode()
    remote = InferenceModel(site["url"] + "/model.json", patience=QUICK)
    assert remote.poll(store).fetch(store, nothing).id == "face@4", "a relative address, one version, capital digits"
    assert "secret" not in remote.name and not list((store.root / "incoming").iterdir())


def test_a_damaged_download_is_refused_and_a_torn_one_fetched_anew(site, store, tmp_path):
    data = toy_models.onnx_bytes(50000, v=1)
    site["files"]["/m.onnx"] = data
    path = tmp_path / "m.yaml"
    path.write_text(inference_model([("1", site["url"] + "/m.onnx", "0" * 64)], "1"))
    with pytest.raises(RejectedModel, match="expected sha256 0000"):
        InferenceModel(str(path), patience=QUICK).poll(store).fetch(store, nothing)
    path.write_text(inference_model([("1", site["url"] + "/m.onnx", hashlib.sha256(data).hexdigest())], "1"))
    site["cuts"] = [1000]
    offer = InferenceModel(str(path), patience=Patience(tries=1, first_pause=0.0)).poll(store)
    with pytest.raises(SourceError):
        offer.fetch(store, nothing)
    (partial,) = [p for p in (store.root / "incoming").iterdir() if p.suffix == ""]
    partial.write_bytes(b"x" * 1000)
    assert offer.fetch(store, nothing).id == "face@1", "a resumed download that is wrong is fetched anew"


@pytest.mark.parametrize(
    "text, why",
    [
        ("a: [", "not YAML"),
        ("3", "expected an InferenceModel"),
        ("kind: Pod", "found 'Pod'"),
        ("spec: {}", "spec.manifest"),
        (inference_model([("1", "http://x", "0" * 64)], "2"), "targetVersion '2' is 0 times"),
        (inference_model([("1", "http://x", "0" * 64)] * 2, "1"), "2 times"),
        (inference_model([("1", "http://x", "abc")], "1"), "64 hexadecimal"),
        (inference_model([("1", "", "0" * 64)], "1"), "no downloadURL"),
    ],
)
def test_manifests_that_are_wrong(text, why):
    with pytest.raises(SourceError, match=why):
        read_inference_model(text, "m.yaml")


def test_versions_stay_as_written():
    assert read_inference_model(inference_model([("1.10", "http://x", "0" * 64)], "1.10"), "m")[2] == "1.10"


def test_a_model_at_an_address(site, store):
    source = WebModel(site["url"] + "/net.onnx")
    assert source.poll(store) is None
    site["files"]["/net.onnx"] = toy_models.onnx_bytes(v=1)
    first = source.poll(store)
    assert first.fetch(store, nothing).name == "net"
    assert source.poll(store).key == first.key
    site["files"]["/net.onnx"] = toy_models.onnx_bytes(v=2)
    assert source.poll(store).key != first.key


def test_a_fetch_that_takes_long_tells_how_far_it_is(site, store, monkeypatch, caplog):
    monkeypatch.setattr(fetching, "TOLD_EVERY", 0.0)
    caplog.set_level("INFO")
    site["files"]["/net.onnx"] = toy_models.onnx_bytes(v=1)
    fetch = fetching.Fetch(store, WebModel(site["url"] + "/net.onnx").poll(store))
    assert fetch.wait(20) and fetch.result().name == "net"
    assert "fetching model %s: 0.0 of 0.0 MB" % fetch.offer.version in caplog.text


def test_a_drop_folder(store, tmp_path):
    clock = [0.0]
    drop = tmp_path / "drop"
    source = DropFolder(drop, settle=2.0, clock=lambda: clock[0])
    assert source.poll(store) is None
    drop.mkdir()
    (drop / "readme.txt").write_text("x")
    (drop / "m.onnx.part").write_bytes(b"x")
    assert source.poll(store) is None
    toy_models.model_folder(drop / "one", "1")
    assert source.poll(store) is None
    clock[0] += 3
    assert source.poll(store).fetch(store, nothing).id == "little@1"
    pack(toy_models.model_folder(tmp_path / "two", "2"), drop / "two.tgz")
    source.poll(store)
    clock[0] += 3
    assert source.poll(store).fetch(store, nothing).id == "little@2"


def test_source_from(tmp_path):
    kinds = {
        "sedna:/x/model_config.json": HotUpdateFile,
        "/x/model_config.json": HotUpdateFile,
        "a.yaml": InferenceModel,
        "https://h/m.json": InferenceModel,
        "https://h/m.onnx": WebModel,
        "s3://b/m.tgz": WebModel,
        "/drop": DropFolder,
    }
    for text, kind in kinds.items():
        source = source_from(text, 7.0)
        assert type(source) is kind and source.period == 7.0
    with pytest.raises(ModelError, match="ftp"):
        source_from("ftp://h/m.onnx")


def test_s3(site, store, tmp_path, monkeypatch):
    pytest.importorskip("boto3")
    data = toy_models.onnx_bytes(9000, v=1)
    site["files"]["/bucket/models/net.onnx"] = data
    monkeypatch.setenv("S3_ENDPOINT_URL", site["url"].replace("user:secret@", ""))
    monkeypatch.setenv("ACCESS_KEY_ID", "a")
    monkeypatch.setenv("SECRET_ACCESS_KEY", "b")
    site["cuts"] = [1000]
    assert download("s3://bucket/models/net.onnx", tmp_path, QUICK).read_bytes() == data
    offer = WebModel("s3://bucket/models/net.onnx").poll(store)
    assert take_in(
        store, tmp_path / next(p.name for p in tmp_path.iterdir() if p.name.startswith("partial") and not p.suffix)
    )
    assert offer.version.startswith("net-")
    with pytest.raises(SourceError):
        download("s3://bucket/none", tmp_path, QUICK)
