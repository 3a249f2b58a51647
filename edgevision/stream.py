"""Sources of frames that are kept going: a file that may loop or be paced, a camera that is opened again when it fails.

`take` never waits longer than it was told to, so one slow camera cannot hold up the others. A file is read by whoever
takes its frames, and so at their pace; a camera is read by a thread of its own into a short queue from which the oldest
frame goes when nobody takes it in time. What happened on the way stands in `messages`, without credentials.
"""
from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Iterator, NamedTuple

from edgevision.decode import Reader, Shot
from edgevision.errors import MediaError, VisionError
from edgevision.retry import Retry
from edgevision.tally import DROPS, EVENTS
from edgevision.url import camera_name, kind_of, redact

_HEALTHY = 10  # frames after which a camera counts as well again


@dataclass(frozen=True)
class Habits:
    """How a source is treated. Seconds are seconds; `keep` is how many frames of a camera wait at most."""

    paced: bool = False
    loop: bool = False
    open_timeout: float = 10.0
    read_timeout: float = 10.0
    retry_first: float = 1.0
    retry_longest: float = 30.0
    retry_limit: int = -1
    keep: int = 2
    threads: int = 1
    backend: str | None = None


class Taken(NamedTuple):
    """A frame of a stream: numbered through reconnects and loops, with the time at which it was taken."""

    shot: Shot
    wall_time: float
    last: bool = False


