"""Named places at which a fault can be made to happen, for `spool torture` and the tests.

`SEDNABOX_FAIL="spool.renamed=kill@3, index.commit=enospc"` kills the process when it reaches `spool.renamed` for the
third time and lets every commit of the index meet a full disk. Unset, a place costs one call of an empty function.
"""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from typing import Callable, Mapping

from sedna_bridge.errors import BridgeError

VARIABLE = "SEDNABOX_FAIL"
FAULTS = {"enospc": errno.ENOSPC, "erofs": errno.EROFS, "eio": errno.EIO}


def _nothing(place: str) -> None:
    """The normal case."""


reach: Callable[[str], None] = _nothing


class _Plan:
    def __init__(self, faults: Mapping[str, tuple[str, int]]) -> None:
        self._faults = dict(faults)
        self._reached: dict[str, int] = {}
        self._lock = threading.Lock()

    def reach(self, place: str) -> None:
        if place not in self._faults:
            return
        fault, at = self._faults[place]
        with self._lock:
            self._reached[place] = self._reached.get(place, 0) + 1
            if at and self._reached[place] != at:
                return
        if fault == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(60)
        if fault.startswith("hang"):
            time.sleep(float(fault[4:] or 3600))
            return
        number = FAULTS[fault]
        raise OSError(number, os.strerror(number), place)


def configure(text: str) -> None:
    """Sets the faults of this process; an empty text takes them all away. Call as `failpoints.reach(place)`."""
    global reach
    faults = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        place, _, fault = part.partition("=")
        fault, _, at = fault.partition("@")
        if not (fault in FAULTS or fault == "kill" or fault.startswith("hang")) or not (at or "0").isdigit():
            raise BridgeError(
                "%s must read like 'place=kill@3, other=enospc', with kill, hang or one of %s; it has %r"
                % (VARIABLE, ", ".join(FAULTS), part)
            )
        faults[place] = (fault, int(at or 0))
    reach = _Plan(faults).reach if faults else _nothing


configure(os.environ.get(VARIABLE, ""))
