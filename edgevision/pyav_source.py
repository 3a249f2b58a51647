"""Frames through PyAV: every container and protocol of FFmpeg, without a copy."""
from __future__ import annotations

import re
from fractions import Fraction
from typing import Any, Iterator

import numpy as np

from edgevision.errors import MediaError
from edgevision.frame import Frame
from edgevision.shot import USUAL_RATE, End, Shot
from edgevision.url import local_path, redact

try:
    import av
    import av.error
except ImportError:  # PyAV has no wheel for every box; OpenCV does the work there
    av = None  # type: ignore[assignment]

# Titles in other letters than UTF-8 are no reason to refuse a film; PyAV 19 takes them without being told.
_LENIENT: dict[str, Any] = {"metadata_errors": "ignore"} if av and int(av.__version__.split(".")[0]) < 19 else {}
_NATIVE = {"yuv420p": "i420", "nv12": "nv12", "bgr24": "bgr", "rgb24": "rgb", "gray": "gray"}
_FULL_RANGE = 2  # AVCOL_RANGE_JPEG
_MOST_DAMAGED = 200  # damaged packets in a row after which a source is given up


class AvSource:
    """A file, a network stream or a webcam; the deadlines are FFmpeg's own."""

    def __init__(self, url: str, name: str, kind: str, open_timeout: float, read_timeout: float, threads: int,
                 options: dict[str, str]) -> None:
        self._name = name
        self._read_timeout = read_timeout
        self._live = kind in ("stream", "webcam")
        self.damaged = 0
        self.end = End("end", "%s: all frames were read" % name)
        target, form = (url, None) if kind == "stream" else (local_path(url), None)
        if kind == "webcam":
            target, form = (url if url.startswith("/dev/") else "/dev/video" + re.sub(r"\D", "", url)), "v4l2"
        if url.lower().startswith(("rtsp://", "rtsps://")):
            options = {"rtsp_transport": "tcp", **options}
        try:
            self._container = av.open(target, format=form, options=options, timeout=(open_timeout, read_timeout),
                                      **_LENIENT)
        except Exception as error:  # PyAV raises OSError and ValueError kinds of its own
            raise MediaError("%s: cannot be opened: %s" % (name, _reason(error, open_timeout))) from None
        if not self._container.streams.video:
            self._container.close()
            raise MediaError("%s: it holds no video" % name)
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "AUTO" if threads != 1 else "SLICE"
        self._stream.codec_context.thread_count = threads
        self.width, self.height = self._stream.codec_context.width, self._stream.codec_context.height
        self.rate = Fraction(self._stream.average_rate or self._stream.guessed_rate or USUAL_RATE)
        self.duration = int(self._container.duration // 1000) if self._container.duration else 0

    def shots(self) -> Iterator[Shot]:
        index, last, row, first = 0, -1, 0, None
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except Exception as error:  # PyAV raises OSError and ValueError kinds of its own
                self.end = self._broken(error, index)
                return
            if packet is None:
                break
            try:
                frames = packet.decode()
                row = 0
            except Exception:  # a damaged packet: the decoder finds its way at the next whole picture
                self.damaged += 1
                row += 1
                if row >= _MOST_DAMAGED:
                    self.end = End("cut", "%s: %d damaged packets in a row after frame %d" % (self._name, row, index))
                    return
                continue
            for picture in frames:
                stamp = picture.time
                if stamp is not None and first is None:
                    first = stamp
                exact = int((stamp - (first or 0)) * 1000 + 0.5) if stamp is not None else int(index * 1000 / self.rate)
                last = exact if exact > last else last + 1  # media time never runs backwards
                yield Shot(index, last, frame_of(picture), int(getattr(picture, "rotation", 0) or 0))
                index += 1
        self.end = self._finished(index, last)

    def _finished(self, frames: int, last: int) -> End:
        if self._live:
            return End("failed", "%s: the stream ended after %d frames" % (self._name, frames))
        step = int(1000 / self.rate)
        if not frames:
            return End("cut", "%s: no frame could be decoded" % self._name)
        if self.duration and last + step < self.duration - max(500, 2 * step):
            return End("cut", "%s: it says %.1f s, frames end at %.1f s (%d frames)" % (
                self._name, self.duration / 1000, (last + step) / 1000, frames))
        if self.damaged:
            return End("cut", "%s: %d damaged packets, %d frames could be decoded" % (self._name, self.damaged, frames))
        return End("end", "%s: all %d frames were read" % (self._name, frames))

    def _broken(self, error: BaseException, frames: int) -> End:
        if isinstance(error, av.error.ExitError):
            return End("stalled", "%s: nothing came for %.1f s after frame %d" % (
                self._name, self._read_timeout, frames))
        reason = "failed" if self._live else "cut"
        return End(reason, "%s: after frame %d: %s" % (self._name, frames, _reason(error, self._read_timeout)))

    def close(self) -> None:
        self._container.close()


def _reason(error: BaseException, deadline: float) -> str:
    if av is not None and isinstance(error, av.error.ExitError):
        return "no answer within %.1f s" % deadline
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return redact(text)


def frame_of(picture: Any) -> Frame:
    """A Frame on the memory of a PyAV frame; formats that are not ours are converted to i420 first."""
    name = picture.format.name
    full = int(getattr(picture, "color_range", 0) or 0) == _FULL_RANGE
    if name not in _NATIVE or (full and name in ("yuv420p", "nv12")):
        picture = picture.reformat(format="yuv420p", dst_color_range="MPEG")
        name = "yuv420p"
    planes: list[np.ndarray] = []
    for number, plane in enumerate(picture.planes):
        rows = np.frombuffer(plane, np.uint8)
        high, wide = plane.height, plane.width
        if name in ("bgr24", "rgb24"):
            shape, inner = (high, wide, 3), (3, 1)
        elif name == "nv12" and number == 1:
            shape, inner = (high, wide, 2), (2, 1)
        else:
            shape, inner = (high, wide), (1,)  # type: ignore[assignment]
        planes.append(np.lib.stride_tricks.as_strided(rows, shape, (plane.line_size, *inner), writeable=False))
    return Frame.from_planes(_NATIVE[name], picture.width, picture.height, planes)
