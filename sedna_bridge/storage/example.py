"""A hard example: the clean picture, and the sidecar that tells all about it. The content makes the name."""

from __future__ import annotations

import hashlib
import json
import math
import re
from typing import Any, Mapping, NamedTuple

from sedna_bridge.errors import SpoolDamaged

FORMAT = "sednabox.hard-example/1"
ID = re.compile(r"^[0-9a-f]{64}$")


class Example(NamedTuple):
    """What a target stores. `id` is the sha256 of the sidecar, and the sidecar holds that of the picture."""

    id: str
    sidecar: bytes
    picture: bytes

    @property
    def size(self) -> int:
        return len(self.sidecar) + len(self.picture)

    @property
    def facts(self) -> dict[str, Any]:
        """The sidecar as a dictionary."""
        facts = json.loads(self.sidecar.decode("utf-8"))
        if not isinstance(facts, dict):
            raise ValueError("the sidecar is no JSON object")
        return facts

    def check(self) -> Example:
        """Raises SpoolDamaged unless every byte is what was written."""
        if digest(self.sidecar) != self.id:
            raise SpoolDamaged(
                "example %s: the sidecar is not what was written (its sha256 is %s)"
                % (self.id[:12], digest(self.sidecar)[:12])
            )
        try:
            wanted = self.facts["picture"]["sha256"]
        except (ValueError, KeyError, TypeError) as error:
            raise SpoolDamaged("example %s: the sidecar names no picture: %s" % (self.id[:12], error)) from None
        if digest(self.picture) != wanted:
            raise SpoolDamaged(
                "example %s: the picture is not what was written (%d bytes)" % (self.id[:12], len(self.picture))
            )
        return self


def make_example(picture: bytes, facts: Mapping[str, Any], width: int = 0, height: int = 0) -> Example:
    """Seals a JPEG and what is known about it under a name made from both."""
    sealed = {str(key): plain(value) for key, value in facts.items()}
    sealed["format"] = FORMAT
    sealed["picture"] = {
        "sha256": digest(picture),
        "size": len(picture),
        "width": int(width),
        "height": int(height),
        "type": "image/jpeg",
    }
    text = json.dumps(sealed, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    sidecar = text.encode("utf-8", "replace")
    return Example(digest(sidecar), sidecar, picture)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def plain(value: Any) -> Any:
    """The value as JSON can hold it: numbers of numpy as numbers, no number as null, the unknown as text."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return str(value)
