"""Places that results go to. A file is complete; a network target never holds up a frame, and counts what it drops."""
from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections import deque
from typing import Any, Callable

from edgevision.beside import Beside
from edgevision.errors import MediaError
from edgevision.url import redact

_FLUSH_SECONDS = 1.0


class Target:
    """`put` takes one record as a line of JSON and the camera it is from; `flush` and `close` finish what waits."""

    @property
    def messages(self) -> deque[tuple[str, str]]:
        """What happened on the way, ("warn" or "info", text), without credentials."""
        return deque()

    def put(self, line: str, camera: str = "") -> None:
        raise NotImplementedError

    def flush(self, seconds: float = 5.0) -> bool:
        return True

    def close(self) -> None:
        raise NotImplementedError


class StandardOutput(Target):
    """Lines on standard output."""

    def put(self, line: str, camera: str = "") -> None:
        # Written as bytes: ModelBox's interpreter would refuse letters beyond ASCII in a text.
        stream = getattr(sys.stdout, "buffer", None)
        if stream is None:
            sys.stdout.write(line + "\n")
        else:
            stream.write(line.encode("utf-8") + b"\n")

    def flush(self, seconds: float = 5.0) -> bool:
        sys.stdout.flush()
        return True

    def close(self) -> None:
        self.flush()


class LineFile(Target):
    """A file of lines; with `max_bytes` it is renamed to NAME.1 when it has grown so large, and begun anew."""

    def __init__(self, path: str, max_bytes: int = 0, append: bool = False) -> None:
        self.path = path
        self._max = max_bytes
        self._lock = threading.Lock()
        self._flushed = time.monotonic()
        try:
            os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
            self._file: Any = open(path, "ab" if append else "wb")  # noqa: SIM115 - stays open until close
        except OSError as error:
            raise MediaError("%s: cannot be written: %s" % (path, error.strerror or error)) from None

    def put(self, line: str, camera: str = "") -> None:
        with self._lock:
            if self._file is None:
                raise MediaError("%s: it was closed" % self.path)
            try:
                self._file.write(line.encode("utf-8") + b"\n")
                if time.monotonic() - self._flushed > _FLUSH_SECONDS:
                    self._flushed = time.monotonic()
                    self._file.flush()
                    self._rotate()
            except OSError as error:
                raise MediaError("%s: cannot be written: %s" % (self.path, error.strerror or error)) from None

    def _rotate(self) -> None:
        if self._max and self._file.tell() >= self._max:
            self._file.close()
            os.replace(self.path, self.path + ".1")
            self._file = open(self.path, "wb")  # noqa: SIM115 - as above

    def flush(self, seconds: float = 5.0) -> bool:
        with self._lock:
            if self._file is not None:
                self._file.flush()
        return True

    def close(self) -> None:
        with self._lock:
            file, self._file = self._file, None
        if file is not None:
            file.close()


class Sent(Target):
    """Common to targets on the network."""

    def __init__(self, url: str, send: Callable[[Any], None], room: int, tries: int,
                 finish: Callable[[], None] | None = None) -> None:
        self._beside = Beside(redact(url), send, room, tries, finish=finish)

    @property
    def messages(self) -> deque[tuple[str, str]]:
        return self._beside.messages

    def put(self, line: str, camera: str = "") -> None:
        self._beside.put((line, camera))

    def flush(self, seconds: float = 5.0) -> bool:
        return self._beside.flush(seconds)

    def close(self) -> None:
        self._beside.close()


class Webhook(Sent):
    """A POST of application/json for each record; anything but a 2xx answer is a failure and tried again."""

    def __init__(self, url: str, room: int = 256, tries: int = 5, timeout: float = 5.0) -> None:
        import requests
        self._url, self._timeout = url, timeout
        self._session = requests.Session()
        super().__init__(url, self._post, room, tries, self._session.close)

    def _post(self, item: tuple[str, str]) -> None:
        with self._session.post(self._url, data=item[0].encode("utf-8"), timeout=self._timeout, allow_redirects=False,
                                headers={"Content-Type": "application/json"}) as answer:
            if not 200 <= answer.status_code < 300:
                raise MediaError("it answered %d" % answer.status_code)


class Call(Target):
    """A function of this process, registered by name: "call:NAME". It gets the record, not its text."""

    def __init__(self, name: str) -> None:
        if name not in _functions:
            raise MediaError("target call:%s: no function is registered under this name" % name)
        self._function = _functions[name]

    def put(self, line: str, camera: str = "") -> None:
        self._function(json.loads(line))

    def close(self) -> None:
        pass


_functions: dict[str, Callable[[Any], None]] = {}


def register(name: str, function: Callable[[Any], None]) -> None:
    """Let a target "call:NAME" hand its records to a function of this process; it must be quick."""
    _functions[name] = function


def forget(name: str) -> None:
    _functions.pop(name, None)


def open_target(target: str, room: int = 256, tries: int = 5, timeout: float = 5.0, qos: int = 0, max_bytes: int = 0,
                append: bool = False) -> Target:
    """The target that a text means; see the package."""
    low = target.lower()
    if not target:
        raise MediaError("target: expected stdout, a file, http(s):// or mqtt(s)://HOST/TOPIC, got nothing")
    if low in ("stdout", "-"):
        return StandardOutput()
    if low.startswith("call:"):
        return Call(target[5:])
    if low.startswith(("http://", "https://")):
        return Webhook(target, room, tries, timeout)
    if low.startswith(("mqtt://", "mqtts://")):
        from edgevision.results.mqtt import Mqtt
        return Mqtt(target, room, tries, timeout, qos)
    if "://" in target and not low.startswith("file://"):
        raise MediaError("target %s: expected stdout, a file, http(s):// or mqtt(s)://HOST/TOPIC" % redact(target))
    return LineFile(target[7:] if low.startswith("file://") else target, max_bytes, append)
