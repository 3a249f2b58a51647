"""Frames from files, folders of pictures, network streams and webcams, in the decoder's own pixel format.

Reading never hangs: opening and every read have a deadline. A reader that has started never raises for what a camera
or a damaged file does to it; the frames just end, and `end` says why. Names in messages carry no credentials.
"""
from __future__ import annotations

import os
import re
import threading
import time
from dataclasses import dataclass, replace
from fractions import Fraction
from types import TracebackType
from typing import Any, Iterator, NamedTuple

import cv2
import numpy as np

from edgevision.errors import MediaError
from edgevision.frame import Frame, plain_format
from edgevision.url import kind_of, local_path, pictures_of, redact

try:
    import av
    import av.error
except ImportError:  # PyAV has no wheel for every box; OpenCV does the work there
    av = None  # type: ignore[assignment]

_NATIVE = {"yuv420p": "i420", "nv12": "nv12", "bgr24": "bgr", "rgb24": "rgb", "gray": "gray"}
_FULL_RANGE = 2  # AVCOL_RANGE_JPEG
_MOST_DAMAGED = 200  # damaged packets in a row after which a source is given up
_DEFAULT_RATE = Fraction(25)


@dataclass(frozen=True)
class Shot:
    """A frame with its place in the stream: number from 0, media time in ms, and how many degrees it is turned."""

    index: int
    timestamp: int
    frame: Frame
    rotation: int = 0


class End(NamedTuple):
    """Why the frames ended. reason: "end", "cut" (damaged or shorter than it says), "stalled" (read deadline),
    "failed" (the source broke off) or "closed"."""

    reason: str
    detail: str


class Reader:
    """Iterate over it for Shots. `width`, `height`, `rate`, `duration` (ms, 0 when unknown) are known once open.

    `pix_fmt`: "native" gives what the decoder has (i420 or nv12 mostly, without a copy), or "bgr", "rgb", "i420",
    "nv12", "gray". `backend`: "av", "opencv", or None for the best that there is. `threads`: of the decoder; 1 leaves
    the other cores to the detector, 0 lets the decoder choose.

    >>> with Reader("site.mp4") as reader:                              # doctest: +SKIP
    ...     for shot in reader:
    ...         print(shot.index, shot.frame)
    ...     print(reader.end.reason)
    """

    def __init__(self, url: str, pix_fmt: str = "native", open_timeout: float = 10.0, read_timeout: float = 10.0,
                 threads: int = 1, options: dict[str, str] | None = None, backend: str | None = None) -> None:
        self.url = str(url)
        self.name = redact(self.url)
        self.pix_fmt = pix_fmt if pix_fmt == "native" else plain_format(pix_fmt)
        self.end: End | None = None
        self.damaged = 0
        self._using = threading.Lock()
        kind = kind_of(self.url)
        if backend not in (None, "av", "opencv"):
            raise MediaError("backend: expected av or opencv, got %r" % backend)
        if backend == "av" and av is None:
            raise MediaError("backend av: PyAV is not installed; install it (pip install av) or use opencv")
        if kind == "file" and not os.path.exists(local_path(self.url)):
            raise MediaError("%s: no such file" % self.name)
        if kind == "images":
            self._source: Any = _Pictures(self.url, self.name)
        elif backend == "opencv" or av is None:
            self._source = _OpenCv(self.url, self.name, kind, open_timeout, read_timeout)
        else:
            self._source = _Av(self.url, self.name, kind, open_timeout, read_timeout, threads, options or {})

    @property
    def width(self) -> int:
        return self._source.width

    @property
    def height(self) -> int:
        return self._source.height

    @property
    def rate(self) -> Fraction:
        """Frames per second as the source states it, 25 when it does not."""
        return self._source.rate

    @property
    def duration(self) -> int:
        return self._source.duration

    def __iter__(self) -> Iterator[Shot]:
        shots = self._source.shots()
        while True:
            with self._using:
                shot = next(shots, None) if self.end is None else None
                if shot is None:
                    self._finish()
                    return
            yield shot if self.pix_fmt == "native" else replace(shot, frame=convert(shot.frame, self.pix_fmt))

    def _finish(self) -> None:
        self.damaged = self._source.damaged
        if self.end is None:
            self.end = self._source.end
        self._source.close()

    def close(self) -> None:
        """End the frames; also from another thread while one is being read (that read ends within its deadline)."""
        if self.end is None:
            self.end = End("closed", "%s: closed by its user" % self.name)
        # FFmpeg's memory must not go while a thread is in it: then the reading thread closes, when it comes back.
        if self._using.acquire(blocking=False):
            try:
                self._source.close()
            finally:
                self._using.release()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()


