"""What can go wrong, as a tree.

PocketboxError
+-- FormatError      a DOT, TOML, JSON or descriptor text that cannot be read
+-- BuildError       a graph that cannot be built (unknown unit, wrong port, open failed ...)
+-- RunError         a graph that had to stop while running

Every error carries a place where there is one, and says what to do.
"""
from __future__ import annotations

from .place import Place


class PocketboxError(Exception):
    """Raised when pocketbox cannot do what it was asked; the base of all its errors.

    `status` is the name of the ModelBox status code that the same mistake has on the real engine, `stage` the step in
    which the real engine meets it: init, build or run.
    """

    status = "FAULT"
    stage = "run"

    def __init__(self, message: str, place: Place | None = None, cure: str = "", status: str | None = None,
                 stage: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.cure = cure
        if status is not None:
            self.status = status
        if stage is not None:
            self.stage = stage

    def __str__(self) -> str:
        text = f"{self.place}: {self.message}" if self.place else self.message
        return "{}. {}".format(text.rstrip("."), self.cure) if self.cure else text


class FormatError(PocketboxError):
    """Raised when a text that a person wrote cannot be read as what it should be."""

    status = "BADCONF"
    stage = "init"


class BuildError(PocketboxError):
    """Raised when a graph that was read cannot be built."""

    status = "BADCONF"
    stage = "build"


class RunError(PocketboxError):
    """Raised when a running graph had to stop, by a unit that broke the rules of its kind."""
