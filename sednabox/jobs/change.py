"""`sednabox job apply|check|delete|controller|stop`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

from sedna_bridge.jobs import Resource, ResourceError
from sedna_bridge.jobs.errors import ERROR
from sedna_bridge.jobs.resources import from_json
from sedna_bridge.local_controller import daemon, images, view
from sedna_bridge.local_controller.context import Settings
from sedna_bridge.local_controller.controller import Controller
from sedna_bridge.local_controller.errors import ControllerBusy, ControllerError
from sedna_bridge.local_controller.store import Store
from sednabox.jobs.site import BAD, JOB, OK, USAGE, find, remember, resources_of, state_of, store_of


def apply(args: argparse.Namespace) -> int:
    resources = resources_of(args)
    rules = images.rules_from_options(args.run)
    for resource in resources:
        for finding in resource.findings:
            print(finding, file=sys.stderr)
        if rules and resource.kind == JOB:
            metadata = resource.value["metadata"]
            annotations = dict(metadata.get("annotations") or {})
            known = images.parse_rules(annotations.get(images.RUN_ANNOTATION, ""))
            annotations[images.RUN_ANNOTATION] = json.dumps({**known, **rules}, sort_keys=True)
            metadata["annotations"] = annotations
    if args.dry_run:
        _say_applied(args, [(resource, "valid (dry run)") for resource in resources])
        return OK
    store = store_of(args)
    _say_applied(args, [(resource, store.apply(resource)) for resource in resources])
    wanted = remember(store, args)
    if view.is_running(store):
        note = store.note("controller") or {}
        if args.root is not None and note.get("root") != wanted["root"]:
            raise ControllerError(
                f"the running controller has the root {note.get('root')}: `sednabox job stop` it first"
            )
    elif not args.no_start and any(resource.kind == JOB for resource in _jobs_of(store)):
        server = daemon.start(store, daemon.foreground(state_of(args)))
        if not args.json:
            print(f"local controller started at {server}; see `sednabox job get`, `describe`, `logs -f`")
    return OK


def _jobs_of(store: Store) -> list[Any]:
    """The jobs that are kept here."""
    return [from_json(row["text"]) for row in store.resource_rows(JOB) if row["deleted"] is None]


def _say_applied(args: argparse.Namespace, done: Sequence[tuple[Resource, str]]) -> None:
    if args.json:
        print(
            json.dumps([{"kind": r.kind, "name": r.name, "namespace": r.namespace, "result": what} for r, what in done])
        )
        return
    for resource, what in done:
        print(f"{resource.title} {what}")


def check(args: argparse.Namespace) -> int:
    try:
        resources = resources_of(args)
        findings = [finding for resource in resources for finding in resource.findings]
    except ResourceError as error:
        resources, findings = [], error.findings
    if args.json:
        print(json.dumps([finding.__dict__ for finding in findings]))
    else:
        for finding in findings:
            print(finding)
        for resource in resources:
            print(f"{resource.title} is valid")
    return BAD if any(finding.level == ERROR for finding in findings) else OK


def delete(args: argparse.Namespace) -> int:
    store = store_of(args)
    if args.file:
        targets = [(each.kind, each.namespace, each.name) for each in resources_of(args)]
    elif args.name:
        row = find(store, args)
        targets = [(row["kind"], row["namespace"], row["name"])]
    else:
        print("error: give a NAME, or -f FILE", file=sys.stderr)
        return USAGE
    code = OK
    for kind, namespace, name in targets:
        title = f"{kind.lower()}.sedna.io/{name}"
        if not store.resource_rows(kind, namespace, name):
            print(f"error: there is no {title} in namespace {namespace}", file=sys.stderr)
            code = BAD
            continue
        store.ask_delete(kind, namespace, name)
        if not _gone(store, args, kind, namespace, name):
            raise ControllerBusy(f"{title}: its workers did not end within {args.timeout:g} s; it goes when they do")
        print(f"{title} deleted")
    return code


def _gone(store: Store, args: argparse.Namespace, kind: str, namespace: str, name: str) -> bool:
    """Wait until the controller took a resource away; without a controller do it here."""
    end = time.monotonic() + args.timeout
    while store.resource_rows(kind, namespace, name):
        if time.monotonic() > end:
            return False
        if not view.is_running(store):
            settings = Settings(folder=store.folder, state=state_of(args), root=remember(store, args)["root"])
            controller = Controller(settings, port=0)
            try:
                controller.delete_once()
            finally:
                controller.close()
        time.sleep(0.05)
    return True


def controller(args: argparse.Namespace) -> int:
    store = store_of(args)
    wanted = remember(store, args)
    settings = Settings(folder=store.folder, state=state_of(args), root=wanted["root"], runtime=wanted["runtime"])
    controller = Controller(settings, wanted["bind"], int(wanted["port"]))
    # Workers that live on know this port: a restart must take the same one, also where any was asked for.
    store.note("settings", {**wanted, "port": controller.port})
    controller.on_signals()
    controller.run(lambda server: print(f"local controller at {server}, state {store.folder}", flush=True))
    return OK


def stop(args: argparse.Namespace) -> int:
    if daemon.stop(store_of(args)):
        print("local controller stopped; workers go on")
    else:
        print("no local controller is running")
    return OK
