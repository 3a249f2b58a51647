"""The model in use, at the place where Sedna's job looks for the deployed one.

With hot update the real LC hands a new model to the worker and leaves the job's own file (MODEL_URL) as it was, and its
next evaluation would compare with that. So what was kept is written there too, each file whole, with its manifest.
"""

from __future__ import annotations

import os
from pathlib import Path

import tomlkit

from .archive import MANIFEST
from .durable import write_whole
from .store import ModelStore


def put_back(store: ModelStore, path: Path) -> bool:
    """Write the active version to `path`, an .onnx file; False where it lies there already. Raises OSError."""
    active = store.pointer().active
    if not active:
        return False
    with store.lease(active) as lease:
        folder = lease.folder
        model = folder.read()
        if path.is_file() and path.read_bytes() == model:
            return False
        beside = path.parent / MANIFEST
        # Without a manifest the model says itself how it is run; with that of another one it would be refused.
        if beside.exists():
            beside.unlink()
        write_whole(path, model)
        if MANIFEST in folder.record.files:
            described = tomlkit.parse(folder.read(MANIFEST).decode("utf-8"))
            described["model"]["file"] = path.name  # type: ignore[index]
            write_whole(beside, tomlkit.dumps(described))
    return True


def place_of(url: str) -> Path | None:
    """The file that a MODEL_URL names on this machine; None for a folder, or something far away."""
    path = Path(url)
    return path if path.suffix == ".onnx" and path.is_absolute() and os.path.isdir(path.parent) else None
