"""`sednabox dataset`: count, check, convert, show, split and append samples."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import Any, Callable

from sedna_bridge.datasets import FORMATS, DatasetFormatError, LabelledSet, convert, guess, read
from sedna_bridge.datasets.append import append_samples
from sedna_bridge.datasets.check import check
from sedna_bridge.datasets.samples import Sample
from sedna_bridge.datasets.sheet import contact_sheet
from sedna_bridge.datasets.split import split
from sedna_bridge.datasets.statistics import statistics
from sedna_bridge.errors import BridgeError
from sedna_bridge.local_controller.view import columns

NAME = "dataset"
HELP = "samples with labels: stats, check, convert, show, split, append"

OK, BAD, USAGE = 0, 1, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", default=False)
    parser.add_argument("--state", default=None, metavar="DIR", help=argparse.SUPPRESS)
    parser.set_defaults(dataset_run=None, dataset_parser=parser)
    commands = parser.add_subparsers(dest="subcommand", metavar="COMMAND")
    formats = ", ".join(f"{entry.name} ({entry.what})" for entry in FORMATS.values())

    def command(name: str, text: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text, epilog=f"Formats: {formats}")
        made.add_argument("path", help="file or folder of the dataset")
        made.add_argument("--format", default="", choices=("", *FORMATS), help="default: by the name")
        made.add_argument("--root", default="", metavar="DIR", help="what relative paths are relative to")
        made.add_argument("--classes", default="", metavar="A,B,...", help="the classes by their numbers")
        made.add_argument("--json", action="store_true", default=argparse.SUPPRESS)
        made.add_argument("--state", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        made.set_defaults(dataset_run=run)
        return made

    stats = command("stats", "samples, boxes per class, sizes, duplicates", _stats)
    stats.add_argument("--no-pictures", action="store_true", help="do not open the pictures")
    checking = command("check", "everything that is wrong, with line numbers", _check)
    checking.add_argument("--no-pictures", action="store_true", help="do not open the pictures")
    converting = command("convert", "write the dataset in another format", _convert)
    converting.add_argument("target", help="file or folder to write")
    converting.add_argument("--to", default="", choices=("", *FORMATS), help="default: by the target's name")
    show = command("show", "a contact sheet as PNG", _show)
    show.add_argument("-o", "--output", default="contact-sheet.png", metavar="PNG")
    show.add_argument("--count", type=int, default=24, metavar="N")
    show.add_argument("--columns", type=int, default=6, metavar="N")
    dividing = command("split", "two files, train and eval, as Sedna divides", _split)
    dividing.add_argument("train")
    dividing.add_argument("eval")
    dividing.add_argument("--train-prob", type=float, default=0.8)
    appending = command("append", "append to a dataset that an LC watches", _append)
    appending.add_argument("target", help="the txt file of Sedna's lines")
    appending.add_argument("--outside", action="store_true", help="take pictures that lie outside the target's folder")
    appending.add_argument("--train-prob", type=float, default=0.0, help="refuse a batch that is too small for LC")


def run(args: argparse.Namespace) -> int:
    if args.dataset_run is None:
        args.dataset_parser.print_help(sys.stderr)
        return USAGE
    try:
        return int(args.dataset_run(args))
    except (BridgeError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD
    except BrokenPipeError:
        return OK


def _read(args: argparse.Namespace) -> LabelledSet:
    classes = [name.strip() for name in args.classes.split(",") if name.strip()]
    return read(args.path, args.format, args.root, classes)


def _good(args: argparse.Namespace) -> LabelledSet:
    """The dataset, if nothing in it is wrong: a half conversion would lose samples without a word."""
    data = _read(args)
    bad = [problem for problem in data.problems if problem.fatal]
    if bad:
        for problem in bad[:20]:
            print(problem, file=sys.stderr)
        raise DatasetFormatError(f"{args.path}: {len(bad)} things are wrong; nothing was written")
    return data


def _stats(args: argparse.Namespace) -> int:
    data = _read(args)
    counts = statistics(data, not args.no_pictures)
    bad = sum(1 for problem in data.problems if problem.fatal)
    if args.json:
        print(json.dumps({**counts.to_json(), "bad_lines": bad}, indent=1, ensure_ascii=False))
        return OK
    facts: list[tuple[str, Any]] = [
        ("samples", counts.samples),
        ("bad lines", bad),
        ("boxes", counts.boxes),
        ("without boxes", counts.empty),
        ("mean box", f"{counts.mean_box[0]:g} x {counts.mean_box[1]:g}"),
        ("box sizes", ", ".join(f"{count} {name}" for name, count in counts.box_sizes.items())),
        ("picture sizes", ", ".join(f"{count} of {size}" for size, count in counts.picture_sizes.items()) or "-"),
        ("missing pictures", len(counts.missing)),
        ("unreadable pictures", len(counts.unreadable)),
        ("boxes outside", len(counts.outside)),
        ("same path twice", len(counts.same_path)),
        ("same picture twice", len(counts.same_content)),
    ]
    print("\n".join(columns([(name, str(value)) for name, value in facts])))
    rows = [("CLASS", "BOXES", "PICTURES")]
    for name, count in counts.classes.items():
        rows.append((name, str(count), str(counts.pictures_with_class.get(name, 0))))
    print("\n" + "\n".join(columns(rows)))
    return OK


def _check(args: argparse.Namespace) -> int:
    problems = check(_read(args), not args.no_pictures)
    fatal = sum(1 for problem in problems if problem.fatal)
    if args.json:
        print(json.dumps([problem.__dict__ for problem in problems], indent=1, ensure_ascii=False))
    else:
        for problem in problems:
            print(problem)
        print(f"{args.path}: {fatal} errors, {len(problems) - fatal} warnings")
    return BAD if fatal else OK


def _convert(args: argparse.Namespace) -> int:
    data = _good(args)
    convert(data, args.target, args.to)
    _done(args, {"samples": len(data.samples), "target": args.target, "format": args.to or guess(args.target)})
    return OK


def _show(args: argparse.Namespace) -> int:
    count = contact_sheet(_read(args), args.output, args.count, args.columns)
    _done(args, {"pictures": count, "target": args.output})
    return OK


def _split(args: argparse.Namespace) -> int:
    data = _good(args)
    train, evaluation = split(data.samples, args.train_prob)
    for samples, target in ((train, args.train), (evaluation, args.eval)):
        convert(LabelledSet(samples, data.classes, [], data.root), target, args.format or guess(args.path))
    _done(args, {"train": len(train), "eval": len(evaluation)})
    return OK


def _append(args: argparse.Namespace) -> int:
    data = _good(args)
    folder = os.path.realpath(os.path.dirname(os.path.abspath(args.target)))
    outside = [sample.path for sample in data.samples if not os.path.realpath(sample.path).startswith(folder + os.sep)]
    if outside and not args.outside:
        raise DatasetFormatError(
            f"{args.target}: {len(outside)} of {len(data.samples)} pictures lie outside {folder}, as {outside[0]}; "
            f"a train pod sees that folder only: copy list and pictures below it (--outside takes them as they are)")
    samples = [
        Sample(os.path.relpath(sample.path, folder), sample.path, sample.boxes, sample.label) for sample in data.samples
    ]
    _done(args, {"appended": append_samples(args.target, samples, args.train_prob), "target": args.target})
    return OK


def _done(args: argparse.Namespace, facts: dict[str, Any]) -> None:
    print(json.dumps(facts) if args.json else ", ".join(f"{name} {value}" for name, value in facts.items()))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="sednabox dataset", description=HELP)
    add_arguments(parser)
    return run(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
