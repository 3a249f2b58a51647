"""video_decode: frames from files, pictures, cameras and streams. video_decode_url: the same for URLs at a port.
video_source: no frames, only the URLs, for ModelBox's own video_demuxer (which crashes on a file that is not there).

Ports      out_video_frame: a frame a buffer; video_decode_url also in_video_url: a text with a URL or file;
           video_source only out_video_url.
Streams    one for each source. `source` may name several (a comma between them); `source_file` names a text file with a
           camera a line (`NAME URL`), which may change while the graph runs: new lines are new streams, the streams of
           lines that are gone end. Only files and pictures end by themselves; a camera is opened again after each loss.
Meta       written: index, timestamp (ms), width, height, width_stride, height_stride, channel and layout (packed
           formats), pix_fmt, rate_num, rate_den, duration (s), url (without credentials), eos (files: true on the last
           frame), rotate_angle, camera, wall_time. Stream meta: source_url (without credentials), stream_count.
Options    source, source_file    what to read; a relative file is looked up in the working directory, then in the pack
           camera ""              names for the sources, comma between them; default: from the URL
           pix_fmt auto           auto (nv12 for video, bgr for pictures), nv12, i420, bgr, rgb
           paced false            true: a file at its own speed; false: as fast as its frames are taken
           loop false             true: a file from its start again, for ever
           open_timeout 10, read_timeout 10            seconds; the latter is the watchdog for a stalled camera
           retry_first 1, retry_longest 30             pauses in seconds, doubled from the first to the longest
           retry_limit -1         failures in a row after which a camera is given up; -1: never
           keep 2                 frames of a camera that wait at most; the oldest goes, counted as "late"
           threads 1              of the decoder; 0 lets it choose
           backend ""             av or opencv; default: the best there is
Errors     open fails for a file that is missing or holds no frame. A camera that cannot be reached is tried again and
           logged; after three failures in a row it counts as degraded.
"""
from __future__ import annotations

import os
import threading
from typing import Any

import _flowunit as modelbox
import numpy as np

from edgevision.cameras import Source, SourceFile, changes, named
from edgevision.envelope import block_of
from edgevision.errors import MediaError, VisionError
from edgevision.frame import plain_format
from edgevision.paths import find, places
from edgevision.stream import Habits, Stream, Taken, open_stream
from edgevision.url import camera_name, kind_of, local_path

S = modelbox.Status.StatusCode
OUT = "out_video_frame"
STREAM = "video_decode_stream"
WAIT = 0.02             # seconds that one call may wait for a frame
LOOK_SECONDS = 1.0      # between looks at the source file


def habits_of(config: Any) -> Habits:
    return Habits(
        config.get_bool("paced", False), config.get_bool("loop", False), config.get_float("open_timeout", 10.0),
        config.get_float("read_timeout", 10.0), config.get_float("retry_first", 1.0),
        config.get_float("retry_longest", 30.0), config.get_int("retry_limit", -1), max(1, config.get_int("keep", 2)),
        config.get_int("threads", 1), config.get_string("backend", "") or None)


def meta_of(stream: Stream, taken: Taken, frame: Any) -> dict[str, Any]:
    """ModelBox's meta of a decoded frame, and ours."""
    shot = taken.shot
    return {"index": shot.index, "timestamp": shot.timestamp, "rate_num": stream.rate[0], "rate_den": stream.rate[1],
            "duration": stream.duration // 1000, "url": stream.shown, "eos": taken.last,
            "rotate_angle": shot.rotation, "camera": stream.name, "wall_time": taken.wall_time, **frame.meta()}


def texts(config: Any, name: str) -> list[str]:
    return [text.strip() for text in config.get_string_list(name, []) if text.strip()]


def begin_session(unit: Any, number: int) -> None:
    """A stream of the graph, fed by this unit, in a session that knows its number."""
    external = unit.create_external_data()
    external.get_session_context().set_private_int(STREAM, number)
    start = external.create_buffer_list()
    start.push_back(np.array([number], np.int64))
    external.send(start)
    external.close()


def stream_meta(url: str, streams: int) -> Any:
    meta = modelbox.DataMeta()
    meta.set_private_string("source_url", url)
    meta.set_private_int("stream_count", streams)
    return meta


