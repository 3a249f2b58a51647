"""What the store knows of one version: plain values that are written as one JSON file and never change afterwards."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import quote


@dataclass(frozen=True)
class FileEntry:
    """One file of a version: its content address and size."""

    sha256: str
    size: int


@dataclass(frozen=True)
class VersionRecord:
    """One version: `id` is NAME@VERSION and is what frames are stamped with.

    `continues` is the version whose manifest these bytes took over, because they came without one.
    """

    id: str
    name: str
    version: str
    model_file: str
    files: dict[str, FileEntry]
    counter: int = 0
    parent: str = ""
    license: str = ""
    source: str = ""
    source_version: str = ""
    signed_by: str = ""
    continues: str = ""
    installed_at: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        return sum(entry.size for entry in self.files.values())

    @property
    def model_sha256(self) -> str:
        return self.files[self.model_file].sha256

    @property
    def report_key(self) -> str:
        """The name under which this version is reported, exactly once: the source's own text, else the id."""
        return self.source_version or self.id

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> VersionRecord:
        known = {key: value[key] for key in cls.__dataclass_fields__ if key in value}
        known["files"] = {name: FileEntry(**entry) for name, entry in value["files"].items()}
        return cls(**known)


def version_id(name: str, version: str) -> str:
    """The id of a version within a store."""
    return "%s@%s" % (name, version)


def file_name(identifier: str) -> str:
    """An id as the name of a file."""
    return quote(identifier, safe="@+=-_.~:,")
