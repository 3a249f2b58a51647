"""Named places where a test can end, hang or break the process, to prove that any moment is survivable.

`SEDNABOX_FAILPOINTS="swap.switch=kill, store.add=error, swap.warm_up=hang:2"` sets them; `kill` is SIGKILL to this
very process, `error` an OSError as from a full disk, `hang:N` N seconds of sleep. `NAME@K=...` acts only the K-th
time that the place is reached. Unset, reaching a place costs one look at an empty dict.
"""

from __future__ import annotations

import errno
import os
import signal
import time

VARIABLE = "SEDNABOX_FAILPOINTS"


def _parse(text: str) -> dict[str, tuple[str, int]]:
    wanted = {}
    for item in text.split(","):
        name, _, action = item.strip().partition("=")
        if name and action:
            name, _, turn = name.partition("@")
            wanted[name] = (action, int(turn or 0))
    return wanted


_wanted = _parse(os.environ.get(VARIABLE, ""))
_seen: dict[str, int] = {}


def reach(name: str) -> None:
    """Called by the library where a crash would be most inconvenient."""
    if not _wanted or name not in _wanted:
        return
    action, turn = _wanted[name]
    _seen[name] = _seen.get(name, 0) + 1
    if turn and _seen[name] != turn:
        return
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)
    elif action == "error":
        raise OSError(errno.ENOSPC, "No space left on device (fail point %s)" % name)
    elif action.startswith("hang"):
        time.sleep(float(action.partition(":")[2] or 3600))
    else:
        raise ValueError("%s: %r is no action; write kill, error or hang:SECONDS" % (VARIABLE, action))
