"""What the spool's commands share: where the spool is, how figures are shown, progress for people."""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sedna_bridge.spool.upload import state_directory

OK, BAD, USAGE, AWAY = 0, 1, 2, 3


def spool_path(args: argparse.Namespace) -> Path:
    return Path(args.spool) if args.spool else state_directory(args.state, os.environ) / "spool"


def source(args: argparse.Namespace) -> Path:
    return Path(args.source) if args.source else spool_path(args)


def classes(args: argparse.Namespace) -> list[str]:
    return [name.strip() for name in args.classes.split(",") if name.strip()]


class Bar:
    """A progress bar on standard error where people look, nothing for programs."""

    def __init__(self, args: argparse.Namespace, text: str, total: int | None, threads: bool = True) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            auto_refresh=threads,
            transient=True,
            disable=args.json or not console.is_terminal,
        )
        self._task = self._progress.add_task(text, total=total)
        self._threads = threads

    def __enter__(self) -> Callable[..., None]:
        self._progress.start()
        return self._tell

    def __exit__(self, *_: Any) -> None:
        self._progress.stop()

    def _tell(self, done: int, total: int | None = None) -> None:
        self._progress.update(self._task, completed=done)
        if total:
            self._progress.update(self._task, total=total)
        if not self._threads:
            self._progress.refresh()


def report_done(args: argparse.Namespace, report: dict[str, Any], words: str) -> int:
    print(json.dumps(report) if args.json else words % report)
    return OK


def fail(error: Any, status: int) -> int:
    print("sednabox spool: %s" % error, file=sys.stderr)
    return status


def clock_time(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return "?"


def size(number: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return ("%.0f %s" if unit == "B" else "%.1f %s") % (number, unit)
        number /= 1000
    return "%.1f TB" % number


def span(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return "%.1f %s" % (seconds / length, unit)
    return "%.0f s" % seconds
