"""Model folders packed into one file, and unpacked member by member from an allow-list.

Nothing of the archive decides where a byte lands: a member is refused unless its name is a plain relative path to a
kind of file that a model folder may hold. Links, devices, absolute and parent paths, doubles, too many, too big and
too well packed members are refused before anything is written, or as soon as the limit is passed.
"""

from __future__ import annotations

import gzip
import os
import re
import stat
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Iterator

from .errors import BadArchive

MANIFEST = "manifest.toml"
SIGNATURE = "signature.json"
MODEL_SUFFIXES = (".onnx",)
SUFFIXES = (*MODEL_SUFFIXES, ".toml", ".md", ".txt", ".json", ".jpg", ".jpeg", ".png", ".names", ".yaml", ".yml")
BARE_NAMES = ("LICENSE", "NOTICE")
PART = re.compile(r"[A-Za-z0-9_+@=,\-][A-Za-z0-9_.+@=,\- ]*\Z")


@dataclass(frozen=True)
class Limits:
    """Caps on what an archive or folder may hold."""

    files: int = 500
    file_bytes: int = 2 << 30
    total_bytes: int = 3 << 30
    ratio: int = 200


def allowed_name(name: str) -> str:
    """The member's name as a clean relative path, or BadArchive."""
    path = PurePosixPath(name)
    parts = path.parts
    if (
        not parts
        or path.is_absolute()
        or ".." in parts
        or "\\" in name
        or "\0" in name
        or len(name) > 240
        or len(parts) > 6
    ):
        raise BadArchive("member %r: only relative paths inside the model folder are unpacked." % name)
    for part in parts:
        if not PART.match(part):
            raise BadArchive("member %r: %r is not a name that a model folder may hold." % (name, part))
    if path.name not in BARE_NAMES and path.suffix.lower() not in SUFFIXES:
        raise BadArchive(
            "member %r: a model folder may hold %s and %s." % (name, " ".join(SUFFIXES), " ".join(BARE_NAMES))
        )
    return str(path)


def is_archive(path: Path) -> bool:
    """Whether the file is a tar, tar.gz or zip by its first bytes, not by its name."""
    with open(str(path), "rb") as file:
        head = file.read(512)
    return head[:4] == b"PK\x03\x04" or head[:2] == b"\x1f\x8b" or head[257:262] == b"ustar"


class _Counter:
    """Refuses an archive as soon as it passes a limit; counts the bytes that really come out, not what headers
    promise."""

    def __init__(self, limits: Limits, packed: int) -> None:
        self.limits = limits
        self.packed = max(packed, 1)
        self.files = 0
        self.total = 0
        self.names: set[str] = set()

    def open(self, name: str) -> str:
        clean = allowed_name(name)
        if clean.lower() in self.names:
            raise BadArchive("member %r comes twice; pack the folder again." % clean)
        self.names.add(clean.lower())
        self.files += 1
        if self.files > self.limits.files:
            raise BadArchive("the archive holds more than %d files." % self.limits.files)
        return clean

    def add(self, name: str, size: int, so_far: int) -> None:
        self.total += size
        if so_far > self.limits.file_bytes or self.total > self.limits.total_bytes:
            raise BadArchive(
                "member %r: more than %d bytes, or more than %d in all."
                % (name, self.limits.file_bytes, self.limits.total_bytes)
            )
        if self.total > (1 << 20) and self.total > self.packed * self.limits.ratio:
            raise BadArchive(
                "the archive unpacks to more than %d times its size; that is no model." % self.limits.ratio
            )


def _members_of_zip(file: IO[bytes]) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            mode = info.external_attr >> 16
            if info.is_dir():
                continue
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG) or info.flag_bits & 1:
                raise BadArchive("member %r: only plain files are unpacked, no links, no encryption." % info.filename)
            with archive.open(info) as member:
                yield info.filename, member


class _Metered:
    """A stream that counts what is read from it, so that also tar's own headers cannot be a bomb."""

    def __init__(self, stream: IO[bytes], counter: _Counter) -> None:
        self.stream = stream
        self.most = max(64 << 20, min(counter.packed * counter.limits.ratio, counter.limits.total_bytes + (64 << 20)))
        self.count = 0

    def read(self, size: int) -> bytes:
        piece = self.stream.read(size)
        self.count += len(piece)
        if self.count > self.most:
            raise BadArchive("the archive unpacks to more than %d bytes; that is no model." % self.most)
        return piece


