"""`sednabox job`: Sedna's resources on one machine; kubectl's words for them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, Callable

from sedna_bridge.errors import BridgeError
from sedna_bridge.jobs import ResourceError
from sedna_bridge.local_controller.context import ANNOTATIONS
from sedna_bridge.local_controller.errors import ControllerBusy
from sednabox.jobs import change, look
from sednabox.jobs.site import AWAY, BAD, OK, USAGE

NAME = "job"
HELP = "run Sedna's jobs here: apply, check, get, describe, logs, events, history, delete, controller, stop"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """All subcommands; the common options may stand before or after the subcommand."""
    _common(parser, True)
    parser.set_defaults(job_run=None, job_parser=parser)
    commands = parser.add_subparsers(dest="subcommand", metavar="COMMAND")

    def command(name: str, text: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        _common(made, False)
        made.set_defaults(job_run=run)
        return made

    annotations = "; ".join(f"{name}: {text}" for name, text in ANNOTATIONS.items())
    apply = command("apply", "keep resources and run the jobs among them", change.apply)
    apply.epilog = f"Annotations of a job that only this machine reads: {annotations}"
    _files(apply)
    apply.add_argument("--run", action="append", default=[], metavar="IMAGE=COMMAND", help="what plays an image here")
    apply.add_argument("--no-start", action="store_true", help="do not start the local controller")
    apply.add_argument("--dry-run", action="store_true", help="only check, keep nothing")
    _controller_options(apply)

    _files(command("check", "check resources: errors and warnings with line numbers", change.check))

    get = command("get", "list resources: jobs, datasets, models, all", look.get)
    get.add_argument("kind", nargs="?", default="jobs")
    get.add_argument("name", nargs="?", default="")
    get.add_argument("-o", "--output", choices=("table", "json", "yaml"), default="table")

    describe = command("describe", "everything about a resource: state, workers, conditions, events", look.describe)
    describe.add_argument("name", help="NAME of a job, or KIND/NAME")

    logs = command("logs", "a worker's output (default: the newest train or eval worker's)", look.logs)
    logs.add_argument("name", help="NAME of a job")
    logs.add_argument("--worker", default="", metavar="W", help="train, eval, inference, or a worker's name")
    logs.add_argument("-f", "--follow", action="store_true", help="go on until the worker ends")
    logs.add_argument("--tail", type=int, default=-1, metavar="N", help="the last N lines only")

    events = command("events", "what happened, oldest first", look.events)
    events.add_argument("name", nargs="?", default="", help="NAME of a job, or KIND/NAME (default: everything)")

    history = command("history", "a job's rounds: samples, metrics, outcome", look.history)
    history.add_argument("name")

    delete = command("delete", "stop a job and forget it; files below outputDir stay", change.delete)
    delete.add_argument("name", nargs="?", default="", help="NAME of a job, or KIND/NAME")
    _files(delete, False)
    delete.add_argument("--timeout", type=float, default=60.0, metavar="S", help="wait so long for workers to end")

    _controller_options(
        command("controller", "the local controller in the foreground (for systemd)", change.controller)
    )
    command("stop", "stop the local controller; workers go on", change.stop)


def run(args: argparse.Namespace) -> int:
    if args.job_run is None:
        args.job_parser.print_help(sys.stderr)
        return USAGE
    try:
        return int(args.job_run(args))
    except ControllerBusy as error:
        return _complain(error, AWAY)
    except BridgeError as error:
        return _complain(error, BAD)
    except BrokenPipeError:
        return OK


def _complain(error: Exception, code: int) -> int:
    print(f"error: {error}" if not isinstance(error, ResourceError) else str(error), file=sys.stderr)
    return code


def _common(parser: argparse.ArgumentParser, first: bool) -> None:
    missing: Any = None if first else argparse.SUPPRESS
    parser.add_argument("--state", default=missing, metavar="DIR", help="state directory (default: $SEDNABOX_STATE)")
    parser.add_argument("--json", action="store_true", default=False if first else argparse.SUPPRESS)
    parser.add_argument("-n", "--namespace", default="" if first else argparse.SUPPRESS, help="default: default")


def _files(parser: argparse.ArgumentParser, required: bool = True) -> None:
    parser.add_argument("-f", "--file", action="append", required=required, default=None, help="yaml, folder, or -")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="what $NAME in the yaml means")


def _controller_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", default=None, metavar="DIR", help="the yaml's host paths are below DIR (default: /)")
    parser.add_argument("--port", type=int, default=None, help="the LC's port (default: 9100)")
    parser.add_argument("--bind", default=None, metavar="ADDRESS", help="default: 127.0.0.1")
    parser.add_argument("--runtime", default=None, choices=("auto", "process", "docker", "podman", "nerdctl"))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="sednabox job", description=HELP)
    add_arguments(parser)
    return run(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
