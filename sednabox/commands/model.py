"""`sednabox model`: the models of this box, and which of them judges frames. Works beside a running pipeline."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any, Callable

from sedna_bridge.errors import BridgeError
from sedna_bridge.models import SourceError, StoreBusy
from sednabox.models import change, look

NAME = "model"
HELP = "the models of this box: ls, show, install, verify, activate, rollback, pin, sign, trust, pack, log, gc"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """All subcommands. --json and --state may stand before or after the subcommand."""
    _common(parser, first=True)
    commands = parser.add_subparsers(dest="subcommand", metavar="COMMAND")

    def command(name: str, text: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        _common(made, first=False)
        made.set_defaults(model_run=run)
        return made

    command("ls", "list the versions; * marks the active one", look.ls)

    show = command("show", "everything about one version", look.show)
    show.add_argument("version", nargs="?", default="", help="a version (default: the active one)")

    install = command(
        "install", "take in a file, an archive, a folder, an address or an InferenceModel manifest", change.install
    )
    install.add_argument("model", help="what to install: a path, or http(s):// or s3://")
    install.add_argument("--name", default="", help="name for a model without manifest (default: from the file)")
    install.add_argument("--version", dest="version_text", default="", help="version for a model without manifest")
    install.add_argument("--sha256", default="", help="refuse any other bytes")
    install.add_argument("--like", default="", metavar="VERSION", help="a bare .onnx runs like this version")
    install.add_argument("--activate", action="store_true", help="bring it into use as well")
    _swap_options(install)

    verify = command("verify", "hash versions again, check signatures, load once in a child process", look.verify)
    verify.add_argument("version", nargs="*", help="versions (default: all)")
    verify.add_argument("--file", default="", help="a file, archive or folder that is not installed")
    verify.add_argument("--sha256", default="", help="with --file: the sha256 that it must have")
    verify.add_argument("--no-load", action="store_true", help="do not load the model")

    activate = command("activate", "bring a version into use", change.activate)
    activate.add_argument("version", help="a version, or a part of it that fits only one")
    _swap_options(activate)

    rollback = command("rollback", "go back to the version before", change.rollback)
    rollback.add_argument("version", nargs="?", default="", help="go to this version (default: the previous one)")
    _swap_options(rollback)

    pin = command("pin", "keep a version for ever, and stay on it while it is active", change.pin)
    pin.add_argument("version")
    pin.add_argument("--off", action="store_true", help="take the pin away")

    sign = command("sign", "sign a model folder, or make a key", change.sign_model)
    sign.add_argument("folder", nargs="?", default="")
    sign.add_argument("--key", default="", metavar="FILE", help="the private key")
    sign.add_argument("--expires", default="", metavar="WHEN", help="2027-01-31, or 90d")
    sign.add_argument("--new-key", default="", metavar="FILE", help="write a new key to FILE and FILE.pub")

    trust = command("trust", "whose signatures count; with a key, unsigned models are refused", change.trust)
    trust.add_argument("key", nargs="?", default="", help="a public key to trust (default: list them)")
    trust.add_argument("--remove", default="", metavar="ID", help="trust a key no more")

    pack = command("pack", "pack a model folder or a version into one file", change.pack_model)
    pack.add_argument("model", help="a folder, or an installed version")
    pack.add_argument("out", help="the file to write, for example helmet_4.tar.gz")

    log = command("log", "what happened", look.log)
    log.add_argument("version", nargs="?", default="", help="only this version")
    log.add_argument("--any", action="store_true", help="take the version as written, also when it is gone")
    log.add_argument("-n", "--lines", type=int, default=50, help="the latest N (default: 50)")

    gc = command("gc", "remove versions that nobody needs", change.gc)
    gc.add_argument("--keep", type=int, default=3, metavar="N", help="keep the newest N in any case (default: 3)")
    gc.add_argument("--dry-run", action="store_true")


def run(args: argparse.Namespace) -> int:
    """0 done, 1 the model is bad, 2 wrong usage, 3 busy or cannot be reached."""
    if not getattr(args, "model_run", None):
        print("sednabox model: a command is needed: %s" % HELP.partition(": ")[2], file=sys.stderr)
        return look.USAGE
    try:
        return int(args.model_run(args))
    except (StoreBusy, SourceError) as error:
        return _fail(error, look.BUSY)
    except (BridgeError, OSError) as error:
        return _fail(error, look.BAD)
    except KeyboardInterrupt:
        return 130


def _fail(error: Exception, code: int) -> int:
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return look.OK
    print("sednabox model: %s" % error, file=sys.stderr)
    return code


def _swap_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--wait", type=float, default=120.0, metavar="S", help="wait for a running pipeline (default: 120)"
    )
    parser.add_argument("--no-wait", action="store_true", help="only ask a running pipeline")
    parser.add_argument("--no-load", action="store_true", help="with no pipeline running: skip the test load")


def _common(parser: argparse.ArgumentParser, first: bool) -> None:
    default: Any = "" if first else argparse.SUPPRESS
    parser.add_argument("--state", default=default, metavar="DIR", help="state directory (default: $SEDNABOX_STATE)")
    parser.add_argument(
        "--json", action="store_true", default=False if first else argparse.SUPPRESS, help="for programs"
    )


if __name__ == "__main__":
    made = argparse.ArgumentParser(prog="sednabox model", description=HELP)
    add_arguments(made)
    sys.exit(run(made.parse_args()))
