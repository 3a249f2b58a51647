"""The one door into the store: a file, an archive or a folder comes in, a verified version comes out.

The order matters. The bytes are copied into a private room while they are hashed; the expected sha256 is compared
before anything of them is opened; then the archive is unpacked member by member, the manifest read, the model file
looked at and the signature checked, all on that private copy. What is stored is that copy, so what was checked is
what will be loaded.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from . import archive, onnx_wire
from .archive import Limits
from .durable import AnyPath, write_whole
from .errors import BadModelFile, BadSignature, ModelError, RejectedModel, SourceError, StoreError
from .manifest import ModelTable, clean_name, clean_version, manifest_for, parse_model_table
from .record import FileEntry, VersionRecord, version_id
from .signature import hash_file
from .store import ModelStore
from .trust import Trust


class Parcel(NamedTuple):
    """What is known about some bytes before they are taken in; all of it optional."""

    name: str = ""
    version: str = ""
    sha256: str = ""
    source: str = ""
    source_version: str = ""
    inherit: str = ""
    limits: Limits = Limits()
    cut_stale_tail: bool = False


PLAIN = Parcel()


def copy_hashed(path: Path, target: Path, limit: int) -> FileEntry:
    """Copy a plain file (a link is refused) and hash what was copied."""
    try:
        fd = os.open(str(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise SourceError("%s cannot be read: %s" % (path, error.strerror)) from None
    digest, size = hashlib.sha256(), 0
    with os.fdopen(fd, "rb") as file, open(str(target), "xb") as out:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise RejectedModel("%s is not a plain file." % path)
        for piece in iter(lambda: file.read(1 << 20), b""):
            size += len(piece)
            if size > limit:
                raise RejectedModel(
                    "%s is larger than %d bytes; no model of ours is. Raise the limit if it must be." % (path, limit)
                )
            digest.update(piece)
            out.write(piece)
    return FileEntry(digest.hexdigest(), size)


def take_in(store: ModelStore, path: AnyPath, parcel: Parcel = PLAIN) -> VersionRecord:
    """Verify and store a model; raises RejectedModel when it is bad, SourceError when it cannot be read, StoreError
    else."""
    origin = Path(path)
    if not origin.exists():
        raise SourceError("%s does not exist; expected a model file, an archive or a model folder." % origin)
    try:
        with store.room() as room:
            inside = room / "model"
            inside.mkdir()
            files = _gather(store, origin, room, inside, parcel)
            return _admit(store, inside, files, origin, parcel)
    except OSError as error:
        raise StoreError(
            "%s could not be taken into %s: %s. Nothing was changed." % (origin, store.root, error)
        ) from error


def seed(store: ModelStore, path: AnyPath) -> VersionRecord | None:
    """Give a store that has no active model its first one; None when it has one already."""
    if store.pointer().active:
        return None
    record = take_in(store, path)
    store.point_at(record.id)
    return record


def _gather(store: ModelStore, origin: Path, room: Path, inside: Path, parcel: Parcel) -> dict[str, FileEntry]:
    """Bring the files of the model into `inside`; the hash of each."""
    if origin.is_dir():
        if parcel.sha256:
            raise ModelError("a sha256 belongs to a file or an archive; %s is a folder. Pack it first." % origin)
        found = archive.folder_files(origin, parcel.limits)
        entries = {}
        for name, source in found.items():
            (inside / name).parent.mkdir(parents=True, exist_ok=True)
            entries[name] = copy_hashed(source, inside / name, parcel.limits.file_bytes)
        return entries
    copy = room / "received"
    entry = copy_hashed(origin, copy, parcel.limits.total_bytes)
    if parcel.sha256 and entry.sha256 != parcel.sha256.lower():
        raise RejectedModel(
            "%s: expected sha256 %s, found %s (%d bytes). The file is damaged or another one; fetch it again."
            % (origin.name, parcel.sha256.lower(), entry.sha256, entry.size)
        )
    if entry.size and archive.is_archive(copy):
        names = archive.unpack(copy, inside, parcel.limits)
        return {name: hash_file(inside / name) for name in names}
    if parcel.cut_stale_tail:
        entry = _cut_tail(store, copy, entry, parcel.source)
    name = origin.name if origin.suffix.lower() in archive.MODEL_SUFFIXES else "model.onnx"
    name = archive.allowed_name(clean_name(name))
    os.rename(str(copy), str(inside / name))
    return {name: entry}


def _cut_tail(store: ModelStore, copy: Path, entry: FileEntry, source: str) -> FileEntry:
    """Sedna's copier leaves the end of a longer old file: cut it off when the old file proves it.

    The old file is a version of the store, or, when that one had a tail itself, the whole file as it was last seen.
    """
    models = [record.files[record.model_file] for record in reversed(store.versions())]
    blobs = [store.blob_path(older) for older in models if older.size == entry.size and older.sha256 != entry.sha256]
    last = store.root / "tails" / hashlib.sha256(source.encode("utf-8")).hexdigest()[:24]
    data = copy.read_bytes()
    for path in [last, *blobs]:
        if path is None or not path.exists() or path.stat().st_size != entry.size:
            continue
        length = onnx_wire.cut_stale_tail(data, path.read_bytes())
        if length:
            last.parent.mkdir(exist_ok=True)
            write_whole(last, data)
            copy.write_bytes(data[:length])
            return FileEntry(hashlib.sha256(data[:length]).hexdigest(), length)
    return entry


def _admit(store: ModelStore, inside: Path, files: dict[str, FileEntry], origin: Path, parcel: Parcel) -> VersionRecord:
    """Check the model in `inside` and move it into the store."""
    table, model_file, facts, continues = _identify(store, inside, files, origin, parcel)
    trust = Trust(store)
    signer = ""
    if trust.required:
        if archive.SIGNATURE not in files:
            raise BadSignature(
                "%s has no %s, and this store takes signed models only (it trusts %s). "
                "Sign it with `sednabox model sign`." % (origin.name, archive.SIGNATURE, ", ".join(trust.identities()))
            )
        text = (inside / archive.SIGNATURE).read_text(encoding="utf-8", errors="replace")
        rest = {name: entry for name, entry in files.items() if name != archive.SIGNATURE}
        signer = trust.check(text, table.name, table.version, table.counter, rest)
    record = VersionRecord(
        id=version_id(table.name, table.version),
        name=table.name,
        version=table.version,
        model_file=model_file,
        files=files,
        counter=table.counter,
        parent=table.parent,
        license=table.license,
        source=parcel.source or str(origin),
        source_version=parcel.source_version,
        signed_by=signer,
        continues=continues,
        installed_at=round(time.time(), 3),
        facts=facts,
    )
    already = store.has(record.id)
    record = store.add(record, {name: inside / name for name in files})
    if signer:
        trust.remember(record.name, record.counter)
    if not already:
        store.history.add("installed", record.id, source=record.source, sha256=record.model_sha256, signed_by=signer)
    return record


def _identify(
    store: ModelStore, inside: Path, files: dict[str, FileEntry], origin: Path, parcel: Parcel
) -> tuple[ModelTable, str, dict[str, Any], str]:
    """Who the model is and which file it is; adds a manifest where there is none but one is known."""
    if archive.MANIFEST in files:
        table = parse_model_table((inside / archive.MANIFEST).read_text(encoding="utf-8", errors="replace"))
        model_file = table.file
    else:
        model_file = _only_model(sorted(files), origin)
        table = ModelTable(
            name=clean_name(parcel.name or origin.name.split(".")[0]),
            version=clean_version(parcel.version or "sha-" + files[model_file].sha256[:12]),
            file=model_file,
            sha256=files[model_file].sha256,
            size=files[model_file].size,
        )
    if model_file not in files:
        raise RejectedModel(
            "the manifest names the model file %r, which is not there; there are %s."
            % (model_file, ", ".join(sorted(files)))
        )
    entry = files[model_file]
    if (table.sha256 and table.sha256 != entry.sha256) or (table.size and table.size != entry.size):
        raise RejectedModel(
            "%s: the manifest says sha256 %s, %d bytes; the file has %s, %d bytes. It is cut or another one."
            % (model_file, table.sha256 or "-", table.size, entry.sha256, entry.size)
        )
    if Path(model_file).suffix.lower() not in archive.MODEL_SUFFIXES:
        raise BadModelFile("the model file is %r; this box runs %s." % (model_file, ", ".join(archive.MODEL_SUFFIXES)))
    facts: dict[str, Any] = {}
    continues = ""
    for name in sorted(files):
        if Path(name).suffix.lower() == ".onnx":
            found = onnx_wire.inspect_onnx(inside / name)
            if name == model_file:
                facts = _facts(found)
                if archive.MANIFEST not in files:
                    table, continues = _write_manifest(store, inside, files, table, found, parcel)
    if (
        parcel.version
        and archive.MANIFEST in files
        and parcel.source_version == ""
        and clean_version(parcel.version) != table.version
    ):
        raise RejectedModel(
            "expected version %s, the manifest says %s; correct one of them." % (parcel.version, table.version)
        )
    return table, model_file, facts, continues


def _only_model(names: list[str], origin: Path) -> str:
    models = [name for name in names if Path(name).suffix.lower() in archive.MODEL_SUFFIXES]
    if len(models) != 1:
        raise RejectedModel(
            "%s has no manifest.toml and %s; expected one .onnx file, or a manifest that names it."
            % (origin.name, "several models: " + ", ".join(models) if models else "no .onnx file")
        )
    return models[0]


def _facts(found: onnx_wire.OnnxFacts) -> dict[str, Any]:
    return {
        "ir_version": found.ir_version,
        "producer": found.producer,
        "opsets": found.opsets,
        "inputs": [[port.name, port.type, list(port.shape or ())] for port in found.inputs],
        "outputs": [[port.name, port.type, list(port.shape or ())] for port in found.outputs],
    }


def _write_manifest(
    store: ModelStore,
    inside: Path,
    files: dict[str, FileEntry],
    table: ModelTable,
    found: onnx_wire.OnnxFacts,
    parcel: Parcel,
) -> tuple[ModelTable, str]:
    """A bare .onnx says in its own metadata how to run it, or is run like the version that it continues."""
    base = found.metadata.get(onnx_wire.MANIFEST_KEY)
    continues = ""
    if base:
        said = parse_model_table(base, "the manifest inside the model")
        name = clean_name(parcel.name) if parcel.name else said.name
        version = clean_version(parcel.version) if parcel.version else said.version
        table = replace(said, name=name, version=version, file=table.file, sha256=table.sha256, size=table.size)
    elif parcel.inherit and store.has(parcel.inherit):
        older = store.get(parcel.inherit)
        if older.facts.get("inputs") != _facts(found)["inputs"]:
            return table, ""
        continues = older.id
        table = replace(table, name=clean_name(parcel.name) if parcel.name else older.name)
        if archive.MANIFEST not in older.files:
            return table, continues
        with store.lease(older.id) as lease:
            base = lease.folder.read(archive.MANIFEST).decode("utf-8")
        table = replace(table, counter=older.counter, parent=older.version, license=older.license)
    else:
        return table, ""
    (inside / archive.MANIFEST).write_text(manifest_for(table, base), encoding="utf-8")
    files[archive.MANIFEST] = hash_file(inside / archive.MANIFEST)
    return table, continues
