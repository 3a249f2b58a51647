"""Frames to a video file or an rtsp server, through PyAV."""
from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np

from edgevision.errors import MediaError
from edgevision.frame import Frame
from edgevision.letterbox import fit
from edgevision.pool import FRAMES
from edgevision.url import redact

try:
    import av
except ImportError:  # see Writer
    av = None  # type: ignore[assignment]

_CODECS = ("libx264", "libopenh264", "mpeg4")
_CLOCK = Fraction(1, 90000)
# A file that is cut by a power failure still plays: it is written in fragments, each whole by itself.
_FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"}


class Writer:
    """Writes frames of one size; the first frame sets it (cut to even numbers), later ones are letterboxed into it.

    `target` is a path (mp4, mkv, ts ...) or an rtsp:// URL of a server that takes streams. `rate` is for players; with
    timestamps in `write` the true times are kept.
    """

    def __init__(self, target: str | Path, rate: int | float | Fraction = 25, codec: str | None = None,
                 crf: int = 23, options: dict[str, str] | None = None, timeout: float = 10.0) -> None:
        if av is None:
            raise MediaError("writing videos needs PyAV, which is not installed; install it with pip install av")
        self.target = str(target)
        self.name = redact(self.target)
        self._live = self.target.lower().startswith(("rtsp://", "rtsps://"))
        self._rate = Fraction(rate).limit_denominator(1001)
        if self._rate <= 0:
            raise MediaError("%s: the rate must be above 0, got %s" % (self.name, rate))
        self._codec, self._crf, self._options, self._timeout = codec, crf, dict(options or {}), timeout
        self._container: Any = None
        self._stream: Any = None
        self._last = -1
        self.frames = 0

    def write(self, frame: Frame | np.ndarray, timestamp: int | None = None) -> None:
        """Append a frame; `timestamp` in ms, else frames follow at the rate."""
        frame = frame if isinstance(frame, Frame) else Frame.from_array(frame)
        if self._stream is None:
            self._open(frame)
        picture = av.VideoFrame.from_ndarray(self._fitted(frame), format="yuv420p")
        ticks = int(timestamp * 90) if timestamp is not None else int(self.frames / self._rate / _CLOCK)
        self._last = max(ticks, self._last + 1)  # time never stands still, also when a source's clock jumps back
        picture.pts, picture.time_base = self._last, _CLOCK
        self._mux(picture)
        self.frames += 1

    def _fitted(self, frame: Frame) -> np.ndarray:
        """The frame as i420 of the size of the video. OpenCV takes a sixth of the time of FFmpeg's scaler."""
        width, height = self._stream.width, self._stream.height
        same = (frame.width, frame.height) == (width, height)
        if same and frame.format in ("i420", "nv12"):
            return _i420(frame)
        bgr = frame.bgr()
        if not same:
            place = fit(frame.width, frame.height, width, height)
            canvas = np.zeros((height, width, 3), np.uint8)
            canvas[place.top:place.top + place.height, place.left:place.left + place.width] = cv2.resize(
                bgr, (place.width, place.height), interpolation=cv2.INTER_AREA)
            bgr = canvas
        return cv2.cvtColor(np.ascontiguousarray(bgr), cv2.COLOR_BGR2YUV_I420)

    def _open(self, frame: Frame) -> None:
        try:
            if not self._live:
                os.makedirs(os.path.dirname(os.path.abspath(self.target)), exist_ok=True)
            fragments = _FRAGMENTS if self.target.lower().endswith((".mp4", ".mov", ".m4v")) else {}
            self._container = av.open(self.target, "w", format="rtsp" if self._live else None, timeout=self._timeout,
                                      options={"rtsp_transport": "tcp", **self._options} if self._live
                                      else {**fragments, **self._options})
            self._stream = self._add_stream(max(2, frame.width // 2 * 2), max(2, frame.height // 2 * 2))
        except MediaError:
            raise
        except Exception as error:  # PyAV raises OSError and ValueError kinds of its own
            raise MediaError("%s: cannot be written: %s" % (self.name, redact(error))) from None

    def _add_stream(self, width: int, height: int) -> Any:
        for codec in (self._codec,) if self._codec else _CODECS:
            try:
                stream = self._container.add_stream(codec, rate=self._rate)
            except Exception:  # this build of FFmpeg has no such encoder
                continue
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.codec_context.time_base = _CLOCK
            stream.codec_context.gop_size = max(1, int(2 * self._rate))  # a fragment each two seconds
            if codec == "libx264":
                stream.options = {"preset": "ultrafast" if self._live else "veryfast", "crf": str(self._crf),
                                  "threads": "1", **({"tune": "zerolatency"} if self._live else {})}
            return stream
        raise MediaError("%s: no encoder for it: tried %s" % (self.name, self._codec or ", ".join(_CODECS)))

    def _mux(self, picture: Any) -> None:
        try:
            for packet in self._stream.encode(picture):
                self._container.mux(packet)
        except Exception as error:  # PyAV raises OSError and ValueError kinds of its own
            raise MediaError("%s: cannot be written after frame %d: %s" % (
                self.name, self.frames, redact(error))) from None

    def close(self) -> None:
        """Write what is left and close; without any frame nothing was opened and nothing is left behind."""
        container, self._container = self._container, None
        if container is None:
            return
        try:
            if self._stream is not None:
                for packet in self._stream.encode(None):
                    container.mux(packet)
        except Exception as error:  # PyAV raises OSError and ValueError kinds of its own
            raise MediaError("%s: cannot be finished: %s" % (self.name, redact(error))) from None
        finally:
            container.close()

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()


def _i420(frame: Frame) -> np.ndarray:
    """A YUV frame of even size as one block of i420."""
    if frame.format == "i420":
        block = frame.packed()
    else:
        luma, chroma = frame.planes
        block = FRAMES.take(luma.size + chroma.size)
        whole = Frame.of(block, "i420", frame.width, frame.height)
        np.copyto(whole.planes[0], luma)
        cv2.split(np.ascontiguousarray(chroma), list(whole.planes[1:]))
    return block.reshape(frame.height * 3 // 2, frame.width)
