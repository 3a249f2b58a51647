"""Bytes from somewhere else into a file here: http(s), s3 and local paths, resumed where they broke off.

A part of a download stays in the store's incoming/ folder with the mark of its source (ETag or Last-Modified): the
next try asks only for the rest, and only if the source still has the same thing. Nothing is believed because it
arrived whole; the door of the store (intake.py) hashes it all the same.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterable
from urllib.parse import urlsplit, urlunsplit

from .durable import read_json, write_json
from .errors import RejectedModel, SourceError
from .locks import FileLock
from .offers import Progress


@dataclass(frozen=True)
class Patience:
    """How a download deals with a bad link."""

    tries: int = 5
    connect_seconds: float = 10.0
    read_seconds: float = 30.0
    first_pause: float = 1.0
    longest_pause: float = 30.0
    max_bytes: int = 3 << 30


class _Interrupted(Exception):
    """The transfer broke off; trying again may help."""


@dataclass
class _Answer:
    """What a source gives: where the bytes start, how many there are in all, its mark, and the bytes."""

    start: int
    total: int | None
    mark: str
    pieces: Iterable[bytes]
    close: Callable[[], None]


def redacted(url: str) -> str:
    """The address without user name, password and query, for logs and messages."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def no_progress(done: int, total: int | None) -> None:
    """For callers who do not want to know."""


def download(
    url: str,
    folder: Path,
    patience: Patience | None = None,
    progress: Progress = no_progress,
    sleep: Callable[[float], None] = time.sleep,
) -> Path:
    """Fetch `url` into `folder`; the path of the whole file. Raises SourceError when it cannot be had now."""
    patience = patience or Patience()
    ask = _asker(url)
    target = folder / ("partial-" + hashlib.sha256(url.encode("utf-8")).hexdigest()[:24])
    with FileLock(target.with_name(target.name + ".lock"), "the download of %s" % redacted(url)).take(0.0):
        pause = patience.first_pause
        failures = 0
        while True:
            before = target.stat().st_size if target.exists() else 0
            try:
                _transfer(ask, target, patience, progress)
                return target
            except _Interrupted as error:
                arrived = target.exists() and target.stat().st_size > before
                failures = 1 if arrived else failures + 1
                if failures >= patience.tries:
                    raise SourceError(
                        "%s could not be fetched in %d tries: %s. What has come is kept; it is tried again later."
                        % (redacted(url), patience.tries, error)
                    ) from None
            except OSError as error:
                raise SourceError("%s could not be written to %s: %s" % (redacted(url), folder, error)) from error
            sleep(pause * random.uniform(0.5, 1.0))
            pause = patience.first_pause if failures == 1 else min(pause * 2, patience.longest_pause)


def forget(target: Path) -> None:
    """Throw a downloaded file away, with its mark."""
    for path in (target, target.with_name(target.name + ".mark"), target.with_name(target.name + ".lock")):
        try:
            path.unlink()
        except FileNotFoundError:
            pass


def _transfer(
    ask: Callable[[int, str, Patience], _Answer], target: Path, patience: Patience, progress: Progress
) -> None:
    mark_path = target.with_name(target.name + ".mark")
    known = read_json(mark_path) or {}
    start = target.stat().st_size if target.exists() else 0
    if start and known.get("total") == start:
        return
    mark = str(known.get("mark", ""))
    if not mark:
        start = 0
    answer = ask(start, mark, patience)
    try:
        if answer.start not in (0, start):
            raise _Interrupted("asked for byte %d, got byte %d" % (start, answer.start))
        write_json(mark_path, {"mark": answer.mark, "total": answer.total})
        if answer.total is not None and answer.total > patience.max_bytes:
            raise RejectedModel("it has %d bytes; at most %d are taken." % (answer.total, patience.max_bytes))
        done = answer.start
        progress(done, answer.total)
        with open(str(target), "r+b" if answer.start else "wb") as out:
            out.seek(done)
            out.truncate()
            for piece in answer.pieces:
                out.write(piece)
                done += len(piece)
                if done > patience.max_bytes:
                    raise RejectedModel("it has more than %d bytes; no more are taken." % patience.max_bytes)
                progress(done, answer.total)
            out.flush()
            os.fsync(out.fileno())
        if answer.total is not None and done != answer.total:
            raise _Interrupted("it broke off after %d of %d bytes" % (done, answer.total))
        write_json(mark_path, {"mark": answer.mark, "total": done})
    finally:
        answer.close()


def _asker(url: str) -> Callable[[int, str, Patience], _Answer]:
    scheme = urlsplit(url).scheme
    if scheme in ("http", "https"):
        return lambda start, mark, patience: _ask_http(url, start, mark, patience)
    if scheme == "s3":
        return lambda start, mark, patience: _ask_s3(url, start, mark, patience)
    if scheme in ("", "file"):
        path = Path(urlsplit(url).path if scheme else url)
        return lambda start, mark, patience: _ask_file(path)
    raise SourceError("%s: expected an address with http, https, s3 or file, or a path." % redacted(url))


def _ask_file(path: Path) -> _Answer:
    try:
        file = open(str(path), "rb")  # noqa: SIM115 - closed by the transfer
    except OSError as error:
        raise SourceError("%s cannot be read: %s" % (path, error.strerror)) from None
    pieces = iter(lambda: file.read(1 << 20), b"")
    return _Answer(0, os.fstat(file.fileno()).st_size, "", pieces, file.close)


