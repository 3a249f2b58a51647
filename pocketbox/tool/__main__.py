"""The command `modelbox-tool`.

Where the real tool is installed too, the command `modelbox-tool` hands over to it; `python -m pocketbox.tool` and
POCKETBOX_ONLY=1 always stay with the embedded engine.
"""
from __future__ import annotations

import os
import sys
import traceback
from typing import Callable, Sequence

from ..errors import PocketboxError
from . import driver, flow, template
from .options import UsageError, read

GLOBAL_OPTIONS = {"verbose": False, "log-level": True, "log-path": True, "get-modelbox-root": False, "h": False,
                  "v": False, "debug": False}
LEVELS = ("DEBUG", "INFO", "NOTICE", "WARN", "ERROR", "FATAL")
REAL_ONLY = ("key", "server", "develop")
HELP = """Usage: modelbox-tool [OPTION]...
modelbox tool main options:
  -verbose      output log to screen.
  -log-level    log level: DEBUG, INFO, NOTICE, WARN, ERROR, FATAL.
  -log-path     log file
  -debug        show where an error comes from (embedded engine only)
  -h            show this help message.
  -v            show modelbox tool version.

show command help:
  modelbox-tool help [cmd]    show help message for specific command

modelbox-tool commands list:
Usage: modelbox-tool [cmd] [OPTION]...
"""
COMMANDS: dict[str, tuple[Callable[[Sequence[str], bool], int], str, str]] = {
    "driver": (driver.run, driver.DESCRIPTION, driver.HELP),
    "flow": (flow.run, flow.DESCRIPTION, flow.HELP),
    "template": (template.run, template.DESCRIPTION, template.HELP),
}


def main(argv: Sequence[str] | None = None) -> int:
    """The console command: the real tool where there is one, else the embedded one."""
    args = list(sys.argv[1:] if argv is None else argv)
    real = real_tool()
    if real:
        os.environ["POCKETBOX_HANDED_OVER"] = "1"
        os.execv(real, [real, *args])
    code = embedded(args)
    return _leave(code) if argv is None else code


def _leave(code: int) -> int:
    runner = sys.modules.get("pocketbox.runner")
    if runner is not None:
        runner.leave(code)      # a flowunit may have left a thread behind
    sys.exit(code)


def real_tool() -> str:
    """The path of a modelbox-tool that is not ours, "" when there is none or it must not be used."""
    if os.environ.get("POCKETBOX_ONLY") or os.environ.get("POCKETBOX_HANDED_OVER"):
        return ""
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        path = os.path.join(folder or ".", "modelbox-tool")
        if os.path.isfile(path) and os.access(path, os.X_OK) and not _is_ours(path):
            return path
    return ""


def _is_ours(path: str) -> bool:
    """Whether this is a command that starts pocketbox: this very file, or a Python script that names it."""
    try:
        if sys.argv and os.path.exists(sys.argv[0]) and os.path.samefile(path, sys.argv[0]):
            return True
        with open(path, "rb") as file:
            head = file.read(4096)
    except OSError:
        return True
    return head.startswith(b"#!") and b"pocketbox" in head


def embedded(args: Sequence[str]) -> int:
    """Run a command line on the embedded engine; 0 success, 1 failure."""
    verbose, level, path, debug, command, rest = False, "", "", False, "", []
    try:
        for name, value, behind in read(args, GLOBAL_OPTIONS):
            if name == "":
                command, rest = value, behind
                break
            if name == "verbose":
                verbose = True
            elif name == "log-level":
                level = value.upper()
                if level not in LEVELS:
                    raise UsageError("log level '%s' is not known; there is: %s" % (value, ", ".join(LEVELS)))
            elif name == "log-path":
                path = value
            elif name == "debug":
                debug = True
            elif name == "get-modelbox-root":
                print("")
                return 0
            elif name == "v":
                print("modelbox-tool (embedded engine, sednabox %s)" % version())
                return 0
            else:
                print(_help(), end="")
                return 0
        if not command:
            print(_help(), end="")
            return 1
        _log(verbose, level, path)
        code = _run(command, rest, debug)
        sys.stdout.flush()
        return code
    except UsageError as error:
        sys.stderr.write("modelbox-tool: %s\n" % error)
        return 1
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except Exception as error:
        known = isinstance(error, (PocketboxError, OSError))
        sys.stderr.write("modelbox-tool: %s\n" % error if known else "modelbox-tool: %s: %s\n" % (
            type(error).__name__, error))
        if debug:
            traceback.print_exc()
        elif not known:
            sys.stderr.write("Run it again with -debug to see where this comes from.\n")
        return 1


def _run(command: str, rest: Sequence[str], debug: bool) -> int:
    if command == "help":
        if not rest:
            sys.stderr.write("please input command for help, try modelbox-tool help [cmd]\n")
            return 1
        if rest[0] not in COMMANDS:
            sys.stderr.write("Command %s not found.\n" % rest[0])
            return 1
        print("modelbox-tool %s [OPTION]..." % rest[0])
        print(COMMANDS[rest[0]][2], end="")
        return 0
    if command in REAL_ONLY:
        sys.stderr.write("command %s needs the real ModelBox; the embedded engine leaves it out\n" % command)
        return 1
    if command not in COMMANDS:
        print("command %s not exist, try -h for more information." % command)
        return 1
    return COMMANDS[command][0](rest, debug)


def _help() -> str:
    lines = ["  %-10.10s \t\t%s" % (name, entry[1]) for name, entry in COMMANDS.items()]
    return HELP + "\n".join([*lines, "  %-10.10s \t\t%s" % ("help", "Display command help")]) + "\n"


def version() -> str:
    """The version of the installed distribution, "unknown" in a bare checkout."""
    try:
        from importlib.metadata import PackageNotFoundError
        from importlib.metadata import version as installed
    except ImportError:
        return "unknown"
    try:
        return installed("sednabox")
    except PackageNotFoundError:
        return "unknown"


def _log(verbose: bool, level: str, path: str) -> None:
    """-verbose shows the log on the screen, -log-path writes it to a file; warnings and errors are always shown."""
    from ..sdk import log
    wanted = log.level_named(level or "WARN")
    if path:
        file = open(path, "a", encoding="utf-8")     # noqa: SIM115  open until the process ends, like the log

        def to_file(at: log.Level, name: str, line: int, function: str, text: str) -> None:
            file.write("[%5s][%s:%d] %s\n" % (at.name, name, line, text))
            file.flush()
            if verbose or at >= log.Level.WARN:
                log.to_stderr(at, name, line, function, text)
        log.set_logger(log.Logger(to_file, wanted))
    else:
        log.set_logger(log.Logger(log.to_stderr, wanted if verbose else max(wanted, log.Level.WARN)))


if __name__ == "__main__":
    _leave(embedded(sys.argv[1:]))
