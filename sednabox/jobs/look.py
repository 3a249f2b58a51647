"""`sednabox job get|describe|logs|events|history`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time

from sedna_bridge.local_controller import processes, view
from sedna_bridge.local_controller.errors import ControllerError
from sednabox.jobs.site import JOB, OK, find, store_of


def get(args: argparse.Namespace) -> int:
    store = store_of(args)
    as_json = args.json or args.output == "json"
    found = []
    blocks = []
    for kind in view.kinds(args.kind):
        rows = store.resource_rows(kind, args.namespace, args.name)
        found += rows
        if rows:
            blocks.append("\n".join(view.columns(view.table(store, kind, rows))))
    if args.name and not found:
        raise ControllerError(f"there is no {args.kind} {args.name!r}; `sednabox job get all` lists what there is")
    if as_json or args.output == "yaml":
        items = [view.whole(store, row) for row in found]
        value = items[0] if args.name else {"apiVersion": "v1", "kind": "List", "items": items}
        if as_json:
            print(json.dumps(value, indent=2, ensure_ascii=False))
        else:
            import yaml

            print(yaml.safe_dump(value, sort_keys=False, allow_unicode=True), end="")
    else:
        print("\n\n".join(blocks) if blocks else "No resources found")
    return OK


def describe(args: argparse.Namespace) -> int:
    store = store_of(args)
    row = find(store, args)
    if args.json:
        value = view.whole(store, row)
        value["events"] = [dict(event) for event in store.events(row["kind"], row["namespace"], row["name"])]
        value["workers"] = [dict(worker) for worker in store.workers(row["uid"])]
        print(json.dumps(value, indent=2, ensure_ascii=False))
    else:
        print(view.describe(store, row))
    return OK


def logs(args: argparse.Namespace) -> int:
    store = store_of(args)
    row = find(store, args, JOB)
    workers = store.workers(row["uid"])
    wanted = {"infer": "inference"}.get(args.worker, args.worker)
    if wanted in ("train", "eval", "inference"):
        workers = [worker for worker in workers if worker["stage"] == wanted]
    elif wanted:
        workers = [worker for worker in workers if worker["name"] == wanted]
    else:
        workers = [worker for worker in workers if worker["stage"] != "inference"] or workers
    if not workers:
        raise ControllerError(f"{args.name} has no {wanted or ''} worker yet".replace("  ", " "))
    worker = workers[-1]
    _copy_log(worker["log"], worker["folder"], args.tail, args.follow)
    return OK


def _copy_log(path: str, folder: str, tail: int, follow: bool) -> None:
    position = 0
    first = True
    while True:
        over = processes.look(folder).state in (processes.ENDED, processes.LOST) or not os.path.isdir(folder)
        try:
            with open(path, "rb") as file:
                if os.fstat(file.fileno()).st_size < position:
                    position = 0
                file.seek(position)
                data = file.read()
                position = file.tell()
        except FileNotFoundError:
            data = b""
        if first and tail >= 0:
            data = b"".join(data.splitlines(True)[-tail:]) if tail else b""
        first = False
        sys.stdout.write(data.decode("utf-8", "replace"))
        sys.stdout.flush()
        if not follow or over:
            return
        time.sleep(0.2)


def events(args: argparse.Namespace) -> int:
    store = store_of(args)
    if args.name:
        row = find(store, args)
        events = store.events(row["kind"], row["namespace"], row["name"])
    else:
        events = store.events(namespace=args.namespace)
    if args.json:
        print(json.dumps([dict(event) for event in events], indent=1, ensure_ascii=False))
    else:
        print("\n".join(view.columns(view.event_rows(events))) if events else "No events found")
    return OK


def history(args: argparse.Namespace) -> int:
    store = store_of(args)
    row = find(store, args, JOB)
    if args.json:
        print(json.dumps(store.rounds(row["uid"]), indent=1, ensure_ascii=False))
    else:
        rounds = view.history(store, row["uid"])
        print("\n".join(view.columns(rounds)) if len(rounds) > 1 else "No rounds yet")
    return OK
