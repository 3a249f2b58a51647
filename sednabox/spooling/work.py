"""`sednabox spool` flush, export, import-labels, verify and torture: the long work."""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import Any

from sedna_bridge.errors import SpoolError
from sedna_bridge.spool import Courier, Limits, Spool
from sedna_bridge.spool.export import export as export_examples
from sedna_bridge.spool.labels import import_labels as import_into
from sedna_bridge.spool.spool import INDEX
from sedna_bridge.spool.survey import open_reader
from sedna_bridge.spool.torture import Torture
from sedna_bridge.spool.upload import read_bits
from sedna_bridge.spool.verify import repair
from sedna_bridge.spool.verify import verify as verify_spool
from sedna_bridge.storage import Bandwidth, TransferWindows, open_target, target_url
from sedna_bridge.storage.target import unpaced
from sednabox.spooling.terminal import AWAY, BAD, OK, USAGE, Bar, classes, fail, report_done, size, source, spool_path


def flush(args: argparse.Namespace) -> int:
    url = target_url({"target": args.target}, os.environ)
    options = {
        name: getattr(args, name)
        for name in ("token", "token_file", "client_certificate", "client_key", "verify", "method")
        if getattr(args, name)
    }
    limit = read_bits(args.bandwidth)
    windows = TransferWindows(args.windows)
    pace = Bandwidth(limit).take if limit else unpaced
    target = open_target(url, options, pace=pace)
    path = spool_path(args)
    if not (path / INDEX).exists():
        open_reader(path)
    with Spool(str(path), Limits(most_bytes=0, free_floor=0)) as spool:
        courier = Courier(spool, target, order=args.order, parallel=args.parallel, windows=windows)
        total = spool.backlog
        with Bar(args, "delivering", total) as told:
            left = courier.drain(args.timeout, lambda backlog: told(total - backlog))
        held = spool.figures().get("held", 0)
        report = {
            "delivered": courier.counts["delivered"],
            "left": left,
            "held": held,
            "trouble": courier.trouble,
            "target": target.where,
        }
    target.close()
    if args.json:
        print(json.dumps(report))
    else:
        print("delivered %(delivered)d to %(target)s, %(left)d wait, %(held)d held" % report)
        if left and courier.trouble:
            print("trouble: " + courier.trouble, file=sys.stderr)
    return AWAY if left else BAD if held else OK


def export(args: argparse.Namespace) -> int:
    with Bar(args, "exporting", None) as told:
        report = export_examples(source(args), Path(args.to), args.format, classes(args), args.image_url, told)
    return report_done(
        args, report, "exported %(examples)d pictures with %(boxes)d boxes to %(folder)s; %(damaged)d left out"
    )


def import_labels(args: argparse.Namespace) -> int:
    with Bar(args, "importing", None) as told:
        report = import_into(
            Path(args.labels),
            args.format,
            source(args),
            Path(args.to),
            classes(args),
            with_empty=args.with_empty,
            progress=told,
        )
    return report_done(
        args,
        report,
        "added %(added)d pictures with %(boxes)d boxes to %(dataset)s; %(known)d were there, "
        "%(empty)d without labels, %(without_example)d without their example",
    )


def verify(args: argparse.Namespace) -> int:
    path = spool_path(args)
    try:
        report = _read_all(args, path)
    except (sqlite3.DatabaseError, SpoolError):
        if not args.repair or not (path / INDEX).exists():
            raise
        report = {"damaged": [], "index": ["cannot be read"]}
    if args.repair and (report["damaged"] or report["index"]):
        with Spool(str(path), Limits(most_bytes=0, free_floor=0)) as spool:
            if report["index"]:
                spool.rebuild()
            repaired = repair(spool, report)
        report = {**_read_all(args, path), "damaged": report["damaged"], "repaired": repaired}
        report["sound"] = not report["index"] and report["adds_up"]
    if args.json:
        print(json.dumps(report))
    else:
        for item in report["damaged"]:
            print(item["trouble"])
        for line in report["index"]:
            print("index: " + line)
        print(
            "checked %d entries, %s: %d damaged, %d unknown files, figures %s"
            % (
                report["checked"],
                size(report["bytes"]),
                len(report["damaged"]),
                report["unknown_files"],
                "add up" if report["adds_up"] else "do not add up",
            )
        )
    return OK if report["sound"] else BAD


def _read_all(args: argparse.Namespace, path: Path) -> dict[str, Any]:
    with Bar(args, "reading", None) as told:
        return verify_spool(path, lambda done, total: told(done, total))


def torture(args: argparse.Namespace) -> int:
    if args.cycles < 1:
        return fail("--cycles must be at least 1, not %d" % args.cycles, USAGE)
    with tempfile.TemporaryDirectory(prefix="spool-torture-") as made:
        # The bar is drawn by this thread only: the torture forks.
        with Bar(args, "torturing", args.cycles, threads=False) as told:
            report = Torture(Path(args.dir or made), args.cycles, args.seed, told).run()
    if args.json:
        print(json.dumps(report))
        return OK if report["holds"] else BAD
    print(
        "accepted %(accepted)d = delivered %(delivered)d + still spooled %(still_spooled)d + dropped %(dropped)d"
        % report
    )
    print(
        "told accepted %(told_accepted)d, lost %(lost)d; stored %(stored)d, "
        "wrong %(stored_wrong)d, twice %(stored_twice)d; "
        "put more than once %(put_more_than_once)d" % report
    )
    for name in ("events", "kills_by_step", "dropped_by_reason", "refused"):
        print("%s: %s" % (name.replace("_", " "), ", ".join("%s %d" % item for item in report[name].items()) or "none"))
    print(
        "%d cycles in %.1f s: the invariant %s"
        % (report["cycles"], report["seconds"], "holds" if report["holds"] else "DOES NOT HOLD")
    )
    return OK if report["holds"] else BAD
