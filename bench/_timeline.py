"""A picture of swaps: which version judged each frame, how much it found, and the steps of each swap."""

from __future__ import annotations

from typing import Any, Sequence

import cv2
import numpy as np

WIDTH, LEFT, RIGHT = 1400, 130, 30
BOXES, STRIP, STEPS = 60, 300, 360
INK, GREY, PALE = (40, 40, 40), (150, 150, 150), (228, 228, 228)
COLOURS = ((190, 130, 60), (90, 160, 70), (60, 70, 210), (60, 150, 220), (160, 90, 150), (120, 140, 40))
ENDS = ("kept", "rolled_back", "rejected")
MARKED = ("discovered", "fetched", "verified", "loaded", "warm", "judged", "active", *ENDS)


def draw(frames: Sequence[dict[str, Any]], history: Sequence[dict[str, Any]]) -> np.ndarray:
    """The picture, from lines of results and of the store's history."""
    swaps = _swaps(history)
    height = STEPS + 46 * len(swaps) + 60
    picture = np.full((height, WIDTH, 3), 255, np.uint8)
    start, end = frames[0]["wall_time"], frames[-1]["wall_time"]
    versions = list(dict.fromkeys([frame["model"] for frame in frames] + [swap[0]["version"] for swap in swaps]))

    def place(moment: float) -> int:
        share = (moment - start) / max(1e-6, end - start)
        return LEFT + round(min(1.0, max(0.0, share)) * (WIDTH - LEFT - RIGHT))

    def colour(version: str) -> tuple[int, int, int]:
        return COLOURS[versions.index(version) % len(COLOURS)]

    _text(picture, "Models change while frames flow: %d frames, none lost, doubled or out of order" % len(frames)
          if _sound(frames) else "Models change while frames flow: %d frames" % len(frames), 20, 30, INK, 0.6)
    most = max(1, max(len(frame["detections"]) for frame in frames))
    for level in range(0, most + 1, max(1, most // 4)):
        y = STRIP - 20 - round(level / most * (STRIP - 20 - BOXES))
        cv2.line(picture, (LEFT, y), (WIDTH - RIGHT, y), PALE, 1)
        _text(picture, "%d" % level, LEFT - 30, y + 4, GREY, 0.4)
    _text(picture, "boxes per frame", 14, BOXES - 12, INK)
    for frame in frames:
        x, y = place(frame["wall_time"]), STRIP - 20 - round(len(frame["detections"]) / most * (STRIP - 20 - BOXES))
        cv2.circle(picture, (x, y), 2, colour(frame["model"]), -1, cv2.LINE_AA)
    _text(picture, "judged by", 14, STRIP + 18, INK)
    for before, after in zip(frames, frames[1:]):
        cv2.rectangle(picture, (place(before["wall_time"]), STRIP), (place(after["wall_time"]), STRIP + 26),
                      colour(before["model"]), -1)
    last = ""
    for frame in frames:
        if frame["model"] != last:
            last = frame["model"]
            _text(picture, last, place(frame["wall_time"]) + 4, STRIP + 18, (255, 255, 255), 0.42)
    for number, swap in enumerate(swaps):
        _swap(picture, swap, STEPS + 46 * number, place, colour)
    for second in range(0, int(end - start) + 1, max(1, int((end - start) / 14))):
        x = place(start + second)
        cv2.line(picture, (x, height - 40), (x, height - 34), INK, 1)
        _text(picture, "%d s" % second, x - 10, height - 18, INK, 0.4)
    return picture


def _swap(picture: np.ndarray, swap: Sequence[dict[str, Any]], y: int, place: Any, colour: Any) -> None:
    version = swap[-1]["version"]
    _text(picture, version, 14, y + 16, colour(version))
    for before, after in zip(swap, swap[1:]):
        on_line = before["event"] == "active"
        box = (place(before["at"]), y + 4), (place(after["at"]), y + 18)
        cv2.rectangle(picture, *box, colour(version), -1 if on_line else 1)
    for entry in swap:
        cv2.line(picture, (place(entry["at"]), y), (place(entry["at"]), y + 22), INK, 1)
    text = _told(swap)
    x = max(LEFT, min(place(swap[0]["at"]), WIDTH - RIGHT - round(7.2 * len(text))))
    _text(picture, text, x, y + 36, INK, 0.42)


def _told(swap: Sequence[dict[str, Any]]) -> str:
    """How a swap ended, and how long its parts took."""
    first, end = swap[0], swap[-1]
    text = end["event"].replace("_", " ") + (": " + end["reason"] if end.get("reason") else "")
    for entry in swap:
        if entry["event"] == "active":
            text += "  (prepared %.1f s beside the frames, watched for %.1f s)" % (
                entry["at"] - first["at"], end["at"] - entry["at"])
    return text


def _swaps(history: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The marked lines of each swap that came to an end."""
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in history:
        if entry.get("swap") and entry["event"] in MARKED:
            found.setdefault(entry["swap"], []).append(entry)
    return [swap for swap in found.values() if swap[-1]["event"] in ENDS]


def _sound(frames: Sequence[dict[str, Any]]) -> bool:
    numbers = [frame["index"] for frame in frames]
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _text(picture: np.ndarray, text: str, x: int, y: int, colour: tuple[int, int, int], size: float = 0.45) -> None:
    cv2.putText(picture, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)
