"""The commands of `sednabox model` that change something: install, activate, rollback, pin, sign, trust, pack, gc."""

from __future__ import annotations

import argparse
import getpass
import re
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from sedna_bridge.models import (
    ACTIVATE,
    ROLLBACK,
    InferenceModel,
    ModelError,
    ModelStore,
    Orders,
    Parcel,
    Patience,
    ProbeLimits,
    RejectedModel,
    StoreBusy,
    Trust,
    VersionRecord,
    apply_at_rest,
    pack,
    probe,
    sweep,
    take_in,
)
from sedna_bridge.models.archive import MANIFEST, SIGNATURE, folder_files
from sedna_bridge.models.durable import write_whole
from sedna_bridge.models.locks import is_held
from sedna_bridge.models.manifest import read_model_table
from sedna_bridge.models.signature import Statement, hash_file, new_key, sign
from sedna_bridge.models.sources.inference_model import fetch_and_take_in
from sednabox.models.look import BAD, OK, described, probe_command, say, store_of


def who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"


def install(args: argparse.Namespace) -> int:
    """Take a model into the store; the first one becomes active."""
    store = store_of(args)
    text = str(args.model)
    path = text.split("?")[0]
    with _bar(args) as progress:
        if path.endswith((".yaml", ".yml", ".json")):
            offer = InferenceModel(text).poll(store)
            if offer is None:
                raise ModelError("%s does not exist; expected an InferenceModel manifest." % text)
            record = offer.fetch(store, progress)
        else:
            parcel = Parcel(
                name=args.name,
                version=args.version_text,
                sha256=args.sha256,
                inherit=args.like and store.find(args.like).id,
            )
            if "://" in text:
                record = fetch_and_take_in(store, text, parcel, Patience(), progress)
            else:
                record = take_in(store, text, parcel)
    if args.activate or store.pointer().active is None:
        return _bring(args, store, ACTIVATE, record.id, "installed and active: %s")
    return say(args, described(store, record.id), "installed: %s" % record.id)


def activate(args: argparse.Namespace) -> int:
    """Bring a version into use; a running pipeline swaps it in and the command waits for the outcome."""
    store = store_of(args)
    return _bring(args, store, ACTIVATE, store.find(args.version).id, "active: %s")


def rollback(args: argparse.Namespace) -> int:
    """Go back to the previous version, or to a named one."""
    store = store_of(args)
    return _bring(args, store, ROLLBACK, store.find(args.version).id if args.version else "", "active: %s")


def _bring(args: argparse.Namespace, store: ModelStore, action: str, version: str, words: str) -> int:
    if is_held(store.root / "runner.lock"):
        return _ask_the_pipeline(args, store, action, version)
    if action == ACTIVATE and not args.no_load:
        _test_load(store, store.get(version))
    try:
        done = apply_at_rest(store, action, version, who())
    except StoreBusy:
        return _ask_the_pipeline(args, store, action, version)
    return say(args, described(store, done), words % done)


def _ask_the_pipeline(args: argparse.Namespace, store: ModelStore, action: str, version: str) -> int:
    orders = Orders(store)
    order = orders.place(action, version, who())
    if args.no_wait:
        return say(args, {"order": order.id, "version": version}, "ordered; `sednabox model log` shows how it goes")
    entry = orders.wait(order, args.wait)
    good = entry["event"] == "kept" or (action == ROLLBACK and entry["event"] == "rolled_back")
    active = store.pointer().active or ""
    reason = entry.get("reason", "")
    what = "%s%s; active: %s" % (entry["event"].replace("_", " "), ": " + reason if reason else "", active)
    say(args, {"order": order.id, "event": entry["event"], "reason": reason, "active": active}, what)
    return OK if good else BAD


def _test_load(store: ModelStore, record: VersionRecord) -> None:
    with store.lease(record.id) as lease:
        try:
            probe(probe_command(lease.folder.path), ProbeLimits(), record.id)
        except RejectedModel as error:
            raise RejectedModel("%s It is not activated; --no-load skips this test." % error) from None