class Decoding(modelbox.FlowUnit):
    """Common to both units: the streams by number, and one frame a call."""

    def read_options(self, config: Any) -> None:
        self.lock = threading.Lock()
        self.streams: dict[int, Stream] = {}
        self.count = 0
        self.habits = habits_of(config)
        self.pix_fmt = config.get_string("pix_fmt", "auto")
        if self.pix_fmt != "auto":
            plain_format(self.pix_fmt)

    def add(self, stream: Stream) -> int:
        with self.lock:
            number, self.count = self.count, self.count + 1
            self.streams[number] = stream
        return number

    def stream_of(self, number: int) -> Any:
        with self.lock:
            return self.streams.get(number)

    def forget(self, number: int) -> None:
        with self.lock:
            stream = self.streams.pop(number, None)
        if stream is not None:
            stream.close()
            self.tell(stream)

    def step(self, ctx: Any, stream: Stream) -> bool:
        """Put out the stream's next frame, if it comes in time; whether there may be more."""
        taken = stream.take(WAIT)
        self.tell(stream)
        if taken is None:
            return not stream.over
        block, frame = block_of(taken.shot.frame, self.pix_fmt)
        buffer = modelbox.Buffer(self.get_bind_device(), block)
        for key, value in meta_of(stream, taken, frame).items():
            buffer.set(key, value)
        ctx.output(OUT).push_back(buffer)
        return not taken.last

    def tell(self, stream: Stream) -> None:
        while stream.messages:
            level, text = stream.messages.popleft()
            (modelbox.warn if level == "warn" else modelbox.info)(text)

    def close_all(self) -> None:
        with self.lock:
            streams = list(self.streams.values())
            self.streams.clear()
        for stream in streams:
            stream.close()


class VideoDecode(Decoding):
    def open(self, config: Any) -> Any:
        self.stopping = threading.Event()
        try:
            self.read_options(config)
            sources, self.file = self.sources_of(config)
            self.sources = sources
            opened = [(source, self.open_source(source)) for source in sources]
        except VisionError as error:
            modelbox.error("video_decode: %s" % error)
            return modelbox.Status(S.STATUS_BADCONF, "video_decode: %s" % error)
        self.expected = len(opened) if self.file is None else 1 << 30
        self.numbers: dict[Source, int] = {}
        for source, stream in opened:
            self.launch(source, stream)
        if self.file is not None:
            threading.Thread(target=self.watch, args=(self.file,), name="watch " + self.file.path, daemon=True).start()
        return S.STATUS_SUCCESS

    def sources_of(self, config: Any) -> tuple[list[Source], SourceFile | None]:
        urls, names = texts(config, "source"), texts(config, "camera")
        listed = config.get_string("source_file", "")
        if bool(urls) == bool(listed):
            raise MediaError("expected either the option source or source_file, got %s" % (
                "both" if urls else "neither"))
        if listed:
            file = SourceFile(find(listed, __file__))
            return file.read(), file
        return named(urls, names), None

    def open_source(self, source: Source) -> Stream:
        url = find(source.url, __file__)
        try:
            return open_stream(url, source.name, self.habits)
        except MediaError as error:
            if kind_of(url) == "file" and "no such file" in str(error):
                raise MediaError("camera %s: no such file: looked for %s" % (
                    source.name, places(source.url, __file__))) from None
            raise MediaError("camera %s: %s" % (source.name, error)) from None

    def launch(self, source: Source, stream: Stream) -> None:
        """A stream of the graph for a source: its number goes into a session of its own."""
        self.numbers[source] = number = self.add(stream)
        begin_session(self, number)

    def watch(self, file: SourceFile) -> None:
        """Follow the source file; what cannot be opened now is tried again with the file's next change."""
        while not self.stopping.wait(LOOK_SECONDS):
            if not file.changed():
                continue
            try:
                wanted = file.read()
            except MediaError as error:
                modelbox.warn("video_decode: %s; the cameras stay as they are" % error)
                continue
            new, gone = changes(self.sources, wanted)
            for source in gone:
                modelbox.info("video_decode: camera %s is removed" % source.name)
                stream = self.stream_of(self.numbers.pop(source, -1))
                if stream is not None:
                    stream.close()
            for source in new:
                try:
                    self.launch(source, self.open_source(source))
                    modelbox.info("video_decode: camera %s is added" % source.name)
                except MediaError as error:
                    modelbox.warn("video_decode: %s" % error)
            self.sources = wanted

    def data_pre(self, ctx: Any) -> Any:
        stream = self.stream_of(ctx.get_session_context().get_private_int(STREAM))
        if stream is not None:
            ctx.set_output_meta(OUT, stream_meta(stream.shown, self.expected))
        return S.STATUS_SUCCESS

    def process(self, ctx: Any) -> Any:
        stream = self.stream_of(ctx.get_session_context().get_private_int(STREAM))
        if stream is None or not self.step(ctx, stream):
            return S.STATUS_SUCCESS
        ctx.send_event(modelbox.FlowUnitEvent())
        return S.STATUS_CONTINUE

    def data_post(self, ctx: Any) -> Any:
        self.forget(ctx.get_session_context().get_private_int(STREAM))
        return S.STATUS_SUCCESS

    def drain(self) -> None:
        """The embedded engine is asked to end: no new streams, and those that there are come to their end."""
        self.stopping.set()
        with self.lock:
            streams = list(self.streams.values())
        for stream in streams:
            stream.close()

    def close(self) -> Any:
        self.stopping.set()
        self.close_all()
        return S.STATUS_SUCCESS


