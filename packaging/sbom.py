"""A CycloneDX 1.5 bill of materials: what is in the package, with hashes, and what it needs."""
from __future__ import annotations

import hashlib
import json
import re
import uuid
from email.parser import HeaderParser
from pathlib import Path
from typing import Any


def write(root: Path, home: str, facts: dict, *targets: Path) -> None:
    """One file, written to all targets; the same input gives the same bytes (no time, no random number)."""
    text = json.dumps(bill(root, home, facts), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    for target in targets:
        target.write_text(text, encoding="utf-8")


def bill(root: Path, home: str, facts: dict) -> dict[str, Any]:
    version = str(facts["version"])
    main = {"type": "application", "bom-ref": "pkg:generic/sednabox@" + version, "name": "sednabox",
            "version": version, "licenses": [{"license": {"id": "Apache-2.0"}}]}
    parts = [*_bundled(root / home / "python/bundled"), *_files(root)]
    carried = {_normal(part["name"]) for part in parts if part["type"] == "library"}
    for need in facts["dependencies"]:
        name = re.split(r"[<>=!~; \[]", need, maxsplit=1)[0]
        if _normal(name) not in carried:
            parts.append({"type": "library", "bom-ref": "needs:" + name, "name": name, "scope": "required",
                          "properties": [{"name": "sednabox:requirement", "value": need},
                                         {"name": "sednabox:bundled", "value": "false"}],
                          "purl": "pkg:pypi/" + _normal(name)})
    libraries = [part["bom-ref"] for part in parts if part["type"] == "library"]
    whole: dict[str, Any] = {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "metadata": {"component": main},
        "components": parts, "dependencies": [{"ref": main["bom-ref"], "dependsOn": libraries}]}
    digest = hashlib.sha256(json.dumps(whole, sort_keys=True).encode("utf-8")).hexdigest()
    whole["serialNumber"] = "urn:uuid:%s" % uuid.uuid5(uuid.NAMESPACE_OID, digest)
    return whole


def _bundled(folder: Path) -> list[dict[str, Any]]:
    found = []
    for path in sorted(folder.glob("*.dist-info/METADATA")):
        fields = HeaderParser().parsestr(path.read_text(encoding="utf-8"))
        name, version = str(fields["Name"]), str(fields["Version"])
        part: dict[str, Any] = {"type": "library", "name": name, "version": version, "scope": "required",
                                "purl": "pkg:pypi/%s@%s" % (_normal(name), version)}
        part["bom-ref"] = part["purl"]
        words = fields["License-Expression"] or fields["License"]
        if words and "\n" not in words and len(words) < 100:
            part["licenses"] = [{"license": {"name": words}}]
        found.append(part)
    return found


def _files(root: Path) -> list[dict[str, Any]]:
    """Our own files; those of the bundle are told by their libraries."""
    found = []
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_file() and not path.is_symlink() and "/python/bundled/" not in name:
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            found.append({"type": "file", "bom-ref": "file:" + name, "name": name,
                          "hashes": [{"alg": "SHA-256", "content": digest}]})
    return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
