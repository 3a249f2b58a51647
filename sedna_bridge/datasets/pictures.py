"""Sizes of pictures, from their headers where that is enough."""

from __future__ import annotations

import struct

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


def picture_size(path: str) -> tuple[int, int] | None:
    """Width and height, or None if this is no picture that can be read."""
    try:
        with open(path, "rb") as file:
            head = file.read(32)
            if head.startswith(b"\x89PNG\r\n\x1a\n") and len(head) >= 24:
                width, height = struct.unpack(">II", head[16:24])
                return int(width), int(height)
            if head.startswith(b"\xff\xd8"):
                file.seek(2)
                size = _jpeg_size(file.read(1 << 20))
                if size is not None:
                    return size
    except OSError:
        return None
    import cv2

    picture = cv2.imread(path, cv2.IMREAD_UNCHANGED)
    return None if picture is None else (int(picture.shape[1]), int(picture.shape[0]))


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    at = 0
    while at + 9 < len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return (int(width), int(height)) if width and height else None
        if marker == 0x01 or 0xD0 <= marker <= 0xD9:
            at += 2
            continue
        at += 2 + struct.unpack(">H", data[at + 2 : at + 4])[0]
    return None
