"""video_demuxer: opens a video and puts out its packets, one in each call."""
from __future__ import annotations

import threading
import weakref
from typing import Any, Callable

import numpy as np

from ..sdk import log
from ..sdk.private import DataMeta, FlowUnitEvent
from .media import MediaError, masked
from .packets import ThreadedReader, Video, reader_for
from .picture import raw_bytes, shapeless, zero_byte
from .source_retry import RETRY, Retry
from .unit import FAULT, GO_ON, BuiltinUnit, Refusal, unsigned

IN, OUT = "in_video_url", "out_video_packet"
STATE = "demuxer"
NO_TIME = -1 << 63      # FFmpeg's number for a time that is not known


class Demuxing:
    """One stream at this unit: its video, if it is open, and what to do when it ends."""

    def __init__(self, url: str, retry: Retry | None, meta: DataMeta, wake: Callable[[], None]) -> None:
        self.url = url
        self.wake = wake        # has the unit called again for this stream
        self.retry = retry
        self.meta = meta
        self.reader: Any = None
        self.video: Video | None = None
        self.problem: MediaError | None = None  # why there is no reader, or why it ended
        self.timer: threading.Timer | None = None
        self.was_reset = False
        self.flushed = False
        self.over = False

    def close(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
        if self.reader is not None:
            self.reader.close()
        self.reader, self.over = None, True


class VideoDemuxer(BuiltinUnit):
    """The stream's meta says codec and address; each packet's meta the rest.

    A packet of one byte tells the decoder that the video is over. With a data_source_parser in front a lost source is
    opened again, as its retry options say.
    """

    def configure(self, config: Any) -> None:
        self.key_frame_only = config.get_bool("key_frame_only", False)
        self.queue_size = unsigned(config, "queue_size", 32)
        self.draining = False
        self._open: set[Demuxing] = set()
        self._lock = threading.Lock()

    def begin(self, ctx: Any) -> None:
        upper = ctx.get_input_meta(IN)
        values = upper._values if upper is not None else {}
        url = values.get("source_url")
        if not isinstance(url, str):
            if ctx.input(IN) is None:
                return      # what tells the address failed and has said so; its error passes by
            url = _url_of(ctx.input(IN))
        meta = DataMeta()
        meta.set_private_string("source_url", url)
        ctx.set_output_meta(OUT, meta)
        state = Demuxing(url, values.get(RETRY), meta, _waker(ctx))
        ctx.set_private(STATE, state)
        with self._lock:
            self._open.add(state)
        try:
            self._connect(ctx, state, url)
        except MediaError as error:
            state.problem = error
            if state.retry is None:
                self._forget(state)
                self.fail(str(error))
                raise Refusal(FAULT, str(error)) from None
            log.warn("node %s: %s" % (self.node_name(), error))

    def _connect(self, ctx: Any, state: Demuxing, url: str) -> None:
        video = Video(url, self.key_frame_only)
        state.url, state.video, state.problem = url, video, None
        state.meta.set_private_string("source_url", url)
        state.meta.set_private_int("codec_meta", video.codec_id)
        state.meta._values.update(codec=video.codec, extradata=video.extradata,
                                  picture_size=(video.width, video.height))
        if state.retry is not None:
            state.retry.opened()
        state.reader = reader_for(video, _waker(ctx, True), self.queue_size)
        log.info("node %s: opened %s, %s, %d x %d, %d/%d frames/s, turned by %d" % (
            self.node_name(), masked(url), video.codec, video.width, video.height, *video.rate, video.rotate_angle))

    def work(self, ctx: Any) -> Any:
        state: Demuxing = ctx.get_private(STATE)
        if state.over:
            return None
        if state.timer is not None and ctx.event() is None:
            return GO_ON    # another input buffer, while the source is being opened again
        try:
            if self.draining:
                return self._finish(ctx, state)
            if state.flushed:
                self._give_up(state)
            if state.reader is None:
                raise state.problem or MediaError("%s is not open" % masked(state.url))
            entry = state.reader.read()
        except MediaError as error:
            state.problem = error
            return self._lost(ctx, state)
        if entry is ThreadedReader.WAIT:
            return GO_ON
        if entry is None:
            state.problem = None
            return self._lost(ctx, state)
        self._put(ctx, state, *entry)
        ctx.send_event(FlowUnitEvent())
        if self.draining:       # this may be the last call: what is sent after the session closed does not arrive
            return self._finish(ctx, state)
        return GO_ON

    def _put(self, ctx: Any, state: Demuxing, packet: Any, pts: Any, dts: Any, key: bool) -> None:
        video = state.video
        assert video is not None
        buffer = shapeless(self.get_bind_device(), np.frombuffer(packet, np.uint8), typed=False)
        meta = buffer._meta
        if state.was_reset:
            state.was_reset = False
            meta.update(reset_flag=True, source_url=video.url, codec_id=video.codec_id, codec=video.codec,
                        extradata=video.extradata, picture_size=(video.width, video.height))
        meta.update(pts=NO_TIME if pts is None else pts, dts=NO_TIME if dts is None else dts)
        meta.update(time_base=video.time_base, rate_num=video.rate[0], rate_den=video.rate[1], width=video.width,
                    height=video.height, rotate_angle=video.rotate_angle, duration=video.duration)
        ctx.output(OUT).push_back(buffer)

    def _lost(self, ctx: Any, state: Demuxing) -> Any:
        """The video is over or broke: open it again, or end the stream."""
        problem = state.problem
        if state.retry is None:
            return self._finish(ctx, state) if problem is None else self._flush(ctx, state)
        if state.reader is not None:
            state.reader.close()
            state.reader = None
        answer = state.retry.after_loss(ended=problem is None)
        if answer == Retry.STOP:
            return self._finish(ctx, state)
        if answer == Retry.GIVE_UP:
            state.problem = problem or MediaError("%s is over" % masked(state.url))
            return self._flush(ctx, state)
        state.was_reset = state.video is not None
        state.timer = threading.Timer(state.retry.interval, self._again, (ctx, state))
        state.timer.daemon = True
        state.timer.start()
        return GO_ON

    def _again(self, ctx: Any, state: Demuxing) -> None:
        """Runs on the timer's thread; what comes of it is told to the stream by an event."""
        assert state.retry is not None
        try:
            url = state.retry.find_url()
            if not state.over:
                self._connect(ctx, state, url)
        except MediaError as error:
            state.problem = error
            log.warn("node %s: %s" % (self.node_name(), error))
        if state.over and state.reader is not None:
            state.reader.close()
        state.timer = None
        ctx.send_event(FlowUnitEvent())

    def _flush(self, ctx: Any, state: Demuxing) -> Any:
        """Have the decoder give out what it holds before the stream fails."""
        if state.video is None:
            self._give_up(state)
        state.flushed = True
        self._put_end(ctx, state)
        ctx.send_event(FlowUnitEvent())
        return GO_ON

    def _give_up(self, state: Demuxing) -> None:
        message = str(state.problem)
        self._forget(state)
        self.fail(message)
        raise Refusal(FAULT, message)

    def _finish(self, ctx: Any, state: Demuxing) -> None:
        if state.video is not None and not state.flushed:
            self._put_end(ctx, state)
        self._forget(state)

    def _put_end(self, ctx: Any, state: Demuxing) -> None:
        video = state.video
        assert video is not None
        buffer = shapeless(self.get_bind_device(), zero_byte(), typed=False)
        buffer._meta.update(time_base=video.time_base, rate_num=video.rate[0], rate_den=video.rate[1],
                            rotate_angle=video.rotate_angle, duration=video.duration)
        ctx.output(OUT).push_back(buffer)

    def end(self, ctx: Any) -> None:
        try:
            self._forget(ctx.get_private(STATE))
        except ValueError:
            pass

    def drain(self) -> None:
        """Let each stream end as if its video were over, so that the decoder gives out what it holds."""
        self.draining = True
        with self._lock:
            waiting = list(self._open)
        for state in waiting:
            state.wake()

    def close(self) -> Any:
        for state in list(self._open):
            self._forget(state)
        return super().close()

    def _forget(self, state: Demuxing) -> None:
        state.close()
        with self._lock:
            self._open.discard(state)


def _url_of(buffers: Any) -> str:
    """The address in the data of the first buffer, up to a closing NUL."""
    if not buffers:
        raise Refusal(FAULT, "source url not found in input")
    if len(buffers) > 1:
        log.warn("video_demuxer: only supports one url for a stream")
    return raw_bytes(buffers[0]).tobytes().split(b"\0")[0].decode("utf-8", "replace")


def _waker(ctx: Any, holding: bool = False) -> Callable[[], None]:
    """Sends the stream an event. One that holds the context tells the engine that an event may still come."""
    if holding:
        return lambda: ctx.send_event(FlowUnitEvent())
    found = weakref.ref(ctx)

    def wake() -> None:
        context = found()
        if context is not None:
            context.send_event(FlowUnitEvent())

    return wake
