"""The command `sednabox`: finds its subcommands in `sednabox.commands` and runs one.

The list of subcommands is read from the texts of their modules, and only the one that runs is imported: so the command
starts fast, and one that is broken does not break the others.

Exit codes: 0 success, 1 failure, 2 wrong use, 130 interrupted; a command may have further ones of its own.
"""
from __future__ import annotations

import argparse
import ast
import importlib
import os
import sys
import traceback
from typing import NamedTuple, Sequence

FAILURE, USAGE, INTERRUPTED = 1, 2, 130
OUR_PACKAGES = ("pocketbox", "edgevision", "sedna_bridge", "sednabox")


class Command(NamedTuple):
    """A subcommand as its module's text describes it."""

    name: str
    help: str
    module: str


def commands(folder: str = "") -> dict[str, Command]:
    """All subcommands by name, without importing them."""
    folder = folder or os.path.join(os.path.dirname(os.path.abspath(__file__)), "commands")
    found: dict[str, Command] = {}
    for file in sorted(os.listdir(folder)):
        module, extension = os.path.splitext(file)
        if extension == ".py" and not module.startswith("_"):
            words = _constants(os.path.join(folder, file))
            name = words.get("NAME", module.replace("_", "-"))
            found[name] = Command(name, words.get("HELP", ""), "sednabox.commands." + module)
    return found


def _constants(path: str) -> dict[str, str]:
    """NAME and HELP of a module, as far as its text can be read."""
    try:
        with open(path, encoding="utf-8") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return {}
    found: dict[str, str] = {}
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(node, ast.Assign) and isinstance(target, ast.Name) and target.id in ("NAME", "HELP"):
            try:
                found[target.id] = str(ast.literal_eval(node.value))
            except ValueError:
                continue
    return found


def main(argv: Sequence[str] | None = None) -> int:
    args = list(sys.argv[1:] if argv is None else argv)
    known = commands()
    debug = False
    while args and args[0].startswith("-"):
        option = args.pop(0)
        if option == "--debug":
            debug = True
        elif option == "--version":
            print("sednabox %s" % version())
            return 0
        elif option in ("-h", "--help"):
            print(usage(known))
            return 0
        else:
            return _wrong_use("there is no option %s" % option)
    if not args:
        print(usage(known))
        return USAGE
    if args[0] == "help":
        if len(args) == 1:
            print(usage(known))
            return 0
        args = [args[1], "--help"]
    command = known.get(args[0])
    if command is None:
        return _wrong_use("there is no command '%s'%s" % (args[0], _nearest(args[0], known)))
    return _run(command, args[1:], debug)


def _run(command: Command, args: Sequence[str], debug: bool) -> int:
    debug = debug or "--debug" in args
    try:
        module = importlib.import_module(command.module)
        parser = argparse.ArgumentParser(prog="sednabox " + command.name, description=command.help)
        module.add_arguments(parser)
        if "--debug" not in parser._option_string_actions:
            parser.add_argument("--debug", action="store_true", help="show where an error comes from")
        options = parser.parse_args(list(args))
        options.debug = debug
        code = int(module.run(options) or 0)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILURE
    except Exception as error:
        if debug:
            traceback.print_exc()
        sys.stderr.write("sednabox %s: %s\n" % (command.name, _message(error, debug)))
        return FAILURE


def _message(error: Exception, debug: bool) -> str:
    """One line for an error that we expect; for any other also its kind, and how to see more."""
    expected = isinstance(error, OSError) or type(error).__module__.split(".")[0] in OUR_PACKAGES
    text = str(error).strip() or type(error).__name__
    if expected:
        return text
    more = "" if debug else " (run again with --debug to see where this comes from)"
    return "%s: %s%s" % (type(error).__name__, text, more)


def _wrong_use(message: str) -> int:
    sys.stderr.write("sednabox: %s; sednabox --help lists what there is\n" % message)
    return USAGE


def _nearest(name: str, known: dict[str, Command]) -> str:
    import difflib
    close = difflib.get_close_matches(name, list(known), 1)
    return ", did you mean '%s'?" % close[0] if close else ""


def usage(known: dict[str, Command]) -> str:
    """The text of sednabox --help."""
    width = max([len(name) for name in known] or [0])
    lines = ["usage: sednabox [--debug] [--version] COMMAND ...", "",
             "Sedna's edge-cloud learning as ModelBox graphs.", "", "commands:"]
    lines += ["  %-*s  %s" % (width, command.name, command.help) for command in known.values()]
    return "\n".join([*lines, "", "sednabox COMMAND --help explains one. --debug shows where an error comes from."])


def version() -> str:
    """The version of the installed distribution, "unknown" in a bare checkout."""
    from importlib import metadata
    try:
        return metadata.version("sednabox")
    except metadata.PackageNotFoundError:
        return "unknown"


def command() -> None:
    """The console command."""
    code = main()
    runner = sys.modules.get("pocketbox.runner")
    if runner is not None:
        runner.leave(code)      # a flowunit may have left a thread behind
    sys.exit(code)


if __name__ == "__main__":
    command()
