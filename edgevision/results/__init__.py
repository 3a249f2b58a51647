"""Results on their way out: a record for each frame, and the places it can go to.

`open_target` tells them apart: "stdout", a file, http(s):// (a webhook) or mqtt(s)://HOST/TOPIC.
"""
from __future__ import annotations

from edgevision.results.record import encode, record_of
from edgevision.results.target import Target, open_target

__all__ = ["Target", "encode", "open_target", "record_of"]
