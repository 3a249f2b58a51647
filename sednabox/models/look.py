"""The commands of `sednabox model` that change nothing: ls, show, log, verify."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from sedna_bridge.models import ModelError, ModelStore, ProbeLimits, StoreError, probe, take_in
from sedna_bridge.models.errors import BadSignature
from sedna_bridge.models.intake import Parcel
from sedna_bridge.models.journal import Journal
from sedna_bridge.models.locks import is_held
from sedna_bridge.models.orders import Orders
from sedna_bridge.models.trust import Trust
from sedna_bridge.spool.upload import state_directory

OK, BAD, USAGE, BUSY = 0, 1, 2, 3


def store_of(args: argparse.Namespace) -> ModelStore:
    """The store of the state directory."""
    return ModelStore(state_directory(args.state, os.environ) / "models")


def say(args: argparse.Namespace, value: Any, words: str) -> int:
    """One answer: JSON for programs, words for people."""
    print(json.dumps(value, ensure_ascii=False, indent=1) if args.json else words)
    return OK


def when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ") if seconds else "-"


def size(number: float) -> str:
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return ("%.0f %s" if unit == "B" else "%.1f %s") % (number, unit)
        number /= 1000
    return "%.1f GB" % number


def marks(store: ModelStore, identifier: str) -> list[str]:
    """What is special about a version now."""
    pointer, swap, order = store.pointer(), Journal(store.root).read(), Orders(store).waiting()
    found = []
    if identifier == pointer.active:
        found.append("active")
    if swap and swap.version == identifier:
        found.append("on trial" if swap.state == "active" else "in swap: " + (swap.step or swap.state))
    if order and order.version == identifier:
        found.append("ordered")
    if identifier == pointer.previous:
        found.append("previous")
    if identifier in store.pins():
        found.append("pinned")
    if store.rejection(identifier):
        found.append("rejected")
    return found


def described(store: ModelStore, identifier: str) -> dict[str, Any]:
    record = store.get(identifier)
    rejection = store.rejection(identifier)
    value = dict(record.to_json(), size=record.size, state=marks(store, identifier))
    if rejection:
        value["rejected"] = asdict(rejection)
    return value


def ls(args: argparse.Namespace) -> int:
    """List the versions."""
    store = store_of(args)
    records = store.versions()
    if args.json:
        return say(args, [described(store, record.id) for record in records], "")
    if not records:
        print("no models in %s; install one with `sednabox model install FILE`" % store.root)
        return OK
    table = Table(box=None, pad_edge=False, header_style="")
    for title in ("", "VERSION", "SIZE", "INSTALLED", "SIGNED BY", "STATE", "SOURCE"):
        table.add_column(title, overflow="fold", no_wrap=title == "VERSION")
    for record in records:
        state = marks(store, record.id)
        star = "*" if "active" in state else ""
        row = (star, record.id, size(record.size), when(record.installed_at), record.signed_by or "-", ", ".join(state))
        table.add_row(*row, record.source)
    _show(table)
    if not is_held(store.root / "runner.lock"):
        print("no pipeline uses this store now")
    return OK


def show(args: argparse.Namespace) -> int:
    """Everything about one version."""
    store = store_of(args)
    pointer = store.pointer()
    record = store.find(args.version or pointer.active or "")
    value = described(store, record.id)
    if args.json:
        return say(args, value, "")
    table = Table(box=None, show_header=False, pad_edge=False)
    for key in ("id", "state", "model_file", "counter", "parent", "license", "source", "source_version", "signed_by"):
        shown = ", ".join(value[key]) if isinstance(value[key], list) else str(value[key])
        if shown:
            table.add_row(key, shown)
    table.add_row("installed", when(record.installed_at))
    if "rejected" in value:
        table.add_row("rejected", "%s (%s)" % (value["rejected"]["reason"], when(value["rejected"]["at"])))
    for kind in ("inputs", "outputs"):
        for name, _, shape in record.facts.get(kind, []):
            table.add_row(kind[:-1], "%s %s" % (name, shape))
    for name, entry in sorted(record.files.items()):
        table.add_row("file", "%s  %s  %s" % (name, size(entry.size), entry.sha256))
    _show(table)
    return OK


def log(args: argparse.Namespace) -> int:
    """What happened, oldest first."""
    store = store_of(args)
    version = store.find(args.version).id if args.version and not args.any else args.version
    entries = store.history.read(limit=args.lines, version=version or "")
    if args.json:
        return say(args, entries, "")
    table = Table(box=None, pad_edge=False, header_style="")
    for title in ("TIME", "EVENT", "VERSION", "DETAILS"):
        table.add_column(title, overflow="fold", no_wrap=title in ("TIME", "EVENT"))
    for entry in entries:
        rest = {
            k: v for k, v in entry.items() if k not in ("at", "event", "version", "swap", "mark", "reason", "sha256")
        }
        details = ", ".join("%s %s" % (key.replace("_", " "), value) for key, value in rest.items())
        reason = entry.get("reason", "")
        table.add_row(when(entry["at"]), entry["event"], entry["version"], "; ".join(filter(None, [reason, details])))
    _show(table)
    return OK


def verify(args: argparse.Namespace) -> int:
    """Hash versions again, look at their models and signatures, and load them once in a child process with limits."""
    store = store_of(args)
    if args.file:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            aside = ModelStore(folder)
            for key in (store.root / "trust").glob("*.pub"):
                Trust(aside).add(key)
            try:
                record = take_in(aside, args.file, Parcel(sha256=args.sha256))
                found = _verify_one(aside, record.id, not args.no_load)
            except ModelError as error:
                found = {"version": str(args.file), "ok": False, "reason": str(error)}
            return _verdicts(args, [found])
    wanted = [store.find(text).id for text in args.version] or [record.id for record in store.versions()]
    return _verdicts(args, [_verify_one(store, identifier, not args.no_load) for identifier in wanted])


def _verify_one(store: ModelStore, identifier: str, load: bool) -> dict[str, Any]:
    try:
        record = store.verify(identifier)
        with store.lease(identifier) as lease:
            trust = Trust(store)
            if trust.required:
                check_signature(trust, lease.folder.path, record)
            if load:
                probe(probe_command(lease.folder.path), ProbeLimits(), identifier)
    except ModelError as error:
        return {"version": identifier, "ok": False, "reason": str(error)}
    return {"version": identifier, "ok": True, "reason": "", "loaded": load, "signed_by": record.signed_by}


def probe_command(folder: Path) -> list[str]:
    return [sys.executable, "-m", "edgevision.probe", str(folder)]


def check_signature(trust: Trust, folder: Path, record: Any) -> None:
    """The signature of an installed version; age does not matter any more, the bytes and the signer do."""
    from sedna_bridge.models.signature import check, compare

    try:
        text = (folder / "signature.json").read_text(encoding="utf-8")
    except OSError:
        raise BadSignature("%s has no signature.json, and this store trusts signed models only." % record.id) from None
    statement, _ = check(text, trust.keys())
    rest = {name: entry for name, entry in record.files.items() if name != "signature.json"}
    compare(statement, record.name, record.version, record.counter, rest)


def _verdicts(args: argparse.Namespace, found: list[dict[str, Any]]) -> int:
    if args.json:
        say(args, found, "")
    for entry in found if not args.json else []:
        print("%s: %s" % (entry["version"], "good" if entry["ok"] else "BAD: " + entry["reason"]))
    if not found:
        raise StoreError("there is no model to verify.")
    return OK if all(entry["ok"] for entry in found) else BAD


def _show(table: Table) -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(200, console.width))
    console.print(table, highlight=False, markup=False)