def pin(args: argparse.Namespace) -> int:
    """Keep a version for ever, and while it is active let no source replace it."""
    store = store_of(args)
    record = store.find(args.version)
    store.pin(record.id, on=not args.off)
    return say(args, described(store, record.id), "%s: %s" % ("unpinned" if args.off else "pinned", record.id))


def sign_model(args: argparse.Namespace) -> int:
    """Sign a model folder, or make a key."""
    if args.new_key:
        public = new_key(Path(args.new_key))
        return say(args, {"private": args.new_key, "public": str(public)}, "wrote %s and %s" % (args.new_key, public))
    if not args.folder or not args.key:
        raise ModelError("expected a model folder and --key FILE, or --new-key FILE.")
    folder = Path(args.folder)
    if not (folder / MANIFEST).is_file():
        raise ModelError("%s has no %s; only a model folder can be signed. Pack it afterwards." % (folder, MANIFEST))
    table = read_model_table(folder / MANIFEST)
    files = {name: hash_file(path) for name, path in folder_files(folder).items() if name != SIGNATURE}
    expires = _moment(args.expires) if args.expires else None
    text = sign(Statement(table.name, table.version, table.counter, expires, files), Path(args.key))
    write_whole(folder / SIGNATURE, text)
    value = {
        "name": table.name,
        "version": table.version,
        "counter": table.counter,
        "expires": expires,
        "files": len(files),
    }
    return say(args, value, "signed %(name)s@%(version)s, counter %(counter)d, %(files)d files" % value)


def _moment(text: str) -> float:
    """`90d` from now, or a date."""
    days = re.match(r"(\d+)d\Z", text)
    if days:
        return time.time() + 86400.0 * int(days.group(1))
    try:
        return time.mktime(time.strptime(text, "%Y-%m-%d"))
    except ValueError:
        raise ModelError("--expires %r: expected a date like 2027-01-31, or days like 90d." % text) from None


def trust(args: argparse.Namespace) -> int:
    """Whose signatures count. With the first key the store begins to refuse unsigned models."""
    keys = Trust(store_of(args))
    if args.remove:
        keys.remove(args.remove)
    if args.key:
        keys.add(Path(args.key))
    found = keys.identities()
    return say(args, found, "trusted: %s" % (", ".join(found) or "nobody; unsigned models are taken"))


def pack_model(args: argparse.Namespace) -> int:
    """Pack a model folder, or an installed version, into one file; prints its sha256 for a manifest."""
    target = Path(args.out)
    folder = Path(args.model)
    if folder.is_dir():
        pack(folder, target)
    else:
        store = store_of(args)
        with store.lease(store.find(args.model).id) as lease:
            pack(lease.folder.path, target)
    entry = hash_file(target)
    value = {"file": str(target), "sha256": entry.sha256, "size": entry.size}
    return say(args, value, "%(file)s  %(size)d bytes  sha256 %(sha256)s" % value)


def gc(args: argparse.Namespace) -> int:
    """Remove what nobody needs."""
    done = sweep(store_of(args), args.keep, args.dry_run)
    value = {"removed": done.removed, "in_use": done.in_use, "bytes_freed": done.bytes_freed}
    verb = "would remove" if args.dry_run else "removed"
    return say(args, value, "%s %s; freed %d bytes" % (verb, ", ".join(done.removed) or "nothing", done.bytes_freed))


class _bar:
    """A progress bar on standard error where people look."""

    def __init__(self, args: argparse.Namespace) -> None:
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        hidden = args.json or not sys.stderr.isatty()
        self._progress = Progress(*columns, console=console, transient=True, disable=hidden)
        self._task = self._progress.add_task("model", total=None)

    def __enter__(self) -> Any:
        self._progress.start()
        return lambda done, total: self._progress.update(self._task, completed=done, total=total)

    def __exit__(self, *exc: Any) -> None:
        self._progress.stop()
