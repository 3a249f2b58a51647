"""video_encoder: frames into a file, or to an RTSP server."""
from __future__ import annotations

import threading
import time
from fractions import Fraction
from typing import Any

import av
from av.video.reformatter import VideoReformatter

from ..sdk import log
from ..sdk.buffer import Buffer
from .media import MediaError, masked, reason
from .picture import raw_bytes
from .unit import FAULT, INVALID, BuiltinUnit, Refusal, choice, number_of, text_of, unsigned

IN = "in_video_frame"
STATE = "encoder"
FORMATS = ("rtsp", "flv", "mp4")
PIXELS = {"bgr": "bgr24", "rgb": "rgb24", "nv12": "nv12"}
BIT_RATE = 3200000
REOPEN_SECONDS = 5.0
PLANAR = "yuv420p"


class Target:
    """Where one stream goes. `write` raises MediaError when it can take no more."""

    def __init__(self, url: str, format: str, encoder: str, size: tuple[int, int], rate: Fraction,
                 bit_rate: int) -> None:
        self.url = url
        self.size = size
        self.reformatter = VideoReformatter()
        self.count = 0
        options = {"rtsp_transport": "tcp"} if format == "rtsp" else {}
        try:
            av.codec.Codec(encoder, "w")
        except (ValueError, av.error.FFmpegError):
            raise MediaError("there is no FFmpeg encoder '%s'" % encoder) from None
        try:
            self.container: Any = av.open(url, "w", format=format, options=options)
        except (OSError, ValueError, av.error.FFmpegError) as error:
            raise MediaError("cannot write video %s as %s: %s" % (masked(url), format, reason(error))) from None
        try:
            self.stream = self._stream(encoder, size, rate, bit_rate)
            self.container.start_encoding()
        except (OSError, ValueError, av.error.FFmpegError) as error:
            self._abandon()
            raise MediaError("cannot write video %s with encoder %s: %s" % (
                masked(url), encoder, reason(error))) from None

    def _stream(self, encoder: str, size: tuple[int, int], rate: Fraction, bit_rate: int) -> Any:
        stream: Any = self.container.add_stream(encoder, rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt = PLANAR
        stream.bit_rate = bit_rate
        stream.time_base = stream.codec_context.time_base = 1 / rate
        stream.codec_context.max_b_frames = 0
        if encoder.startswith("libx26"):
            stream.options = {"preset": "fast"}
        return stream

    def write(self, frame: Any) -> None:
        """Encode one frame; one of another size is scaled to that of the first."""
        width, height = self.size
        planar = self.reformatter.reformat(frame, width, height, PLANAR, interpolation="BICUBIC")
        planar.pts, planar.time_base = self.count, self.stream.codec_context.time_base
        self.count += 1
        self._mux(planar)

    def _mux(self, frame: Any) -> None:
        try:
            for packet in self.stream.encode(frame):
                self.container.mux(packet)
        except (OSError, ValueError, av.error.FFmpegError) as error:
            raise MediaError("cannot write video %s any further: %s" % (masked(self.url), reason(error))) from error

    def close(self) -> None:
        """Write what the encoder holds, and the end of the file."""
        try:
            self._mux(None)
            self.container.close()
        except MediaError:
            self._abandon()
            raise
        except (OSError, ValueError, av.error.FFmpegError) as error:
            raise MediaError("cannot finish video %s: %s" % (masked(self.url), reason(error))) from None

    def _abandon(self) -> None:
        try:
            self.container.close()
        except (OSError, ValueError, av.error.FFmpegError) as error:
            log.debug("closing %s: %s" % (masked(self.url), reason(error)))


class Encoding:
    """One stream at this unit: its target, or when to try it again."""

    def __init__(self, url: str, rate: Fraction) -> None:
        self.url = url
        self.rate = rate
        self.target: Target | None = None
        self.retry_at = 0.0
        self.dropped = 0


class VideoEncoder(BuiltinUnit):
    """A file that cannot be written fails the stream; an RTSP server that goes away is tried again every 5 seconds,
    and the frames until then are dropped and counted."""

    def configure(self, config: Any) -> None:
        self.url = config.get_string("default_dest_url", "")
        self.format = choice(config, "format", "rtsp", FORMATS)
        self.encoder = config.get_string("encoder", "mpeg4")
        self.bit_rate = unsigned(config, "bit_rate", BIT_RATE)
        self._open: set[Encoding] = set()
        self._lock = threading.Lock()

    def begin(self, ctx: Any) -> None:
        buffers = ctx.input(IN)
        if not buffers:
            return      # what comes first is an error; it passes by
        meta = ctx.get_input_meta(IN)
        url = (meta._values.get("dest_url") if meta is not None else None) or self.url
        if not isinstance(url, str) or not url:
            raise self._failed("there is no place to write the video to; set default_dest_url, or the stream's meta "
                               "dest_url")
        first = buffers[0]
        width, height = number_of(first, "width"), number_of(first, "height")
        if not width or not height:
            raise Refusal(INVALID, "buffer meta is invalid: the first frame has no width or height")
        num, den = number_of(first, "rate_num"), number_of(first, "rate_den")
        state = Encoding(url, Fraction(num, den) if num and den else Fraction(25, 1))
        self._connect(state, (width, height))
        with self._lock:
            self._open.add(state)
        ctx.set_private(STATE, state)

    def _connect(self, state: Encoding, size: tuple[int, int]) -> None:
        try:
            state.target = Target(state.url, self.format, self.encoder, size, state.rate, self.bit_rate)
        except MediaError as error:
            raise self._failed(str(error)) from None

    def _failed(self, message: str) -> Refusal:
        self.fail(message)
        return Refusal(FAULT, message)

    def work(self, ctx: Any) -> None:
        state: Encoding = ctx.get_private(STATE)
        for buffer in ctx.input(IN):
            self._write(state, buffer)

    def _write(self, state: Encoding, buffer: Buffer) -> None:
        frame = _frame(buffer)
        if state.target is None and not self._again(state, frame):
            state.dropped += 1
            return
        assert state.target is not None
        try:
            state.target.write(frame)
        except MediaError as error:
            if self.format != "rtsp":
                raise self._failed(str(error)) from None
            log.warn("node %s: %s; it is opened again" % (self.node_name(), error))
            self._drop_target(state)
            state.retry_at = time.monotonic() + REOPEN_SECONDS
            state.dropped += 1

    def _again(self, state: Encoding, frame: Any) -> bool:
        now = time.monotonic()
        if now < state.retry_at:
            return False
        state.retry_at = now + REOPEN_SECONDS
        try:
            state.target = Target(state.url, self.format, self.encoder, (frame.width, frame.height), state.rate,
                                  self.bit_rate)
        except MediaError as error:
            log.warn("node %s: %s; %d frames dropped so far" % (self.node_name(), error, state.dropped))
            return False
        return True

    @staticmethod
    def _drop_target(state: Encoding) -> None:
        target, state.target = state.target, None
        if target is not None:
            target._abandon()

    def end(self, ctx: Any) -> None:
        state = ctx._values.pop(STATE, None)
        if state is not None:
            self._finish(state)

    def _finish(self, state: Encoding) -> None:
        with self._lock:
            self._open.discard(state)
        target, state.target = state.target, None
        if state.dropped:
            log.warn("node %s: %d frames for %s were dropped" % (self.node_name(), state.dropped, masked(state.url)))
        if target is None:
            return
        try:
            target.close()
        except MediaError as error:
            if self.format != "rtsp":
                raise self._failed(str(error)) from None
            log.warn("node %s: %s" % (self.node_name(), error))

    def close(self) -> Any:
        for state in list(self._open):
            try:
                self._finish(state)
            except Refusal as refusal:
                log.error("node %s: %s" % (self.node_name(), refusal))
        return super().close()


def _frame(buffer: Buffer) -> Any:
    """The buffer's pixels as a frame, in place."""
    width, height = number_of(buffer, "width") or 0, number_of(buffer, "height") or 0
    pix_fmt = text_of(buffer, "pix_fmt")
    format = PIXELS.get(pix_fmt or "")
    if format is None:
        raise Refusal(FAULT, "the encoder does not take pix_fmt '%s'; it takes bgr, rgb and nv12" % pix_fmt)
    flat = raw_bytes(buffer)
    size = width * height * 3 // (2 if format == "nv12" else 1)
    if width <= 0 or height <= 0 or flat.size < size:
        raise Refusal(INVALID, "the frame has %d bytes, but its meta says %d x %d in %s (%d bytes)" % (
            flat.size, width, height, pix_fmt, size))
    if format == "nv12" and (width % 2 or height % 2):
        raise Refusal(INVALID, "nv12 needs an even width and height, the frame has %d x %d" % (width, height))
    shape = (height * 3 // 2, width) if format == "nv12" else (height, width, 3)
    return av.VideoFrame.from_numpy_buffer(flat[:size].reshape(shape), format=format)
