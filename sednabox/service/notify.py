"""systemd's notification protocol: a datagram of KEY=VALUE lines to the socket that $NOTIFY_SOCKET names."""
from __future__ import annotations

import os
import socket
from typing import Mapping


class Notifier:
    """Tells systemd how it is going; does nothing where no systemd listens."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        self.period = _period(environment)

    def tell(self, **words: object) -> bool:
        """Send e.g. READY=1; whether somebody took it."""
        if not self._address:
            return False
        text = "\n".join("%s=%s" % (key, str(value).replace("\n", " ")) for key, value in words.items())
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stream:
                stream.settimeout(1.0)
                stream.connect(address)
                stream.send(text.encode("utf-8"))
        except OSError:
            return False
        return True


def _period(environment: Mapping[str, str]) -> float:
    """Seconds within which systemd wants to hear of us, 0 for never; meant for this process only."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    text = environment.get("WATCHDOG_USEC", "")
    return int(text) / 1e6 if text.isdigit() else 0.0
