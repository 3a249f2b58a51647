"""Reading text files, and writing files that are there in full or not at all."""

from __future__ import annotations

import os

from sedna_bridge.datasets.errors import DatasetFormatError


def read_text(path: str) -> str:
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except OSError as error:
        raise DatasetFormatError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise DatasetFormatError(f"{path}:{line}: not UTF-8 text; expected text, save it as UTF-8") from None


def write_text(path: str, text: str) -> None:
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: str, raw: bytes) -> None:
    folder = os.path.dirname(os.path.abspath(path))
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        os.makedirs(folder, exist_ok=True)
        with open(temporary, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if os.path.exists(temporary):
            os.remove(temporary)
        raise DatasetFormatError(f"{path}: cannot be written: {error.strerror}") from None
