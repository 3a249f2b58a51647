"""The SDK's log: module functions for units, and Log for programs that bring their own printer."""
from __future__ import annotations

import enum
import os
import sys
import threading
import time
import types
from typing import Any, Callable, ClassVar


class Level(enum.IntEnum):
    DEBUG = 0
    INFO = 1
    NOTICE = 2
    WARN = 3
    ERROR = 4
    FATAL = 5
    OFF = 6

    def __str__(self) -> str:
        return "Level." + self.name


class Logger:
    """Where log lines go, and from which level on."""

    def __init__(self, printer: Callable[[Level, str, int, str, str], Any] | None = None,
                 level: Level = Level.OFF) -> None:
        self._printer = printer
        self._level = level

    def set_log_level(self, level: Level) -> None:
        self._level = Level(level)

    def get_log_level(self) -> Level:
        return self._level

    def print(self, level: Level, file: str, line: int, func: str, text: str, frame: Any = None) -> None:
        """`frame` is the code that logs: a program's own printer finds it as its caller, as with the real SDK."""
        printer = self._printer
        if printer is None:
            return
        if frame is None or printer is to_stderr:
            printer(level, file, line, func, text)
        else:
            _call_from(frame)(printer, level, file, line, func, text)


_direct: Any = lambda printer, *args: printer(*args)


def _call_from(frame: Any) -> Any:
    """A function that calls on, and whose own frame has the file, line and name of another one."""
    code = _direct.__code__.replace(co_filename=frame.f_code.co_filename, co_name=frame.f_code.co_name,
                                    co_firstlineno=frame.f_lineno)
    return types.FunctionType(code, globals())


_lock = threading.Lock()


def to_stderr(level: Level, file: str, line: int, func: str, text: str) -> None:
    now = time.time()
    stamp = "%s.%03d" % (time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now)), int(now * 1000) % 1000)
    with _lock:
        sys.stderr.write("[%s][%5s][%s:%d] %s\n" % (stamp, level.name, file, line, text))


_logger = Logger(to_stderr, Level.WARN)


def set_logger(logger: Logger) -> Logger:
    """Replace the logger; returns the one that was there."""
    global _logger
    old, _logger = _logger, logger
    return old


def get_logger() -> Logger:
    return _logger


def level_named(name: str) -> Level:
    """DEBUG, INFO, NOTICE, WARN(ING), ERROR, FATAL, OFF in any case."""
    name = name.strip().upper()
    return Level["WARN" if name == "WARNING" else name]


def write(level: Level, text: str, depth: int = 1) -> None:
    """One line from the caller `depth` frames up."""
    logger = _logger
    if level < logger._level:
        return
    frame = sys._getframe(depth)
    code = frame.f_code
    logger.print(level, os.path.basename(code.co_filename), frame.f_lineno, code.co_name, text, frame)


def _function(level: Level) -> Callable[..., None]:
    def emit(*args: Any) -> None:
        if level >= _logger._level:
            write(level, ", ".join(str(a) for a in args), 2)

    emit.__name__ = level.name.lower()
    emit.__doc__ = "Log the arguments, joined by commas, as %s." % level.name
    return emit


debug, info, notice = _function(Level.DEBUG), _function(Level.INFO), _function(Level.NOTICE)
warn, error, fatal = _function(Level.WARN), _function(Level.ERROR), _function(Level.FATAL)


def set_log_level(level: Level) -> None:
    _logger.set_log_level(level)


class Log:
    """A program's own printer: reg(callable(level, file, lineno, func, msg)). Off until something is registered."""

    Level: ClassVar[type] = Level

    def __init__(self) -> None:
        self._own = Logger()

    def reg(self, printer: Callable[..., Any]) -> None:
        self._own._printer = printer
        set_logger(self._own)

    def get_logger(self) -> Logger:
        return _logger

    def set_logger(self, logger: Logger) -> None:
        set_logger(logger)

    def set_log_level(self, level: Any) -> None:
        self._own.set_log_level(level)

    def print_ext(self, level: Any, file: str, lineno: int, func: str, msg: str) -> None:
        if level >= _logger._level:
            _logger.print(level, file, lineno, func, msg, sys._getframe(1))

    def print(self, level: Any, msg: str) -> None:
        write(level, msg, 2)