def _ask_http(url: str, start: int, mark: str, patience: Patience) -> _Answer:
    import requests

    headers = {"Accept-Encoding": "identity"}
    if start:
        headers.update({"Range": "bytes=%d-" % start, "If-Range": mark})
    try:
        answer = requests.get(
            url, headers=headers, stream=True, timeout=(patience.connect_seconds, patience.read_seconds)
        )
    except (requests.ConnectionError, requests.Timeout) as error:
        raise _Interrupted(_plain(error, url)) from None
    except requests.RequestException as error:
        raise SourceError("%s: %s" % (redacted(url), _plain(error, url))) from None
    if answer.status_code == 416:
        answer.close()
        return _ask_http(url, 0, "", patience)
    if answer.status_code in (408, 425, 429, 500, 502, 503, 504):
        answer.close()
        raise _Interrupted("the server answered %d" % answer.status_code)
    if answer.status_code not in (200, 206):
        answer.close()
        raise SourceError("%s: the server answered %d %s." % (redacted(url), answer.status_code, answer.reason))
    first, total = 0, None
    if answer.status_code == 206:
        found = re.match(r"bytes (\d+)-\d+/(\d+)", answer.headers.get("Content-Range", ""))
        if not found:
            answer.close()
            raise SourceError("%s: the server answers part of the file without saying which." % redacted(url))
        first, total = int(found.group(1)), int(found.group(2))
    elif answer.headers.get("Content-Length", "").isdigit():
        total = int(answer.headers["Content-Length"])
    etag = answer.headers.get("ETag", "")
    new_mark = etag if etag and not etag.startswith("W/") else answer.headers.get("Last-Modified", "")

    def pieces() -> Iterable[bytes]:
        try:
            yield from answer.iter_content(1 << 12)
        except requests.RequestException as error:
            raise _Interrupted(_plain(error, url)) from None

    return _Answer(first, total, new_mark, pieces(), answer.close)


def _plain(error: Exception, url: str) -> str:
    """What requests says, in one line and without the address, which may hold a password."""
    text = str(error).replace(url, redacted(url))
    return re.sub(r"//[^/@\s]*@", "//", text)[:300] or type(error).__name__


def s3_client() -> Any:
    """A client for the S3 that Sedna's environment names: S3_ENDPOINT_URL, ACCESS_KEY_ID, SECRET_ACCESS_KEY."""
    try:
        import boto3
        from botocore.config import Config
    except ImportError:
        raise SourceError(
            "s3:// needs the package boto3, which is not installed here; install it with: pip install 'sednabox[s3]'"
        ) from None
    endpoint = os.environ.get("S3_ENDPOINT_URL", "")
    if endpoint and "://" not in endpoint:
        endpoint = ("https://" if os.environ.get("S3_USE_HTTPS", "1") not in ("0", "false") else "http://") + endpoint
    return boto3.client(
        "s3",
        endpoint_url=endpoint or None,
        aws_access_key_id=os.environ.get("ACCESS_KEY_ID") or os.environ.get("AWS_ACCESS_KEY_ID"),
        aws_secret_access_key=os.environ.get("SECRET_ACCESS_KEY") or os.environ.get("AWS_SECRET_ACCESS_KEY"),
        region_name=os.environ.get("AWS_REGION", "us-east-1"),
        config=Config(
            connect_timeout=10, read_timeout=30, retries={"max_attempts": 1}, s3={"addressing_style": "path"}
        ),
    )


def _ask_s3(url: str, start: int, mark: str, patience: Patience) -> _Answer:
    client = s3_client()
    from botocore.exceptions import BotoCoreError, ClientError

    parts = urlsplit(url)
    wanted: dict[str, Any] = {"Bucket": parts.netloc, "Key": parts.path.lstrip("/")}
    if start:
        wanted.update({"Range": "bytes=%d-" % start, "IfMatch": mark})
    try:
        answer = client.get_object(**wanted)
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if start and status in (412, 416):
            return _ask_s3(url, 0, "", patience)
        if status >= 500 or status == 429:
            raise _Interrupted(str(error)) from None
        raise SourceError("%s: %s" % (url, error)) from None
    except BotoCoreError as error:
        raise _Interrupted(str(error)) from None
    found = re.match(r"bytes (\d+)-\d+/(\d+)", answer.get("ContentRange") or "")
    first, total = (int(found.group(1)), int(found.group(2))) if found else (0, int(answer["ContentLength"]))

    def pieces() -> Iterable[bytes]:
        try:
            yield from answer["Body"].iter_chunks(1 << 12)
        except (BotoCoreError, OSError, ValueError) as error:
            raise _Interrupted(str(error)) from None

    return _Answer(first, total, answer.get("ETag", ""), pieces(), answer["Body"].close)


def fetch_into(url: str, folder: Path, name: str, patience: Patience | None, progress: Progress) -> Path:
    """Download and give the file its own name in a folder of its own; the caller removes that folder."""
    whole = download(url, folder, patience, progress)
    target = folder / ("fetched-" + whole.name)
    target.mkdir(exist_ok=True)
    final = target / name
    shutil.move(str(whole), str(final))
    forget(whole)
    return final