class Stream:
    """Common to both kinds: `take`, `close`, `over`, `state`, and what is known of the picture."""

    def __init__(self, url: str, name: str = "", habits: Habits | None = None) -> None:
        self.url = url
        self.name = name or camera_name(url)
        self.habits = habits or Habits()
        self.shown = redact(url)
        self.messages: deque[tuple[str, str]] = deque(maxlen=100)  # ("warn" or "info", text)
        self.state = "opening"
        self.over = False
        self.frames = 0
        self.rate = (25, 1)
        self.duration = 0
        self._base_index, self._base_time = 0, 0
        self._next_index, self._next_time = 0, 0

    def take(self, wait: float = 0.0) -> Taken | None:
        """The next frame, or None when there is none within `wait` seconds (then look at `over`)."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def _open(self) -> Reader:
        habits = self.habits
        reader = Reader(self.url, "native", habits.open_timeout, habits.read_timeout, habits.threads,
                        backend=habits.backend)
        self.rate = (reader.rate.numerator, reader.rate.denominator)
        self.duration = reader.duration
        self._base_index, self._base_time = self._next_index, self._next_time
        return reader

    def _numbered(self, shot: Shot, least_time: int = 0) -> Shot:
        """The shot with numbers that go on where those before a reconnect or a loop ended."""
        index = self._base_index + shot.index
        timestamp = max(self._base_time + shot.timestamp, least_time)
        self._next_index = index + 1
        self._next_time = timestamp + max(1, 1000 * self.rate[1] // self.rate[0])
        return shot._replace(index=index, timestamp=timestamp)

    def _say(self, level: str, text: str) -> None:
        self.messages.append((level, "camera %s: %s" % (self.name, redact(text))))


class FileStream(Stream):
    """A file or a folder of pictures. It is opened, and its first frame read, at once: what is wrong with it shows
    before anything runs."""

    def __init__(self, url: str, name: str = "", habits: Habits | None = None) -> None:
        super().__init__(url, name, habits)
        self._began = 0.0
        self._reader: Reader | None = self._open()
        self._shots: Iterator[Shot] = iter(self._reader)
        self._held = self._following()
        if self._held is None:
            end = self._reader.end
            self.close()
            raise MediaError(end.detail if end and end.reason != "end" else "%s: it holds no frame" % self.shown)
        self.state = "running"

    def take(self, wait: float = 0.0) -> Taken | None:
        shot = self._held
        if shot is None or self.over:
            self.over = True
            return None
        if self.habits.paced and not self._due(shot, wait):
            return None
        self._held = self._following()
        self.frames += 1
        if self._held is None:
            self.close()
        return Taken(shot, time.time(), self._held is None)

    def _due(self, shot: Shot, wait: float) -> bool:
        now = time.monotonic()
        if not self._began:
            self._began = now - shot.timestamp / 1000
        left = self._began + shot.timestamp / 1000 - now
        if left < -1.0:
            self._began -= left  # it was held up: go on from here rather than race
        if left > 0:
            time.sleep(min(left, wait))
        return left <= wait

    def _following(self) -> Shot | None:
        shot = next(self._shots, None)
        if shot is None and self._reader is not None and self.state == "running":
            end = self._reader.end
            if end is not None and end.reason != "end":
                self._say("warn", end.detail)
                EVENTS.count(self.name, end.reason)
            if self.habits.loop:
                shot = self._again()
        return self._numbered(shot) if shot is not None else None

    def _again(self) -> Shot | None:
        try:
            self._reader = self._open()
        except VisionError as error:
            self._say("warn", "cannot be opened again: %s" % error)
            return None
        self._shots = iter(self._reader)
        return next(self._shots, None)

    def close(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()
        self._held = None
        self.over, self.state = True, "over"


class LiveStream(Stream):
    """A camera or a stream from the network: opened again after each loss, with growing pauses.

    `state` is "opening", "running", "waiting" (for the next try), "degraded" (three failures in a row) or "over".
    """

    def __init__(self, url: str, name: str = "", habits: Habits | None = None) -> None:
        super().__init__(url, name, habits)
        self.reconnects = 0
        self._retry = Retry(self.habits.retry_first, self.habits.retry_longest, self.habits.retry_limit)
        self._queue: deque[Taken] = deque()
        self._change = threading.Condition()
        self._closed = False
        self._reader: Reader | None = None
        self._began = time.monotonic()
        self._thread: threading.Thread | None = None    # begins with the first take: frames before it would be late

    def take(self, wait: float = 0.0) -> Taken | None:
        if self._thread is None:
            self._began = time.monotonic()
            self._thread = threading.Thread(target=self._run, name="camera " + self.name, daemon=True)
            self._thread.start()
        with self._change:
            if not self._queue and not self._closed and not self.over:
                self._change.wait(wait)
            if self._queue:
                self.frames += 1
                return self._queue.popleft()
            if self._closed or self.state == "over":
                self.over = True
            return None

    def _run(self) -> None:
        while not self._closed:
            try:
                ended = self._watch()
            except VisionError as error:
                ended = str(error)
            except Exception as error:  # whatever it was, a camera must come back
                ended = "%s: %s: %s" % (self.shown, type(error).__name__, error)
            if self._closed or not ended or not self._pause(ended):
                break
        with self._change:
            self.state = "over"
            self._change.notify_all()

    def _watch(self) -> str:
        """Read until the stream breaks; the reason, or "" when it has come to its proper end."""
        reader = self._open()
        with self._change:
            self._reader = reader
            if self._closed:
                reader.close()
                return ""
        shown = 0
        with reader:
            for shot in reader:
                shown += 1
                if shown == 1:
                    self._recovered(reader)
                if shown == _HEALTHY:
                    self._retry.succeeded()
                self._arrived(shot)
        end = reader.end
        if reader.duration and end is not None and end.reason != "stalled" and (
                self._next_time - self._base_time >= reader.duration - 1000):
            return ""  # a film from the network, and this was all of it
        if end is not None and end.reason == "stalled":
            EVENTS.count(self.name, "stalled")
        return end.detail if end is not None else "%s: the stream ended" % self.shown

    def _recovered(self, reader: Reader) -> None:
        if self._retry.failures:
            self._say("info", "%s is back after %d failures" % (self.shown, self._retry.failures))
        else:
            self._say("info", "%s: %dx%d, %g frames/s" % (self.shown, reader.width, reader.height, float(reader.rate)))
        self.state = "running"

    def _arrived(self, shot: Shot) -> None:
        elapsed = int((time.monotonic() - self._began) * 1000)
        if shot.index == 0:
            self._base_time = max(self._base_time, elapsed)
        taken = Taken(self._numbered(shot), time.time())
        with self._change:
            self._queue.append(taken)
            if len(self._queue) > self.habits.keep:
                self._queue.popleft()
                DROPS.count(self.name, "late")
            self._change.notify_all()

    def _pause(self, reason: str) -> bool:
        """Wait for the next try; False when there is to be none."""
        seconds = self._retry.failed()
        EVENTS.count(self.name, "failed")
        if self._retry.given_up:
            self._say("warn", "%s; given up after %d failures in a row" % (reason, self._retry.failures))
            return False
        self.state = "degraded" if self._retry.degraded else "waiting"
        failures = self._retry.failures
        if failures <= 3 or failures & (failures - 1) == 0:  # an absent camera does not fill the log
            self._say("warn", "%s; %s, next try in %.1f s (failure %d in a row)" % (
                reason, self.state, seconds, failures))
        with self._change:
            self._change.wait_for(lambda: self._closed, seconds)
        self.reconnects += 1
        EVENTS.count(self.name, "reconnects")
        return not self._closed

    def close(self) -> None:
        with self._change:
            self._closed = True
            self._queue.clear()
            reader = self._reader
            self._change.notify_all()
        if reader is not None:
            reader.close()


def open_stream(url: str, name: str = "", habits: Habits | None = None) -> Stream:
    """A stream of the right kind for what the URL means."""
    live = kind_of(url) in ("stream", "webcam")
    return LiveStream(url, name, habits) if live else FileStream(url, name, habits)
