"""The table `[model]` of a model folder's manifest.toml: all that the store needs to know; the other tables are for
those who run the model (docs/architecture.md has the whole format)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from .errors import RejectedModel

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+\-]{0,63}\Z")
SHA256 = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True)
class ModelTable:
    """Who a model is and which bytes it is."""

    name: str
    version: str
    file: str = "model.onnx"
    counter: int = 0
    sha256: str = ""
    size: int = 0
    parent: str = ""
    license: str = ""


def clean_name(text: str) -> str:
    """A text made into a name: what a name may not hold becomes '-'."""
    return re.sub(r"[^A-Za-z0-9_.+\-]+", "-", text).strip("-._+")[:64] or "model"


def clean_version(text: str) -> str:
    """A text made into a version: no white space, no '/'. Sedna's versions are Go's time texts, with blanks."""
    version = re.sub(r"[\s/\\]+", "_", text.strip())
    version = re.sub(r"[\x00-\x1f\x7f@]", "", version) or "0"
    if len(version) > 100:
        version = "%s-%s" % (version[:80], hashlib.sha256(text.encode("utf-8")).hexdigest()[:12])
    return version


def _fail(where: str, expected: str, came: Any) -> RejectedModel:
    return RejectedModel(
        "%s: expected %s, found %r. Correct the manifest and pack the model again." % (where, expected, came)
    )


def parse_model_table(text: str, where: str = "manifest.toml") -> ModelTable:
    """Read and check `[model]`; raises RejectedModel."""
    try:
        document = tomlkit.parse(text).unwrap()
    except (TOMLKitError, ValueError) as error:
        raise RejectedModel("%s is not TOML: %s" % (where, error)) from None
    table = document.get("model")
    if not isinstance(table, dict):
        raise _fail(where, "a table [model]", sorted(document))

    def take(key: str, kind: type, default: Any) -> Any:
        value = table.get(key, default)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise _fail("%s, [model] %s" % (where, key), "a %s" % ("text" if kind is str else "whole number"), value)
        return value

    found = ModelTable(
        name=take("name", str, ""),
        version=str(take("version", str, "")),
        file=take("file", str, "model.onnx"),
        counter=take("counter", int, 0),
        sha256=take("sha256", str, "").lower(),
        size=take("size", int, 0),
        parent=take("parent", str, ""),
        license=take("license", str, ""),
    )
    if not NAME.match(found.name):
        raise _fail(where + ", [model] name", "letters, digits and _ . + -", found.name)
    if found.version != clean_version(found.version) or len(found.version) > 128:
        raise _fail(
            where + ", [model] version", "a text without white space, '/' or '@', at most 128 long", found.version
        )
    if found.sha256 and not SHA256.match(found.sha256):
        raise _fail(where + ", [model] sha256", "64 hexadecimal digits", found.sha256)
    if found.counter < 0 or found.size < 0:
        raise _fail(where + ", [model]", "counter and size of 0 or more", (found.counter, found.size))
    return found


def read_model_table(path: Path) -> ModelTable:
    """Read `[model]` of a manifest file; raises RejectedModel."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RejectedModel("%s is not UTF-8 text: %s" % (path, error)) from None
    return parse_model_table(text, str(path.name))


def manifest_for(table: ModelTable, base: str | None = None) -> str:
    """A manifest for bare bytes: `[model]` from `table`, the other tables from the manifest `base` of a model of the
    same kind.

    `[metrics]` belongs to the other model's bytes and is left out.
    """
    document = tomlkit.parse(base) if base else tomlkit.document()
    document.pop("metrics", None)
    model = tomlkit.table()
    for key in ("name", "version", "counter", "file", "sha256", "size", "parent", "license"):
        model[key] = getattr(table, key)
    if "model" in document:
        document["model"] = model
    else:
        document.add("model", model)
    return tomlkit.dumps(document)