class VideoDecodeUrl(Decoding):
    """Several URLs on one stream follow each other."""

    def open(self, config: Any) -> Any:
        try:
            self.read_options(config)
        except VisionError as error:
            modelbox.error("video_decode_url: %s" % error)
            return modelbox.Status(S.STATUS_BADCONF, "video_decode_url: %s" % error)
        self.camera = "".join(config.get_string_list("camera", [])[:1])
        self.waiting: dict[int, list[str]] = {}
        return S.STATUS_SUCCESS

    def data_pre(self, ctx: Any) -> Any:
        with self.lock:
            line, self.count = self.count, self.count + 1
        ctx.set_private_int("line", line)
        ctx.set_private_int("stream", -1)
        self.waiting[line] = announced(ctx)
        ctx.set_output_meta(OUT, stream_meta("", 1))
        return S.STATUS_SUCCESS

    def process(self, ctx: Any) -> Any:
        urls = self.waiting[ctx.get_private_int("line")]
        for buffer in ctx.input("in_video_url") or ():
            text = bytes(buffer.as_bytes()).decode("utf-8", "replace").strip("\0\r\n ") if buffer.get_bytes() else ""
            if text and text not in urls[:1]:
                urls.append(text)
        stream = self.stream_of(ctx.get_private_int("stream"))
        if stream is None and urls:
            try:
                stream = self.start(ctx, urls.pop(0))
            except VisionError as error:
                modelbox.error("video_decode_url: %s" % error)
                return modelbox.Status(S.STATUS_FAULT, "video_decode_url: %s" % error)
        if stream is not None and not self.step(ctx, stream):
            self.forget(ctx.get_private_int("stream"))
            ctx.set_private_int("stream", -1)
            stream = None
        if stream is None and not urls:
            return S.STATUS_SUCCESS
        ctx.send_event(modelbox.FlowUnitEvent())
        return S.STATUS_CONTINUE

    def start(self, ctx: Any, text: str) -> Stream:
        url = find(text, __file__)
        stream = open_stream(url, self.camera or camera_name(text), self.habits)
        ctx.set_private_int("stream", self.add(stream))
        return stream

    def data_post(self, ctx: Any) -> Any:
        self.forget(ctx.get_private_int("stream"))
        with self.lock:
            self.waiting.pop(ctx.get_private_int("line"), None)
        return S.STATUS_SUCCESS

    def close(self) -> Any:
        self.close_all()
        return S.STATUS_SUCCESS


def announced(ctx: Any) -> list[str]:
    """The URL that ModelBox's own source units put into the meta of the stream; none from others."""
    try:
        return [url for url in (ctx.get_input_meta("in_video_url").get_private_string("source_url"),) if url]
    except (AttributeError, RuntimeError, ValueError):
        return []


class VideoSource(modelbox.FlowUnit):
    def open(self, config: Any) -> Any:
        try:
            self.sources = named(texts(config, "source"), texts(config, "camera"))
            if not self.sources:
                raise MediaError("expected the option source")
            self.urls = [self.url_of(source) for source in self.sources]
        except VisionError as error:
            modelbox.error("video_source: %s" % error)
            return modelbox.Status(S.STATUS_BADCONF, "video_source: %s" % error)
        for number in range(len(self.urls)):
            begin_session(self, number)
        return S.STATUS_SUCCESS

    def url_of(self, source: Source) -> str:
        url = find(source.url, __file__)
        if kind_of(url) == "file" and not os.path.isfile(local_path(url)):
            raise MediaError("camera %s: no such file: looked for %s" % (source.name, places(source.url, __file__)))
        return url

    def number(self, ctx: Any) -> int:
        return ctx.get_session_context().get_private_int(STREAM)

    def data_pre(self, ctx: Any) -> Any:
        ctx.set_output_meta("out_video_url", stream_meta(self.urls[self.number(ctx)], len(self.urls)))
        return S.STATUS_SUCCESS

    def process(self, ctx: Any) -> Any:
        url = self.urls[self.number(ctx)]
        ctx.output("out_video_url").push_back(modelbox.Buffer(self.get_bind_device(), url))
        return S.STATUS_SUCCESS

    def data_post(self, ctx: Any) -> Any:
        return S.STATUS_SUCCESS

    def close(self) -> Any:
        return S.STATUS_SUCCESS
