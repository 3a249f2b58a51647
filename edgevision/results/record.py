"""What is told about a frame: its place, its size, who judged it and what was found. Plain values for JSON."""
from __future__ import annotations

import json
import math
import time
from typing import Any

from edgevision.envelope import camera_in, classes_in, detections_in, number, value

_AS_THEY_ARE = ("wall_time", "model", "model_name", "hard", "hard_reasons", "hard_score")


def record_of(buffer: Any) -> dict[str, Any]:
    """The record of a frame in a buffer. `event` is there for what the alarm unit raised."""
    classes = classes_in(buffer)
    record: dict[str, Any] = {
        "camera": camera_in(buffer), "index": number(buffer, "index"),
        "timestamp": number(buffer, "timestamp"), "width": number(buffer, "width"), "height": number(buffer, "height"),
    }
    for key in _AS_THEY_ARE:
        found = value(buffer, key)
        if found is not None:
            record[key] = found
    record["detections"] = [
        {"class": classes[cls] if 0 <= cls < len(classes) else str(cls), "score": round(score, 4),
         "box": [round(float(v), 2) for v in box]} for box, score, cls in detections_in(buffer)]
    if isinstance(record.get("wall_time"), float):
        record["latency_ms"] = round((time.time() - record["wall_time"]) * 1000, 1)
    event = value(buffer, "event")
    if isinstance(event, str) and event:
        record["event"] = json.loads(event)
    return record


def encode(record: dict[str, Any]) -> str:
    """One line of JSON; numbers that JSON cannot hold become null."""
    try:
        return json.dumps(record, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_plain)
    except ValueError:
        return json.dumps(_finite(record), ensure_ascii=False, separators=(",", ":"), default=_plain)


def _finite(thing: Any) -> Any:
    if isinstance(thing, dict):
        return {key: _finite(part) for key, part in thing.items()}
    if isinstance(thing, (list, tuple)):
        return [_finite(part) for part in thing]
    return None if isinstance(thing, float) and not math.isfinite(thing) else thing


def _plain(thing: Any) -> Any:
    return thing.item() if getattr(thing, "shape", None) == () else thing.tolist() if hasattr(thing, "tolist") else str(
        thing)
