"""A call that may hang, with a deadline: native code cannot be stopped, but nobody needs to wait for it."""

from __future__ import annotations

import threading
from typing import Any, Callable, TypeVar

from .errors import RejectedModel

T = TypeVar("T")


def run_within(
    seconds: float, what: str, call: Callable[..., T], *args: Any, late: Callable[[T], None] | None = None
) -> T:
    """The result of the call, or RejectedModel after `seconds`. `late` gets a result that comes after all."""
    done = threading.Event()
    guard = threading.Lock()
    box: dict[str, Any] = {"given_up": False}

    def work() -> None:
        try:
            result = call(*args)
        except BaseException as error:
            box["error"] = error
            done.set()
            return
        with guard:
            box["result"] = result
            given_up = box["given_up"]
            done.set()
        if given_up and late:
            late(result)

    threading.Thread(target=work, name="model-" + what.replace(" ", "-"), daemon=True).start()
    if not done.wait(seconds):
        with guard:
            if not done.is_set():
                box["given_up"] = True
                raise RejectedModel("%s took longer than %.1f s and was given up." % (what, seconds))
    if "error" in box:
        raise box["error"]
    return box["result"]
