"""Putting a trained model where the inference worker finds it, and taking it back.

The real LC overwrites in place; here every file is written whole, and what was there before is kept until the worker
said that the new model took.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from sedna_bridge import contract_hot_update
from sedna_bridge.contract_hot_update import FILE_NAME, HotUpdate
from sedna_bridge.local_controller.errors import ControllerError
from sedna_bridge.local_controller.samples import sync_folder

MANIFEST = "manifest.toml"
_ABSENT = ".absent"


def copy_whole(source: str, target: str) -> None:
    """Copy a file so that a reader of `target` sees the old one or the new one."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    temporary = os.path.join(os.path.dirname(target), f".{os.path.basename(target)}.{os.getpid()}.tmp")
    try:
        with open(source, "rb") as reader, open(temporary, "wb") as writer:
            shutil.copyfileobj(reader, writer, 1 << 20)
            writer.flush()
            os.fsync(writer.fileno())
        os.replace(temporary, target)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)
    sync_folder(os.path.dirname(target))


def digest(path: str) -> str:
    result = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            result.update(block)
    return result.hexdigest()


def pick(results: Sequence[Mapping[str, Any]], wanted: str, lenient: bool) -> tuple[dict | None, str]:
    """The trained model for a Model of format `wanted`, and a remark.

    The real LC takes the first result of the same format and crashes where there is none. `lenient` (our own workers
    play another framework's image) takes a single result of another format.
    """
    usable = [dict(result) for result in results if result.get("url")]
    for result in usable:
        if result.get("format") == wanted:
            return result, ""
    formats = ", ".join(sorted({str(result.get("format")) for result in usable})) or "none"
    if lenient and usable:
        remark = (
            f"the trained model is {formats}, the Model says {wanted}: taken all the same (the real LC would crash)"
        )
        return usable[0], remark
    return None, f"no trained model has the format {wanted} of the Model; the worker reported {formats}"


class Installer:
    """The files that a deployment changes: the deploy model, the eval model, and the hot-update folder."""

    def __init__(self, hot_folder: str, backup_folder: str) -> None:
        self.hot_folder = hot_folder
        self.backup_folder = backup_folder

    @property
    def config(self) -> str:
        return os.path.join(self.hot_folder, FILE_NAME)

    def install(self, trained: str, targets: Sequence[str]) -> None:
        """Put the model (and its manifest, where it has one) at every target, keeping what was there."""
        for number, (source, target) in enumerate(self._pairs(trained, targets)):
            backup = self._backup(number)
            try:
                if not os.path.exists(backup) and not os.path.exists(backup + _ABSENT):
                    if os.path.exists(target):
                        copy_whole(target, backup)
                    else:
                        os.makedirs(self.backup_folder, exist_ok=True)
                        with open(backup + _ABSENT, "wb"):
                            pass
                copy_whole(source, target)
            except OSError as error:
                raise ControllerError(f"the new model cannot be put at {target}: {error.strerror or error}") from None

    @staticmethod
    def _pairs(trained: str, targets: Sequence[str]) -> list[tuple[str, str]]:
        """What is copied where. Sedna moves one file; a manifest beside it goes along where it names that file."""
        manifest = os.path.join(os.path.dirname(trained), MANIFEST)
        pairs = []
        for target in targets:
            pairs.append((trained, target))
            if os.path.basename(target) == os.path.basename(trained) and os.path.exists(manifest):
                pairs.append((manifest, os.path.join(os.path.dirname(target), MANIFEST)))
        return pairs

    def announce(self, trained: str, contained: bool) -> str:
        """Write the model and model_config.json into the hot-update folder; returns the version."""
        model = os.path.join(self.hot_folder, os.path.basename(trained))
        try:
            for source, target in self._pairs(trained, [model]):
                copy_whole(source, target)
            version = contract_hot_update.go_time_text()
            path = contract_hot_update.mounted_path(model) if contained else model
            temporary = self.config + ".tmp"
            with open(temporary, "w", encoding="utf-8") as file:
                file.write(HotUpdate(path, version).text())
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self.config)
            sync_folder(self.hot_folder)
        except OSError as error:
            raise ControllerError(f"the hot update cannot be written to {self.hot_folder}: {error.strerror}") from None
        return version

    def undo(self, trained: str, targets: Sequence[str]) -> None:
        """Put back what `install` replaced, and let `model_config.json` say nothing."""
        for number, (_source, target) in enumerate(self._pairs(trained, targets)):
            backup = self._backup(number)
            if os.path.exists(backup):
                copy_whole(backup, target)
            elif os.path.exists(backup + _ABSENT) and os.path.exists(target):
                os.remove(target)
        if os.path.exists(self.config):
            os.remove(self.config)

    def keep(self) -> None:
        """The new model is in use: forget what was there before."""
        shutil.rmtree(self.backup_folder, ignore_errors=True)

    def _backup(self, number: int) -> str:
        return os.path.join(self.backup_folder, f"model.{number}")
