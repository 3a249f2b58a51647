"""sednabox demo: the closed loop on this machine, from a day model to one that sees by night."""
from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

NAME = "demo"
HELP = "run the closed loop: detect, pick what is hard, label, train, evaluate, swap; then show what it brought"
EPILOG = """The camera is the scene generator: it drifts from day to night, and it knows the right labels, so no
person has to label. All else is what a real site runs: the graph helmet_loop on the engine, the job of
jobs/helmet-loop.yaml on the local controller, Sedna's workers. The last round gets wrong labels on purpose;
evaluation must reject it.

exit code: 0 it went as it should, 1 it did not, 2 wrong use"""
OK, BAD, USAGE = 0, 1, 2
GAIN_BY_NIGHT, LOSS_BY_DAY = 0.20, 0.03
PULSE_SECONDS = 15.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="rounds of training (default 3)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="the site, its day and its people (default 1)")
    parser.add_argument("--out", default="out/demo", metavar="DIR", help="what the run writes (default out/demo)")
    parser.add_argument("--steps", type=int, default=80, metavar="N", help="training steps in a round (default 80)")
    parser.add_argument("--samples", type=int, default=120, metavar="N", help="that start a round (default 120)")
    parser.add_argument("--exam", type=int, default=60, metavar="N", help="held-out pictures of day and of night")
    parser.add_argument("--dark", type=float, default=50.0, metavar="SECONDS", help="until it is night (default 50)")
    parser.add_argument("--no-poison", action="store_true", help="right labels in the last round too")
    parser.add_argument("--json", action="store_true", help="the story as JSON on standard output")


def run(args: argparse.Namespace) -> int:
    if args.rounds < 1 or args.steps < 1 or args.samples < 5 or args.exam < 1 or args.dark < 1:
        sys.stderr.write("sednabox demo: --rounds, --steps, --exam and --dark must be at least 1, --samples at least "
                         "5\n")
        return USAGE
    try:
        import torch  # noqa: F401
    except ImportError:
        sys.stderr.write("sednabox demo: training needs torch: pip install 'sednabox[train]' (or `make demo`)\n")
        return BAD
    from sedna_bridge.errors import BridgeError

    from ..loop import report
    from ..loop.plan import Plan
    from ..loop.story import Loop
    plan = Plan(Path(args.out).resolve(), args.seed, args.rounds, not args.no_poison, samples=args.samples,
                steps=args.steps, exam=args.exam, dark=args.dark)
    signal.signal(signal.SIGTERM, _end)
    with telling(args.json) as voice:
        loop = Loop(plan, voice.tell, voice.pulse)
        try:
            story = loop.run()
        except BridgeError as error:
            voice.tell("error: %s" % error)
            return BAD
        except KeyboardInterrupt:
            voice.tell("stopped; what was written stays in %s" % plan.folder)
            return 130
        path = report.write(story, plan.folder / "report.html")
        (plan.folder / "story.json").write_text(json.dumps(story.to_json(), indent=1), encoding="utf-8")
    wrong = verdict(story)
    if args.json:
        print(json.dumps(story.to_json(), indent=1))
    else:
        _table(report.rows(story))
        print("%d frames, %d missing; %d swaps; %.0f s" % (len(story.frames), story.missing, len(story.swaps),
                                                          story.seconds))
        for domain in ("night", "day"):
            print("mAP50 by %-5s %.3f -> %.3f" % (domain, story.chapters[0].marks[domain].mAP50,
                                                 story.standing.marks[domain].mAP50))
        print("the whole story: %s" % path)
    for text in wrong:
        sys.stderr.write("not as it should be: %s\n" % text)
    return BAD if wrong else OK


def verdict(story: Any) -> list[str]:
    """What a run has to show and did not. A run of few steps or rounds cannot show all of it and is not asked to."""
    wrong = []
    if story.missing:
        wrong.append("%d frames were lost, doubled or out of order" % story.missing)
    for chapter in story.chapters:
        if chapter.poisoned and chapter.outcome == "deployed":
            wrong.append("round %d was trained on wrong labels and deployed all the same" % chapter.number)
        if chapter.outcome == "failed":
            wrong.append("round %d failed: %s" % (chapter.number, chapter.facts.get("message", "")))
    full = story.plan.steps >= 80 and story.plan.rounds >= 3
    if full and story.gain("night") < GAIN_BY_NIGHT:
        wrong.append("mAP50 by night rose by %.3f, expected at least %.2f" % (story.gain("night"), GAIN_BY_NIGHT))
    if full and story.gain("day") < -LOSS_BY_DAY:
        wrong.append("mAP50 by day fell by %.3f, expected at most %.2f" % (-story.gain("day"), LOSS_BY_DAY))
    return wrong


class telling:
    """A line with the time for what happened; on a terminal what goes on now stands below, elsewhere now and then."""

    def __init__(self, quiet: bool) -> None:
        self._out = sys.stderr if quiet else sys.stdout
        self._live = self._out.isatty()
        self._began = time.monotonic()
        self._told = 0.0

    def __enter__(self) -> telling:
        return self

    def __exit__(self, *error: object) -> None:
        self._clear()

    def tell(self, text: str) -> None:
        self._clear()
        self._out.write("[%s] %s\n" % (self._time(), text))
        self._out.flush()

    def pulse(self, text: str) -> None:
        now = time.monotonic()
        if self._live:
            self._out.write("\r\x1b[2K[%s] %s" % (self._time(), text.replace("\n", " ")[:110]))
            self._out.flush()
        elif now - self._told >= PULSE_SECONDS:
            self._told = now
            self.tell("... " + text)

    def _clear(self) -> None:
        if self._live:
            self._out.write("\r\x1b[2K")

    def _time(self) -> str:
        return "%d:%02d" % divmod(int(time.monotonic() - self._began), 60)


def _table(rows: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    head, *body = rows
    table = Table(*head)
    for row in body:
        table.add_row(*row)
    Console().print(table)


def _end(number: int, frame: Any) -> None:
    raise KeyboardInterrupt