def convert(frame: Frame, pix_fmt: str) -> Frame:
    """The frame in another format; itself when it has that format already."""
    if frame.format == pix_fmt:
        return frame
    if pix_fmt in ("bgr", "rgb"):
        return Frame.from_array(frame.bgr() if pix_fmt == "bgr" else frame.rgb(), pix_fmt)
    if pix_fmt == "gray":
        return Frame.from_array(frame.gray(), "gray")
    if frame.format in ("i420", "nv12"):
        if pix_fmt == "nv12":
            return Frame.from_planes("nv12", frame.width, frame.height, (frame.planes[0], frame.chroma()))
        u, v = cv2.split(np.ascontiguousarray(frame.planes[1]))
        return Frame.from_planes("i420", frame.width, frame.height, (frame.planes[0], u, v))
    bgr = frame.bgr()
    height, width = bgr.shape[:2]
    even = cv2.copyMakeBorder(bgr, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
    block = cv2.cvtColor(even, cv2.COLOR_BGR2YUV_I420).reshape(-1)
    whole = Frame.of(block, "i420", even.shape[1], even.shape[0])
    planar = Frame.from_planes("i420", width, height, (whole.planes[0][:height, :width], *whole.planes[1:]))
    return planar if pix_fmt == "i420" else convert(planar, "nv12")


class _Pictures:
    """A folder of pictures, a glob, or one picture. An unreadable picture is counted and skipped."""

    def __init__(self, url: str, name: str) -> None:
        self._files = pictures_of(url)
        self._name = name
        if not self._files:
            raise MediaError("%s: expected pictures (jpg, png, bmp, webp, tiff), found none" % name)
        self.rate, self.duration, self.damaged = _DEFAULT_RATE, 0, 0
        first = next((bgr for bgr in (read_picture(f) for f in self._files) if bgr is not None), None)
        if first is None:
            raise MediaError("%s: none of its %d pictures can be read" % (name, len(self._files)))
        self.height, self.width = first.shape[:2]
        self.end = End("end", "%s: all %d pictures were read" % (name, len(self._files)))

    def shots(self) -> Iterator[Shot]:
        index = 0
        for file in self._files:
            bgr = read_picture(file)
            if bgr is None:
                self.damaged += 1
                self.end = End("cut", "%s: %d of %d pictures cannot be read, the last of them %s" % (
                    self._name, self.damaged, len(self._files), file))
                continue
            yield Shot(index, int(index * 1000 / self.rate), Frame.from_array(bgr))
            index += 1

    def close(self) -> None:
        self._files = []


def read_picture(path: str) -> np.ndarray | None:
    """A picture as blue-green-red, or None. Read by Python, since OpenCV cannot open every path on every system."""
    try:
        data = np.fromfile(path, np.uint8)
        return cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except (OSError, cv2.error):
        return None


class _Av:
    """PyAV: every container and protocol of FFmpeg, frames without a copy."""

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
                                      metadata_errors="ignore")
        except Exception as error:  # PyAV raises OSError and ValueError kinds of its own
            raise MediaError("%s: cannot be opened: %s" % (name, _reason(error, open_timeout))) from None
        if not self._container.streams.video:
            self._container.close()
            raise MediaError("%s: it holds no video" % name)
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "AUTO" if threads != 1 else "SLICE"
        self._stream.codec_context.thread_count = threads
        self.width, self.height = self._stream.codec_context.width, self._stream.codec_context.height
        self.rate = Fraction(self._stream.average_rate or self._stream.guessed_rate or _DEFAULT_RATE)
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


class _OpenCv:
    """OpenCV's VideoCapture, where PyAV is missing. Frames are bgr; only its FFmpeg backend keeps deadlines."""

    def __init__(self, url: str, name: str, kind: str, open_timeout: float, read_timeout: float) -> None:
        self._name, self._live, self._read_timeout = name, kind in ("stream", "webcam"), read_timeout
        self.damaged = 0
        self.end = End("end", "%s: all frames were read" % name)
        if kind == "webcam":
            self._capture = cv2.VideoCapture(int(re.sub(r"\D", "", url)))
        else:
            target = url if kind == "stream" else local_path(url)
            self._capture = cv2.VideoCapture(target, cv2.CAP_FFMPEG, [
                cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(open_timeout * 1000),
                cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(read_timeout * 1000)])
        if not self._capture.isOpened():
            raise MediaError("%s: cannot be opened by OpenCV" % name)
        self.width = int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        self.height = int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = Fraction(rate).limit_denominator(1001) if 0 < rate < 1000 else _DEFAULT_RATE
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.duration = int(count * 1000 / self.rate) if count > 0 else 0

    def shots(self) -> Iterator[Shot]:
        index, last = 0, -1
        while True:
            start = time.monotonic()
            good, bgr = self._capture.read()
            if not good:
                self.end = self._finished(index, last, time.monotonic() - start)
                return
            stamp = self._capture.get(cv2.CAP_PROP_POS_MSEC)
            exact = int(stamp + 0.5) if stamp > 0 else int(index * 1000 / self.rate)
            last = exact if exact > last else last + 1
            yield Shot(index, last, Frame.from_array(bgr))
            index += 1

    def _finished(self, frames: int, last: int, waited: float) -> End:
        if self._live:
            stalled = waited >= self._read_timeout * 0.9
            return End("stalled" if stalled else "failed", "%s: no frame after frame %d" % (self._name, frames))
        if not frames or (self.duration and last < self.duration - max(500, int(3000 / self.rate))):
            return End("cut", "%s: frames end at %.1f s of %.1f s" % (self._name, last / 1000, self.duration / 1000))
        return End("end", "%s: all %d frames were read" % (self._name, frames))

    def close(self) -> None:
        self._capture.release()
