"""Packets of one video: read directly from a file, or by a thread where a network may keep the reader waiting."""
from __future__ import annotations

import threading
from collections import deque
from typing import Any, Callable, Iterator

import av
from av.bitstream import BitStreamFilterContext

from ..sdk import log
from .media import (
    MediaError,
    is_live,
    is_remote,
    masked,
    open_video,
    reason,
    rotation_of,
    scaled_rate,
    seconds_of,
)

LEAST_QUEUE = 32
JOIN_SECONDS = 6.0
# Codecs that take their header in front of a key frame. The others get it once, beside the packets.
HEADER_IN_FRONT = ("h264", "hevc", "mpeg4", "mpeg1video", "mpeg2video", "vc1", "cavs")
ANNEX_B = (b"\x00\x00\x01", b"\x00\x00\x00\x01")


class Video:
    """An open video: what its header says, and its packets in the form that a decoder without the header takes."""

    def __init__(self, url: str, key_frame_only: bool = False) -> None:
        self.url = url
        self._error: MediaError | None = None
        self.container = open_video(url)
        try:
            self._read_header()
            self._packets = self._demux(key_frame_only)
        except BaseException:
            self.container.close()
            raise

    def _read_header(self) -> None:
        container = self.container
        self.stream = stream = _best(container)
        codec = stream.codec_context
        self.codec = codec.name
        self.codec_id = int(getattr(codec.codec, "id", 0))
        self.width, self.height = int(codec.width or 0), int(codec.height or 0)
        if not self.width or not self.height:
            raise MediaError("%s does not say how large its pictures are" % masked(self.url))
        self.extradata = bytes(codec.extradata or b"")
        self.rate = scaled_rate(stream.average_rate)
        self.time_base = stream.time_base.numerator / stream.time_base.denominator * 1000
        self.duration = seconds_of(container, stream)
        self.rotate_angle = rotation_of(self.url, container, stream)
        self._filter = self._bit_stream_filter()

    def _bit_stream_filter(self) -> Any:
        codec = self.stream.codec_context
        if self.codec not in HEADER_IN_FRONT:
            return None
        name = {"h264": "h264_mp4toannexb", "hevc": "hevc_mp4toannexb"}.get(self.codec, "dump_extra")
        tagged = any(ord(char) for char in str(codec.codec_tag or ""))
        if not tagged and (not self.extradata or self.extradata.startswith(ANNEX_B)):
            name = "dump_extra"
        try:
            return BitStreamFilterContext(name, self.stream)
        except (ValueError, av.error.FFmpegError):
            return None

    def _demux(self, key_frame_only: bool) -> Iterator[Any]:
        count, torn = 0, None
        for packet in self.container.demux(self.stream):
            if not packet.size:
                continue
            if torn is not None:    # not at the end of the file after all
                yield from self._filtered(torn)
                torn = None
            count += 1
            if key_frame_only and not packet.is_keyframe:
                continue
            if packet.is_corrupt and not is_remote(self.url):
                torn = packet
                continue
            yield from self._filtered(packet)
        if torn is not None:
            raise MediaError("video %s is cut off in packet %d" % (masked(self.url), count))
        if 0 < count < self.stream.frames and not is_remote(self.url):
            log.warn("video %s has %d of the %d packets that its header promises" % (
                masked(self.url), count, self.stream.frames))

    def _filtered(self, packet: Any) -> Iterator[Any]:
        pts, dts, key = packet.pts, packet.dts, packet.is_keyframe
        for ready in self._filter.filter(packet) if self._filter is not None else (packet,):
            yield ready, pts, dts, key

    def read(self) -> Any:
        """The next (packet, pts, dts, is key frame), or None at the end; MediaError when it cannot be read."""
        if self._error is not None:
            raise self._error
        try:
            return next(self._packets, None)
        except MediaError as error:
            self._error = error
        except (OSError, ValueError, av.error.FFmpegError) as error:
            self._error = MediaError("cannot read video %s any further: %s" % (masked(self.url), reason(error)))
        raise self._error

    def close(self) -> None:
        self._packets = iter(())
        self._filter = None
        self.container.close()


def _best(container: Any) -> Any:
    """The stream that FFmpeg thinks best; the first one where PyAV is too old to ask."""
    best = getattr(container.streams, "best", None)
    return (best("video") if best is not None else None) or container.streams.video[0]


class DirectReader:
    """Reads when asked."""

    def __init__(self, video: Video) -> None:
        self.video = video

    def read(self) -> Any:
        return self.video.read()

    def close(self) -> None:
        self.video.close()


class ThreadedReader:
    """A thread reads ahead and calls `wake` when there is something new after `read` came back empty-handed.

    The queue is bounded. A live source cannot wait: the oldest packets are dropped, up to the next key frame, and
    counted. Any other source waits.
    """

    WAIT = object()     # nothing has arrived yet

    def __init__(self, video: Video, wake: Callable[[], None], size: int = LEAST_QUEUE) -> None:
        self.video = video
        self.dropped = 0
        self._live = is_live(video.url)
        self._size = max(size, LEAST_QUEUE)
        self._wake = wake
        self._queue: deque[Any] = deque()
        self._changed = threading.Condition()
        self._hungry = False
        self._over = False
        self._error: MediaError | None = None
        self._stopped = False
        self._skipping = False
        self._thread = threading.Thread(target=self._run, name="pocketbox-demux", daemon=True)
        self._thread.start()

    def read(self) -> Any:
        """A packet, None at the end, or WAIT; MediaError when the source broke."""
        with self._changed:
            if self._queue:
                self._changed.notify_all()
                return self._queue.popleft()
            if self._error is not None:
                raise self._error
            if self._over:
                return None
            self._hungry = True
            return self.WAIT

    def close(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self._thread is not threading.current_thread():
            self._thread.join(JOIN_SECONDS)

    def _run(self) -> None:
        try:
            while not self._stopped:
                entry = self.video.read()
                if entry is None:
                    break
                self._add(entry)
        except MediaError as error:
            self._error = error
        finally:
            self.video.close()
            with self._changed:
                self._over = True
                self._tell()
            del self._wake

    def _add(self, entry: Any) -> None:
        with self._changed:
            if self._live:
                if not self._make_room(entry):
                    return
            else:
                while len(self._queue) >= self._size and not self._stopped:
                    self._changed.wait()
            self._queue.append(entry)
            self._tell()

    def _make_room(self, entry: Any) -> bool:
        """Whether a packet of a live source is kept. After a loss nothing counts before the next key frame."""
        is_key = entry[3]
        if self._skipping and not is_key:
            self.dropped += 1
            return False
        self._skipping = False
        if len(self._queue) < self._size:
            return True
        self._queue.popleft()
        self.dropped += 1
        while self._queue and not self._queue[0][3]:
            self._queue.popleft()
            self.dropped += 1
        if not self._queue and not is_key:
            self._skipping = True
            self.dropped += 1
            return False
        return True

    def _tell(self) -> None:
        if self._hungry:
            self._hungry = False
            self._wake()


def reader_for(video: Video, wake: Callable[[], None], size: int = LEAST_QUEUE) -> Any:
    """The reader that fits the source."""
    return ThreadedReader(video, wake, size) if is_remote(video.url) else DirectReader(video)
