"""video_decoder: packets into frames, in bgr, rgb or nv12."""
from __future__ import annotations

import os
import weakref
from typing import Any, cast

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from ..sdk import log
from ..sdk.buffer import Buffer
from ..sdk.private import DataMeta
from .media import is_live, masked, reason
from .packets import HEADER_IN_FRONT
from .picture import raw_bytes, shapeless
from .unit import BAD_CONFIG, FAULT, BuiltinUnit, Refusal, number_of

IN, OUT = "in_video_packet", "out_video_frame"
STATE = "decoder"
FORMATS = {"rgb": "rgb24", "bgr": "bgr24", "nv12": "nv12"}
MOST_THREADS = 4
NO_TIME = -1 << 63          # FFmpeg's number for a time that is not known


def _threads() -> dict[str, Any]:
    """Cutting one picture up for several threads costs more than it gains; older PyAV never does."""
    try:
        VideoReformatter().reformat(av.VideoFrame(16, 16, "gray"), format="rgb24", threads=1)
    except TypeError:
        return {}
    return {"threads": 1}


THREADS = _threads()


# Streams that are being decoded in this process: they share the cores, since with more threads than cores decoding
# costs more and gains nothing.
OPEN: weakref.WeakSet[Decoding] = weakref.WeakSet()


class Decoding:
    """One stream's decoder. The newest frame is held back, so that the last one can say that it is the last."""

    def __init__(self, codec: str, codec_id: int, url: str, extradata: bytes, size: tuple[int, int]) -> None:
        try:
            self.codec = cast(Any, av.CodecContext.create(codec, "r"))
        except (ValueError, av.error.FFmpegError) as error:
            raise Refusal(FAULT, "there is no decoder for codec '%s': %s" % (codec, reason(error))) from None
        if extradata and codec not in HEADER_IN_FRONT:
            self.codec.extradata = extradata
            self.codec.width, self.codec.height = size
        # Decoding several frames at once delays them; a live source is better off with parts of one frame.
        self.codec.thread_type = "SLICE" if is_live(url) else "AUTO"
        OPEN.add(self)
        self.codec.thread_count = max(1, min((os.cpu_count() or 1) // len(OPEN), MOST_THREADS))
        self.codec_id = codec_id
        self.url = url
        self.reformatter = VideoReformatter()
        self.index = 0
        self.held: Any = None
        self.broken = 0

    def decode(self, packet: Any) -> list[Any]:
        """The frames that a packet brought; None as packet brings out what is left."""
        try:
            return self.codec.decode(packet)
        except EOFError:
            return []
        except (OSError, ValueError, av.error.FFmpegError) as error:
            self.broken += 1
            if self.broken & (self.broken - 1) == 0:
                log.warn("video_decoder: %d packets of %s could not be decoded, the last one: %s" % (
                    self.broken, masked(self.url), reason(error)))
            return []


class VideoDecoder(BuiltinUnit):
    def configure(self, config: Any) -> None:
        self.pix_fmt = config.get_string("pix_fmt", "nv12")
        if self.pix_fmt not in FORMATS:
            raise Refusal(BAD_CONFIG, "Not support pix fmt %s; it can be bgr, nv12, rgb" % self.pix_fmt)
        self.format = FORMATS[self.pix_fmt]

    def begin(self, ctx: Any) -> None:
        meta = ctx.get_input_meta(IN)
        values = meta._values if meta is not None else {}
        if "codec" not in values and ctx.input(IN) is None:
            return      # the demuxer failed and has said so; its error passes by
        if "codec" not in values or "source_url" not in values:
            raise Refusal(FAULT, "Stream codec id is null, init decoder failed: the packets do not come from "
                          "video_demuxer")
        self._start(ctx, values, values.get("codec_meta", 0))

    def _start(self, ctx: Any, said: dict[str, Any], codec_id: int) -> Decoding:
        url = said["source_url"]
        state = Decoding(said["codec"], codec_id, url, said.get("extradata", b""), said.get("picture_size", (0, 0)))
        ctx.set_private(STATE, state)
        meta = DataMeta()
        meta.set_private_string("source_url", url)
        ctx.set_output_meta(OUT, meta)
        return state

    def work(self, ctx: Any) -> None:
        state: Decoding = ctx.get_private(STATE)
        out = ctx.output(OUT)
        buffers = ctx.input(IN)
        if buffers is None:
            return
        for buffer in buffers:
            state = self._after_reset(ctx, state, buffer)
            raw = raw_bytes(buffer)
            last = raw.size == 1
            for frame in state.decode(None if last else _packet(raw, buffer)):
                if state.held is not None:
                    out.push_back(self._frame(state, state.held, buffer, False))
                state.held = frame
            if last and state.held is not None:
                out.push_back(self._frame(state, state.held, buffer, True))
                state.held = None
            if last and state.broken and not state.index:
                self.fail("no frame of video %s could be decoded" % masked(state.url))

    def _after_reset(self, ctx: Any, state: Decoding, buffer: Buffer) -> Decoding:
        """A source that was opened again may have another codec, or be another one."""
        meta = buffer._meta
        if not meta.get("reset_flag") or (meta.get("source_url"), meta.get("codec_id")) == (state.url, state.codec_id):
            return state
        return self._start(ctx, meta, meta["codec_id"])

    def _frame(self, state: Decoding, frame: Any, packet: Buffer, eos: bool) -> Buffer:
        width, height = frame.width, frame.height
        device = self.get_bind_device()
        if self.pix_fmt == "nv12":
            buffer = shapeless(device, self._nv12(state, frame))
            stride = width
        else:
            buffer = Buffer(device, self._packed(state, frame))
            buffer._meta.update(channel=3, layout="hwc")
            stride = width * 3
        meta, said = buffer._meta, packet._meta
        time_base = said.get("time_base") or 0.0
        meta.update(
            index=state.index, width=width, height=height, height_stride=height, width_stride=stride,
            rate_num=number_of(packet, "rate_num") or 0, rate_den=number_of(packet, "rate_den") or 0,
            rotate_angle=number_of(packet, "rotate_angle") or 0, duration=number_of(packet, "duration") or 0,
            eos=eos, pix_fmt=self.pix_fmt, url=state.url, timestamp=_timestamp(frame, state.index, said, time_base))
        state.index += 1
        return buffer

    def _converted(self, state: Decoding, frame: Any) -> Any:
        # Formats that are full range by name become limited range in nv12, which has no such name.
        ranges: dict[str, Any] = {}
        if self.pix_fmt == "nv12" and frame.format.name.startswith("yuvj"):
            ranges["dst_color_range"] = "MPEG"
        return state.reformatter.reformat(frame, format=self.format, interpolation="BICUBIC", **ranges, **THREADS)

    def _packed(self, state: Decoding, frame: Any) -> np.ndarray:
        """Pixels of 3 bytes; they are the converted frame's own memory unless its rows are padded."""
        plane = self._converted(state, frame).planes[0]
        width, height, stride = frame.width, frame.height, plane.line_size
        flat = np.frombuffer(plane, np.uint8)
        if stride == width * 3:
            return flat[:height * stride].reshape(height, width, 3)
        rows = flat[:height * stride].reshape(height, stride)[:, :width * 3]
        return np.ascontiguousarray(rows).reshape(height, width, 3)

    def _nv12(self, state: Decoding, frame: Any) -> np.ndarray:
        """Y plane and interleaved U and V, as one piece. From yuv420p that is mere copying, done here in one go."""
        width, height = frame.width, frame.height
        out = np.empty(width * height * 3 // 2, np.uint8)
        planar = frame.format.name == "yuv420p"
        planes = [_rows(plane) for plane in (frame if planar else self._converted(state, frame)).planes]
        out[:width * height].reshape(height, width)[:] = planes[0][:height, :width]
        rows, columns = height // 2, width // 2
        chroma = out[width * height:width * height + rows * columns * 2].reshape(rows, columns * 2)
        if planar:
            chroma[:, 0::2] = planes[1][:rows, :columns]
            chroma[:, 1::2] = planes[2][:rows, :columns]
        else:
            chroma[:] = planes[1][:rows, :columns * 2]
        return out

    def end(self, ctx: Any) -> None:
        ctx._values.pop(STATE, None)


def _packet(raw: np.ndarray, buffer: Buffer) -> Any:
    packet = av.Packet(raw)  # type: ignore[arg-type]
    packet.pts, packet.dts = (None if time == NO_TIME else time
                              for time in (number_of(buffer, "pts"), number_of(buffer, "dts")))
    return packet


def _rows(plane: Any) -> np.ndarray:
    stride = plane.line_size
    return np.frombuffer(plane, np.uint8)[:stride * plane.height].reshape(plane.height, stride)


def _timestamp(frame: Any, index: int, said: dict[str, Any], time_base: float) -> int:
    """Media time in ms; where the video has no times it follows from the frame rate."""
    if frame.pts is not None:
        return int(frame.pts * time_base)
    num, den = said.get("rate_num") or 25, said.get("rate_den") or 1
    return int(index * 1000 * den / num)
