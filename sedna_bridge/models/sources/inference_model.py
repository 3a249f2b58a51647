"""An InferenceModel manifest: a list of versions with address and sha256, and the one that is wanted.

    spec:
      modelName: helmet
      targetVersion: '4'
      manifest:
      - {version: '4', downloadURL: http://host/helmet_4.tar.gz, sha256sum: 108a...}

YAML or JSON, a file or an address. Every plain value is read as the text that was written: 1.10 stays "1.10".
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import yaml

from ..download import Patience, download, fetch_into, forget, redacted
from ..errors import RejectedModel, SourceError
from ..intake import Parcel, take_in
from ..manifest import SHA256, clean_name
from ..offers import Offer, Progress
from ..record import VersionRecord
from ..store import ModelStore
from .base import Source


def read_inference_model(text: str, where: str) -> tuple[str, dict[str, str], str]:
    """(modelName, the manifest entry of targetVersion as texts, the target version); raises SourceError."""

    def wrong(what: str) -> SourceError:
        return SourceError("%s: %s." % (where, what))

    try:
        document = yaml.load(text, Loader=yaml.BaseLoader)  # BaseLoader makes texts only and runs nothing
    except yaml.YAMLError as error:
        raise wrong("not YAML or JSON (%s)" % str(error).replace("\n", " ")[:200]) from None
    if not isinstance(document, dict):
        raise wrong("expected an InferenceModel, found %r" % type(document).__name__)
    if document.get("kind", "InferenceModel") != "InferenceModel":
        raise wrong("expected kind InferenceModel, found %r" % document["kind"])
    spec: Any = document.get("spec", document)
    entries = spec.get("manifest") if isinstance(spec, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries) or not entries:
        raise wrong("expected spec.manifest, a list of version, downloadURL and sha256sum")
    versions = [str(entry.get("version", "")) for entry in entries]
    target = str(spec.get("targetVersion") or (versions[0] if len(versions) == 1 else ""))
    if not target:
        raise wrong("expected spec.targetVersion, one of %s" % ", ".join(versions))
    fits = [entry for entry in entries if str(entry.get("version", "")) == target]
    if len(fits) != 1:
        raise wrong(
            "targetVersion %r is %d times in the manifest, which has %s" % (target, len(fits), ", ".join(versions))
        )
    entry = {key: str(value) for key, value in fits[0].items()}
    if not entry.get("downloadURL"):
        raise wrong("version %r has no downloadURL" % target)
    entry["sha256sum"] = entry.get("sha256sum", "").lower()
    if not SHA256.match(entry["sha256sum"]):
        raise wrong("version %r: sha256sum %r; expected 64 hexadecimal digits" % (target, entry["sha256sum"]))
    metadata = document.get("metadata")
    name = spec.get("modelName") or (metadata.get("name") if isinstance(metadata, dict) else "") or ""
    return clean_name(str(name)), entry, target


class InferenceModel(Source):
    """Follows targetVersion of an InferenceModel manifest."""

    def __init__(self, where: str, period: float = 30.0, patience: Patience | None = None) -> None:
        self.where = where
        self.period = period
        self.patience = patience or Patience()

    @property
    def name(self) -> str:
        return "inferencemodel:%s" % redacted(self.where)

    def poll(self, store: ModelStore) -> Offer | None:
        text = self._read(store)
        if text is None:
            return None
        model_name, entry, target = read_inference_model(text, redacted(self.where))
        key = "%s|%s|%s|%s" % (self.name, model_name, target, entry["sha256sum"])
        url = urljoin(self.where, entry["downloadURL"]) if "://" in self.where else entry["downloadURL"]
        if "://" not in url and "://" not in self.where:
            url = str(Path(self.where).parent / url)
        return Offer(
            key, target, lambda store, progress: self._take(store, url, model_name, entry, target, progress), self.name
        )

    def _read(self, store: ModelStore) -> str | None:
        if "://" not in self.where:
            try:
                return Path(self.where).read_text(encoding="utf-8")
            except FileNotFoundError:
                return None
            except (OSError, UnicodeDecodeError) as error:
                raise SourceError("%s cannot be read: %s" % (self.where, error)) from None
        short = Patience(tries=1, connect_seconds=5.0, read_seconds=10.0, max_bytes=1 << 20)
        path = download(self.where, store.root / "incoming", short)
        try:
            return path.read_text(encoding="utf-8", errors="replace")
        finally:
            forget(path)

    def _take(
        self, store: ModelStore, url: str, model_name: str, entry: dict[str, str], target: str, progress: Progress
    ) -> VersionRecord:
        parcel = Parcel(
            name=model_name,
            version=target,
            sha256=entry["sha256sum"],
            source=self.name,
            source_version=target,
            inherit=store.pointer().active or "",
        )
        return fetch_and_take_in(store, url, parcel, self.patience, progress)


def fetch_and_take_in(
    store: ModelStore, url: str, parcel: Parcel, patience: Patience, progress: Progress
) -> VersionRecord:
    """Download, verify and store. A resumed download that turns out wrong is fetched anew once, from its first byte."""
    name = Path(urlsplit(url).path).name or "model.onnx"
    resumed = (store.root / "incoming" / _partial_name(url)).exists()
    for last in (False, True) if resumed else (True,):
        path = fetch_into(url, store.root / "incoming", name, patience, progress)
        try:
            return take_in(store, path, parcel)
        except RejectedModel:
            if last:
                raise
        finally:
            shutil.rmtree(str(path.parent), ignore_errors=True)
    raise AssertionError("unreachable")


def _partial_name(url: str) -> str:
    return "partial-" + hashlib.sha256(url.encode("utf-8")).hexdigest()[:24]
