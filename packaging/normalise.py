"""Same input, same bytes: fixed times, owners, modes and order in what is packed."""
from __future__ import annotations

import gzip
import os
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import IO

DEFAULT_EPOCH = 1767225600      # 2026-01-01; build.sh sets SOURCE_DATE_EPOCH to the time of the last commit

AR = b"!<arch>\n"


def epoch() -> int:
    """The one time that all files get."""
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    if text and not text.isdigit():
        sys.exit("SOURCE_DATE_EPOCH=%s: expected seconds since 1970, such as %d" % (text, DEFAULT_EPOCH))
    return int(text or DEFAULT_EPOCH)


def mode_of(path: Path, private: bool) -> int:
    """0755 for folders and programs, 0644 for other files; a folder of secrets is its owner's.

    Nothing in a bundle is a program: wheels mark libraries as one.
    """
    if path.is_dir():
        return 0o700 if private else 0o755
    return 0o755 if path.stat().st_mode & 0o100 and "bundled" not in path.parts else 0o644


def tree(root: Path) -> None:
    """Give every file below `root` its mode and the one time."""
    at = epoch()
    for folder, _, files in os.walk(root, topdown=False):
        for name in [*files, "."]:
            path = Path(folder, name)
            if not path.is_symlink():
                os.chmod(path, mode_of(path, path.name == "credentials" and path.parent.name == "sednabox"))
            os.utime(path, (at, at), follow_symlinks=False)


def archive(path: Path) -> None:
    """Write a .tar.gz anew."""
    whole = path.with_name(path.name + ".new")
    with tempfile.TemporaryFile(dir=str(path.parent)) as plain:
        with gzip.open(path) as old:
            shutil.copyfileobj(old, plain)      # members are read in another order, which a packed file makes slow
        plain.seek(0)
        _repack(plain, whole)
    os.replace(whole, path)


def _repack(plain: IO[bytes], whole: Path) -> None:
    with tarfile.open(fileobj=plain) as old, open(whole, "wb") as file, \
            gzip.GzipFile("", "wb", 6, file, mtime=0) as packed, \
            tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as new:
        for member in sorted(old.getmembers(), key=lambda member: member.name):
            member.uid = member.gid = 0
            member.uname = member.gname = "root"
            member.mtime = epoch()
            member.pax_headers = {}
            new.addfile(member, old.extractfile(member) if member.isreg() else None)


def deb(path: Path) -> None:
    """The members of a deb have the mode that the umask gave them: put the usual one."""
    data = bytearray(path.read_bytes())
    at = len(AR)
    if bytes(data[:at]) != AR:
        sys.exit("%s: expected a deb, an ar archive" % path)
    while at + 60 <= len(data):
        data[at + 40:at + 48] = b"100644  "
        size = int(data[at + 48:at + 58])
        at += 60 + size + size % 2
    path.write_bytes(data)


def main(arguments: list[str]) -> int:
    if len(arguments) == 2 and arguments[0] == "--archive":
        archive(Path(arguments[1]))
    elif len(arguments) == 2 and arguments[0] == "--deb":
        deb(Path(arguments[1]))
    elif len(arguments) == 1:
        tree(Path(arguments[0]))
    else:
        sys.exit("usage: normalise.py FOLDER | --archive FILE | --deb FILE")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
