"""`sednabox spool` ls, show and stats: looking, also while another process owns the spool."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any, Iterator

from rich.console import Console
from rich.table import Table

from sedna_bridge.errors import SpoolDamaged
from sedna_bridge.spool import survey
from sedna_bridge.spool.entry import HELD, WAITING, Entry
from sedna_bridge.spool.files import SpoolFiles
from sedna_bridge.spool.survey import open_reader
from sednabox.spooling.terminal import BAD, OK, USAGE, clock_time, fail, size, span, spool_path


def ls(args: argparse.Namespace) -> int:
    reader = open_reader(spool_path(args))
    try:
        if args.gone:
            return _ls_gone(args, reader.gone(args.gone, args.limit))
        states = (HELD,) if args.held else (WAITING, HELD)
        entries = reader.entries(args.order, states, args.camera, args.limit)
        if args.json:
            for entry in entries:
                print(json.dumps(entry.as_json(), ensure_ascii=False))
            return OK
        row = "%-12s  %-7s  %-5s  %-16s  %8s  %-19s  %8s  %s"
        print(row % ("NAME", "STATE", "SCORE", "CAMERA", "FRAME", "TAKEN", "SIZE", "REASONS"))
        for entry in entries:
            print(row % _cells(entry))
    finally:
        reader.close()
    return OK


def _ls_gone(args: argparse.Namespace, gone: Iterator[dict[str, Any]]) -> int:
    if not args.json:
        print("%-12s  %-9s  %-16s  %8s  %-19s  %8s  %s" % ("NAME", "FATE", "CAMERA", "FRAME", "AT", "SIZE", "REASON"))
    for item in gone:
        if args.json:
            print(json.dumps(item, ensure_ascii=False))
        else:
            print(
                "%-12s  %-9s  %-16s  %8d  %-19s  %8s  %s"
                % (
                    item["id"][:12] or "-",
                    item["fate"],
                    item["camera"][:16],
                    item["index"],
                    clock_time(item["at"]),
                    size(item["bytes"]),
                    item["reason"],
                )
            )
    return OK


def show(args: argparse.Namespace) -> int:
    path = spool_path(args)
    prefix = args.id.lower()
    if not prefix or len(prefix) > 64 or set(prefix) - set("0123456789abcdef"):
        return fail("an entry's name has hexadecimal digits only, not %r" % args.id, USAGE)
    reader = open_reader(path)
    try:
        found = reader.find(prefix)
    finally:
        reader.close()
    if len(found) != 1:
        return fail("%s entries begin with %s; see `sednabox spool ls`" % (len(found) or "no", prefix), BAD)
    entry = found[0]
    try:
        example = SpoolFiles(path).read(entry.id, entry.segment)
    except SpoolDamaged as error:
        return fail("%s; `sednabox spool verify --repair` puts it aside" % error, BAD)
    if args.picture == "-":
        sys.stdout.buffer.write(example.picture)
        return OK
    if args.picture:
        Path(args.picture).write_bytes(example.picture)
    files = {suffix: str(SpoolFiles(path).path(entry.id, entry.segment, suffix)) for suffix in (".jpg", ".json")}
    if args.json:
        print(
            json.dumps({**entry.as_json(), "sidecar": example.facts, "files": list(files.values())}, ensure_ascii=False)
        )
        return OK
    for name, value in entry.as_json().items():
        print("%-12s %s" % (name, ", ".join(value) if isinstance(value, list) else "-" if value is None else value))
    print("%-12s %s" % ("taken", clock_time(entry.wall_time)))
    print("%-12s %s" % ("picture", files[".jpg"]))
    print("%-12s %s" % ("sidecar", json.dumps(example.facts, indent=2, ensure_ascii=False)))
    return OK


def stats(args: argparse.Namespace) -> int:
    report = survey(spool_path(args))
    if args.json:
        print(json.dumps(report, ensure_ascii=False))
        return OK if report["adds_up"] else BAD
    console = Console()
    console.print(
        "accepted %(accepted)d = delivered %(delivered)d + waiting %(waiting)d + held %(held)d + dropped %(dropped)d"
        % report,
        "" if report["adds_up"] else "[red](does not add up)[/red]",
        highlight=False,
        soft_wrap=True,
    )
    console.print(
        "backlog  %s in %d entries, oldest %s, empty in %s"
        % (
            size(report["bytes"]),
            report["waiting"] + report["held"],
            span(report["oldest_seconds"]),
            "unknown time: it does not shrink"
            if report["seconds_to_empty"] is None
            else span(report["seconds_to_empty"]),
        ),
        highlight=False,
        soft_wrap=True,
    )
    console.print(
        "refused  %(refused)d, offered twice %(duplicates)d, found after a crash %(adopted)d" % report,
        highlight=False,
        soft_wrap=True,
    )
    table = Table("per minute", "accepted", "delivered", "dropped", "sent", box=None)
    for name, rates in report["per_minute"].items():
        table.add_row(
            "last " + name,
            "%.1f" % rates["accepted"],
            "%.1f" % rates["delivered"],
            "%.1f" % rates["dropped"],
            size(rates["bytes"]),
        )
    console.print(table)
    for fate in ("dropped", "refused"):
        for reason, number in report[fate + "_by_reason"].items():
            console.print("%s %d: %s" % (fate, number, reason), highlight=False, soft_wrap=True, markup=False)
    courier = report["courier"]
    if courier:
        console.print(
            "courier  %s, circuit %s, next try in %s, window %s (%s ago)"
            % (
                courier["target"],
                courier["circuit"],
                span(courier["next_try"]),
                courier["window"],
                span(time.time() - courier["at"]),
            ),
            highlight=False,
            soft_wrap=True,
            markup=False,
        )
        if courier["trouble"]:
            console.print("trouble  " + courier["trouble"], highlight=False, soft_wrap=True, markup=False)
    return OK if report["adds_up"] else BAD


def _cells(entry: Entry) -> tuple[Any, ...]:
    return (
        entry.id[:12],
        entry.as_json()["state"],
        "%.2f" % entry.score,
        entry.camera[:16],
        entry.frame,
        clock_time(entry.wall_time or entry.accepted),
        size(entry.size),
        entry.reasons,
    )
