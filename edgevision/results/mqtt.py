"""Results to an MQTT broker, through paho-mqtt. It is connected to beside the frames, and again when that breaks."""
from __future__ import annotations

import threading
from typing import Any
from urllib.parse import unquote, urlsplit

from edgevision.errors import MediaError
from edgevision.results.target import Sent
from edgevision.url import redact

try:
    import paho.mqtt.client as paho
except ImportError:  # an extra: most boxes have no broker
    paho = None  # type: ignore[assignment]


class Mqtt(Sent):
    """mqtt://[USER:PASSWORD@]HOST[:PORT]/TOPIC, or mqtts:// for TLS; {camera} in the topic is the camera's name."""

    def __init__(self, url: str, room: int = 256, tries: int = 5, timeout: float = 5.0, qos: int = 0) -> None:
        shown = redact(url)
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            raise MediaError("%s: the port is no number" % shown) from None
        self._topic = unquote(parts.path.lstrip("/"))
        if not parts.hostname or not self._topic or "#" in url or "+" in self._topic:
            raise MediaError("%s: expected mqtt://HOST/TOPIC, the topic without # and +" % shown)
        if qos not in (0, 1, 2):
            raise MediaError("%s: qos: expected 0, 1 or 2, got %r" % (shown, qos))
        if paho is None:
            raise MediaError("%s: sending to MQTT needs paho-mqtt; install it with pip install "
                             "'sednabox[mqtt]'" % shown)
        self._tls = parts.scheme.lower() == "mqtts"
        self._host, self._port = parts.hostname, port or (8883 if self._tls else 1883)
        self._user = unquote(parts.username) if parts.username else ""
        self._password = unquote(parts.password) if parts.password else None
        self._timeout, self._qos = timeout, qos
        self._client: Any = None
        super().__init__(url, self._publish, room, tries, self._hang_up)

    def _connect(self) -> Any:
        version = getattr(paho, "CallbackAPIVersion", None)  # paho 2 wants it, paho 1 does not know it
        client = paho.Client(version.VERSION2) if version is not None else paho.Client()
        if self._user:
            client.username_pw_set(self._user, self._password)
        if self._tls:
            client.tls_set()
        client.connect_timeout = self._timeout
        answered = threading.Event()
        refused: list[str] = []

        def on_connect(_client: Any, _data: Any, _flags: Any, code: Any, *_more: Any) -> None:
            if code != 0:
                refused.append(str(code))
            answered.set()

        client.on_connect = on_connect
        client.connect(self._host, self._port)
        client.loop_start()
        if not answered.wait(self._timeout) or refused:
            client.loop_stop()
            raise MediaError("the broker refused: %s" % refused[0] if refused else "the broker did not answer within "
                             "%g s" % self._timeout)
        return client

    def _publish(self, item: tuple[str, str]) -> None:
        line, camera = item
        if self._client is None or not self._client.is_connected():
            self._hang_up()
            self._client = self._connect()
        topic = self._topic.replace("{camera}", camera.replace("/", "_").replace("#", "_").replace("+", "_"))
        info = self._client.publish(topic, line.encode("utf-8"), self._qos)
        info.wait_for_publish(self._timeout)
        if not info.is_published():
            raise MediaError("the broker did not take a message within %g s" % self._timeout)

    def _hang_up(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.disconnect()
            client.loop_stop()
