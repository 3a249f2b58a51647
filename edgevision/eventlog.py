"""An alarm's event as text, and the folder of its pictures."""
from __future__ import annotations

import json
import os
import re
import time
from collections import deque
from typing import Sequence

import cv2
import numpy as np

from edgevision.alarms import WHOLE, AlarmRule, Event
from edgevision.errors import MediaError


def event_text(event: Event, rule: AlarmRule, camera: str, classes: Sequence[str], picture: str = "") -> str:
    """The event as JSON."""
    record = {
        "type": "alarm", "camera": camera, "classes": list(rule.watched),
        "zone": [list(point) for point in rule.zone] if rule.zone != WHOLE else [],
        "since": event.since, "timestamp": event.timestamp, "seconds": round(event.seconds, 3),
        "detections": [{"class": classes[cls], "score": round(score, 4), "box": [round(float(v), 2) for v in box]}
                       for box, score, cls in event.detections]}
    if picture:
        record["picture"] = picture
    return json.dumps(record, ensure_ascii=False)


class Pictures:
    """A folder that holds the newest pictures, each written whole; the oldest go."""

    def __init__(self, folder: str, keep: int = 1000) -> None:
        if keep < 1:
            raise MediaError("keep: expected at least 1 picture, got %d" % keep)
        self.folder, self._keep = os.path.abspath(folder), keep
        try:
            os.makedirs(self.folder, exist_ok=True)
            names = [name for name in os.listdir(self.folder) if name.startswith("alarm-") and name.endswith(".jpg")]
        except OSError as error:
            raise MediaError("%s: cannot be used for pictures: %s" % (folder, error.strerror or error)) from None
        self._names: deque[str] = deque(sorted(names))

    def save(self, bgr: np.ndarray, camera: str, timestamp: int) -> str:
        """Write a picture; its path."""
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        name = "alarm-%s-%s-%d.jpg" % (stamp, re.sub(r"[^\w.-]+", "_", camera).strip("_") or "camera", timestamp)
        path = os.path.join(self.folder, name)
        good, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 90])
        try:
            with open(path + ".part", "wb") as file:
                file.write(data.tobytes() if good else b"")
            os.replace(path + ".part", path)
        except OSError as error:
            raise MediaError("%s: cannot be written: %s" % (path, error.strerror or error)) from None
        if name not in self._names:
            self._names.append(name)
        while len(self._names) > self._keep:
            try:
                os.unlink(os.path.join(self.folder, self._names.popleft()))
            except OSError:  # somebody else took it away
                pass
        return path
