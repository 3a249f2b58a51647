"""`sednabox spool`: look into the spool of hard examples, empty it, get labels out and in, and torture it."""

from __future__ import annotations

import argparse
import os
import sqlite3
import sys
from typing import Any, Callable

from sedna_bridge.errors import BridgeError, SpoolBusy, SpoolError, StorageError, TargetAway
from sedna_bridge.spool.formats import FORMATS
from sedna_bridge.spool.formats.label_studio import LOCAL_FILES
from sednabox.spooling import look, work
from sednabox.spooling.terminal import AWAY, BAD, OK, USAGE, fail

NAME = "spool"
HELP = "hard examples that wait for the cloud: ls, show, stats, flush, export, import-labels, verify, torture"

GONE = ("delivered", "dropped", "refused")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """All subcommands. --json and --state may stand before or after the subcommand."""
    _common(parser, first=True)
    commands = parser.add_subparsers(dest="subcommand", metavar="COMMAND")

    def command(name: str, text: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        _common(made, first=False)
        made.set_defaults(spool_run=run)
        return made

    ls = command("ls", "list the entries; constant memory, however many there are", look.ls)
    ls.add_argument("--order", choices=("oldest", "newest", "hardest", "easiest"), default="oldest")
    ls.add_argument("--camera", default="", help="only this camera")
    ls.add_argument("--limit", type=int, default=-1, metavar="N", help="at most so many (default: all)")
    ls.add_argument("--held", action="store_true", help="only those that the target did not want")
    ls.add_argument("--gone", choices=GONE, action="append", help="what left, or was never accepted, and why")

    show = command("show", "everything about one entry", look.show)
    show.add_argument("id", help="its name, or the beginning of it")
    show.add_argument("--picture", metavar="FILE", help="also write the picture to FILE (- for standard output)")

    command("stats", "rates, backlog, oldest, estimated time to empty", look.stats)

    flush = command("flush", "deliver now what waits", work.flush)
    flush.add_argument(
        "--target", default="", metavar="URL", help="directory, http(s)://, s3:// (default: HE_SAVED_URL)"
    )
    flush.add_argument("--token", default="", help="bearer token (default: SEDNABOX_TOKEN)")
    flush.add_argument("--token-file", default="", metavar="FILE")
    flush.add_argument("--client-certificate", default="", metavar="FILE")
    flush.add_argument("--client-key", default="", metavar="FILE")
    flush.add_argument("--verify", default="", metavar="FILE", help="trusted authorities, or 'accept any certificate'")
    flush.add_argument("--method", default="", choices=("", "PUT", "POST"))
    flush.add_argument("--order", choices=("oldest", "newest", "hardest"), default="oldest")
    flush.add_argument("--parallel", type=int, default=4, metavar="N")
    flush.add_argument("--bandwidth", default="", metavar="RATE", help="for example 64kbit/s")
    flush.add_argument("--windows", default="", metavar="TIMES", help="for example 22:00-06:00")
    flush.add_argument("--timeout", type=float, default=3600.0, metavar="SECONDS")

    out = command("export", "pictures with the model's boxes, for a labelling tool", work.export)
    out.add_argument("--format", choices=tuple(FORMATS), required=True)
    out.add_argument("--to", required=True, metavar="DIR", help="a new folder")
    out.add_argument("--from", dest="source", default="", metavar="DIR", help="a store instead of the spool")
    out.add_argument("--classes", default="", help="names in order, separated by commas (default: from the examples)")
    out.add_argument("--image-url", default=LOCAL_FILES, help="what Label Studio puts before a file's name")

    back = command("import-labels", "append labels to a Sedna dataset", work.import_labels)
    back.add_argument("labels", metavar="LABELS", help="file or folder")
    back.add_argument("--format", choices=("auto", *FORMATS), default="auto")
    back.add_argument("--to", required=True, metavar="DATA.TXT", help="the dataset's text file; it is made if missing")
    back.add_argument("--from", dest="source", default="", metavar="DIR", help="a store instead of the spool")
    back.add_argument("--classes", default="")
    back.add_argument("--with-empty", action="store_true", help="also pictures on which nothing was labelled")

    check = command("verify", "read every byte and say what is not as it was written", work.verify)
    check.add_argument("--repair", action="store_true", help="put damaged entries aside and count them as dropped")

    torture = command("torture", "kill real processes at random moments and named steps, and count", work.torture)
    torture.add_argument("--cycles", type=int, default=100, metavar="N")
    torture.add_argument("--seed", type=int, default=1)
    torture.add_argument("--dir", default="", help="an empty directory on the disk to test (default: a temporary one)")


def run(args: argparse.Namespace) -> int:
    """0 done, 1 the spool is not sound, 2 wrong usage, 3 busy or cannot be reached."""
    if not getattr(args, "spool_run", None):
        print(
            "sednabox spool: a command is needed: ls, show, stats, flush, export, import-labels, verify, torture",
            file=sys.stderr,
        )
        return USAGE
    try:
        return int(args.spool_run(args))
    except (SpoolBusy, TargetAway) as error:
        return fail(error, AWAY)
    except (SpoolError, StorageError) as error:
        return fail(error, USAGE if "no spool" in str(error) else BAD)
    except BridgeError as error:
        return fail(error, BAD)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return OK
    except sqlite3.Error as error:
        return fail(
            "the index is damaged or cannot be read: %s; the spool makes it anew when it is opened" % error, BAD
        )
    except OSError as error:
        return fail(error, BAD)


def _common(parser: argparse.ArgumentParser, first: bool) -> None:
    default: Any = "" if first else argparse.SUPPRESS
    parser.add_argument("--state", default=default, metavar="DIR", help="state directory (default: $SEDNABOX_STATE)")
    parser.add_argument(
        "--spool", default=default, metavar="DIR", help="the spool itself (default: spool/ in the state directory)"
    )
    parser.add_argument(
        "--json", action="store_true", default=False if first else argparse.SUPPRESS, help="for programs"
    )


if __name__ == "__main__":
    made = argparse.ArgumentParser(prog="sednabox spool", description=HELP)
    add_arguments(made)
    sys.exit(run(made.parse_args()))