def _members_of_tar(file: IO[bytes], counter: _Counter) -> Iterator[tuple[str, IO[bytes]]]:
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    stream: Any = _Metered(gzip.GzipFile(fileobj=file) if packed else file, counter)  # type: ignore[arg-type]
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for info in archive:
            if info.isdir():
                continue
            if not info.isreg() or info.issparse():
                raise BadArchive(
                    "member %r: only plain files are unpacked, no links, devices or sparse files." % info.name
                )
            member = archive.extractfile(info)
            if member is not None:
                yield info.name, member


def unpack(path: Path, into: Path, limits: Limits = Limits()) -> list[str]:
    """Unpack into an empty folder; the names of the files. A single top folder is taken away."""
    counter = _Counter(limits, path.stat().st_size)
    found: list[str] = []
    with open(str(path), "rb") as file:
        zipped = file.read(4) == b"PK\x03\x04"
        file.seek(0)
        members = _members_of_zip(file) if zipped else _members_of_tar(file, counter)
        try:
            for name, member in members:
                clean = counter.open(name[2:] if name.startswith("./") else name)
                target = into / clean
                target.parent.mkdir(parents=True, exist_ok=True)
                size = 0
                with open(str(target), "xb") as out:
                    while True:
                        piece = member.read(1 << 18)
                        if not piece:
                            break
                        size += len(piece)
                        counter.add(clean, len(piece), size)
                        out.write(piece)
                found.append(clean)
        except (
            tarfile.TarError,
            zipfile.BadZipFile,
            EOFError,
            zlib.error,
            gzip.BadGzipFile,
            NotImplementedError,
            RuntimeError,
            FileExistsError,
            NotADirectoryError,
            IsADirectoryError,
        ) as error:
            raise BadArchive(
                "%s cannot be unpacked (%s); it is cut or damaged, fetch it again." % (path.name, error)
            ) from None
        except UnicodeError:
            raise BadArchive("%s has a member whose name cannot be read; pack the folder again." % path.name) from None
    if not found:
        raise BadArchive("%s holds no file; a model archive holds model.onnx and manifest.toml." % path.name)
    return _lift(into, found)


def _lift(into: Path, names: list[str]) -> list[str]:
    """Archives are often packed as one folder: take that folder away."""
    tops = {name.split("/", 1)[0] for name in names}
    if len(tops) != 1 or any("/" not in name for name in names):
        return sorted(names)
    top = tops.pop()
    if top == "golden":
        return sorted(names)
    room = into / ".lift"
    os.rename(str(into / top), str(room))
    for child in list(room.iterdir()):
        os.rename(str(child), str(into / child.name))
    room.rmdir()
    return sorted(name.split("/", 1)[1] for name in names)


def folder_files(folder: Path, limits: Limits = Limits()) -> dict[str, Path]:
    """The files of a model folder that a model may have; links are refused, hidden files and alien kinds are left
    out."""
    found: dict[str, Path] = {}
    total = 0
    for root, folders, names in os.walk(str(folder)):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(root) / name
            relative = path.relative_to(folder).as_posix()
            if name.startswith("."):
                continue
            try:
                clean = allowed_name(relative)
            except BadArchive:
                continue
            if path.is_symlink() or not path.is_file():
                raise BadArchive("%s is not a plain file; a model folder holds no links." % path)
            total += path.stat().st_size
            found[clean] = path
            if len(found) > limits.files or total > limits.total_bytes:
                raise BadArchive(
                    "%s holds more than %d files or %d bytes." % (folder, limits.files, limits.total_bytes)
                )
    return found


def pack(folder: Path, target: Path) -> None:
    """Pack a model folder into one tar.gz whose bytes depend on its contents only."""
    files = folder_files(folder)
    if not files:
        raise BadArchive("%s holds nothing that a model may have; expected model.onnx and manifest.toml." % folder)

    def plain(info: Any) -> Any:
        info.uid = info.gid = info.mtime = 0
        info.uname = info.gname = ""
        info.mode = 0o644
        return info

    part = target.with_name("." + target.name + ".tmp")
    try:
        with open(str(part), "wb") as raw:
            with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6) as packed:
                with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
                    for name in sorted(files):
                        archive.add(str(files[name]), arcname=name, recursive=False, filter=plain)
            raw.flush()
            os.fsync(raw.fileno())
        os.replace(str(part), str(target))
    finally:
        if part.exists():
            part.unlink()
