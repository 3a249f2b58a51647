"""Opening videos: files, HTTP and RTSP, with the time limits and options that ModelBox's demuxer sets."""
from __future__ import annotations

import math
import re
import struct
from typing import Any

import av

from ..sdk import log

FILE_SUFFIXES = ("mov", "mp4")  # containers that can say how a picture is to be turned
FRACTION_LIMIT = 32767
NETWORK_SECONDS = 5.0
RTSP_SECONDS = 2.0
HTTP_SECONDS = 30.0
# Titles in other letters than UTF-8 are no reason to refuse a video; PyAV 19 takes them without being told.
LENIENT: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}


class MediaError(Exception):
    """Raised when a video cannot be opened or read; the message names it, without its password."""


def masked(url: str) -> str:
    """The URL without user and password."""
    return re.sub(r"://[^/@]*@", "://*@", url)


def is_live(url: str) -> bool:
    """Whether the source goes on whether or not anyone reads."""
    return url.lower().startswith(("rtsp://", "rtsps://"))


def is_remote(url: str) -> bool:
    """Whether reading may have to wait for a network."""
    return "://" in url and not url.lower().startswith("file://")


def reason(error: BaseException) -> str:
    """What went wrong, in a few words."""
    return str(getattr(error, "strerror", "") or error) or type(error).__name__


def _options(url: str) -> dict[str, str]:
    lower = url.lower()
    if is_live(lower):
        limit = str(int(RTSP_SECONDS * 1000000))
        # Older FFmpeg calls the socket's limit stimeout, newer timeout; what is not known is passed over.
        return {"rtsp_transport": "tcp", "recv_buffer_size": "10240000", "stimeout": limit, "timeout": limit}
    if lower.startswith("http"):
        return {"reconnect": "1", "rw_timeout": str(int(HTTP_SECONDS * 1000000)), "multiple_requests": "1"}
    return {}


def open_video(url: str) -> Any:
    """An input container with at least one video stream; MediaError otherwise."""
    if not url:
        raise MediaError("there is no address of a video; set source_url")
    limit = (NETWORK_SECONDS, NETWORK_SECONDS) if is_live(url) else (HTTP_SECONDS, HTTP_SECONDS)
    try:
        container = av.open(url, options=_options(url), timeout=limit if is_remote(url) else None,
                            **LENIENT)
    except (OSError, ValueError, av.error.FFmpegError) as error:
        raise MediaError("cannot open video %s: %s" % (masked(url), reason(error))) from None
    if not container.streams.video:
        container.close()
        raise MediaError("%s holds no video" % masked(url))
    return container


def scaled_rate(rate: Any) -> tuple[int, int]:
    """A frame rate as two numbers that are not much above 32767; 0, 0 when it is not known."""
    if not rate:
        return 0, 0
    num, den = rate.numerator, rate.denominator
    scale = min(max(num // FRACTION_LIMIT, den // FRACTION_LIMIT), den)
    return (num // scale, den // scale) if scale > 1 else (num, den)


def seconds_of(container: Any, stream: Any) -> int:
    """How long the video is, in whole seconds; 0 when it is not known."""
    if container.duration is not None:
        return int(container.duration / 1000000)
    if stream.duration and stream.time_base and stream.time_base.denominator:
        return int(stream.duration // stream.time_base.denominator * stream.time_base.numerator)
    return 0


def rotation_of(url: str, container: Any, stream: Any) -> int:
    """By how many degrees clockwise the pictures have to be turned to stand upright: 0 to 359."""
    said = stream.metadata.get("rotate")
    if said is not None:
        found = re.match(r"\s*-?\d+", said)
        return int(found.group()) % 360 if found else 0
    if is_remote(url) or not set(FILE_SUFFIXES) & set(container.format.name.split(",")):
        return 0
    # Newer FFmpeg says it beside a decoded frame only.
    try:
        with av.open(url, **LENIENT) as probe:
            for frame in probe.decode(probe.streams.video[0]):
                return _turn(frame)
    except (OSError, ValueError, av.error.FFmpegError) as error:
        log.debug("no frame of %s tells its rotation: %s" % (masked(url), reason(error)))
    return 0


def _turn(frame: Any) -> int:
    for number in range(len(frame.side_data)):  # PyAV 19 goes over the kinds, those before it over the data
        data = frame.side_data[number]
        if getattr(data.type, "name", str(data.type)) == "DISPLAYMATRIX":
            a, b, _, c, d = struct.unpack("<5i", bytes(data)[:20])
            if math.hypot(a, c) == 0 or math.hypot(b, d) == 0:
                return 0
            return round(math.degrees(math.atan2(b / math.hypot(b, d), a / math.hypot(a, c)))) % 360
    return 0
