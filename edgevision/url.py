"""Names of media: what kind of source a text means, and how to show it without its secrets."""
from __future__ import annotations

import glob
import os
import re
from urllib.parse import unquote, urlsplit

_USER = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^/\s?#]*@")
_SECRET = re.compile(r"(?i)([?&;][a-z0-9_.-]*(?:pass|pwd|token|secret|key|auth|sig|credential|user)[a-z0-9_.-]*=)"
                     r"[^&;#\s'\"]*")
_STREAMS = ("rtsp", "rtsps", "rtmp", "rtmps", "rtp", "udp", "tcp", "srt", "http", "https", "mms", "hls")
PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm")


def redact(text: object) -> str:
    """The text with user names, passwords and tokens of every URL in it replaced.

    >>> redact("rtsp://admin:pa@ss@10.0.0.7/ch1?token=abc&x=1 failed")
    'rtsp://***@10.0.0.7/ch1?token=***&x=1 failed'
    """
    return _SECRET.sub(r"\1***", _USER.sub(r"\1***@", str(text)))


def kind_of(url: str) -> str:
    """"stream", "webcam", "images" (a folder, a glob, or one picture) or "file".

    >>> kind_of("rtsp://camera/1"), kind_of("webcam:0"), kind_of("shots/*.png"), kind_of("a.mp4")
    ('stream', 'webcam', 'images', 'file')
    """
    scheme = urlsplit(url).scheme.lower() if "://" in url else ""
    if scheme in _STREAMS:
        return "stream"
    if re.fullmatch(r"(webcam:)?\d+|/dev/video\d+", url):
        return "webcam"
    path = local_path(url)
    if os.path.isdir(path) or path.lower().endswith(PICTURES):
        return "images"
    if not os.path.exists(path) and glob.has_magic(path):
        return "images"
    return "file"


def camera_name(url: str) -> str:
    """A short name for a source, without credentials: of a file its stem, of a camera its host and path.

    >>> camera_name("rtsp://admin:secret@10.0.0.7:554/ch1?token=x"), camera_name("/data/north gate.mp4")
    ('10.0.0.7:554/ch1', 'north gate')
    """
    kind = kind_of(url)
    if kind == "stream":
        parts = urlsplit(redact(url))
        return (parts.netloc.rsplit("@", 1)[-1] + parts.path.rstrip("/")) or "stream"
    if kind == "webcam":
        return "webcam" + "".join(c for c in url if c.isdigit())
    path = local_path(url).rstrip("/")
    return os.path.splitext(os.path.basename(path))[0] or path


def local_path(url: str) -> str:
    """The path that a plain path or a file:// URL means.

    Sedna's examples write file://video/video.mp4 for a mount at /video; here it may also be below the working folder.
    """
    if not url.lower().startswith("file://"):
        return url
    path = unquote(url[7:])
    return "/" + path if path and not os.path.exists(path) and os.path.exists("/" + path) else path


def pictures_of(url: str) -> list[str]:
    """The picture files of a folder, a glob or one picture, in the order of their names (2 before 10)."""
    path = local_path(url)
    if os.path.isdir(path):
        found = [os.path.join(path, name) for name in os.listdir(path)]
    elif os.path.exists(path) or not glob.has_magic(path):
        found = [path]
    else:
        found = glob.glob(path, recursive=True)
    return sorted((name for name in found if name.lower().endswith(PICTURES)), key=_natural)


def _natural(name: str) -> list[object]:
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name)]
