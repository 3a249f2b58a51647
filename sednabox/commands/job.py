"""`sednabox job`: Sedna's resources on one machine; kubectl's words for them."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Sequence
from typing import Any, Callable

from sedna_bridge.errors import BridgeError
from sedna_bridge.jobs import Resource, ResourceError, load
from sedna_bridge.jobs.errors import ERROR
from sedna_bridge.jobs.resources import kind_named
from sedna_bridge.local_controller import daemon, images, processes, view
from sedna_bridge.local_controller.context import ANNOTATIONS, Settings
from sedna_bridge.local_controller.controller import Controller
from sedna_bridge.local_controller.errors import ControllerBusy, ControllerError
from sedna_bridge.local_controller.store import Store
from sedna_bridge.spool.upload import state_directory

NAME = "job"
HELP = "run Sedna's jobs here: apply, check, get, describe, logs, events, history, delete, controller, stop"

OK, BAD, USAGE, AWAY = 0, 1, 2, 3
JOB = "IncrementalLearningJob"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """All subcommands; the common options may stand before or after the subcommand."""
    _common(parser, True)
    parser.set_defaults(job_run=None, job_parser=parser)
    commands = parser.add_subparsers(dest="subcommand", metavar="COMMAND")

    def command(name: str, text: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        _common(made, False)
        made.set_defaults(job_run=run)
        return made

    annotations = "; ".join(f"{name}: {text}" for name, text in ANNOTATIONS.items())
    apply = command("apply", "keep resources and run the jobs among them", _apply)
    apply.epilog = f"Annotations of a job that only this machine reads: {annotations}"
    _files(apply)
    apply.add_argument("--run", action="append", default=[], metavar="IMAGE=COMMAND", help="what plays an image here")
    apply.add_argument("--no-start", action="store_true", help="do not start the local controller")
    apply.add_argument("--dry-run", action="store_true", help="only check, keep nothing")
    _controller_options(apply)

    _files(command("check", "check resources: errors and warnings with line numbers", _check))

    get = command("get", "list resources: jobs, datasets, models, all", _get)
    get.add_argument("kind", nargs="?", default="jobs")
    get.add_argument("name", nargs="?", default="")
    get.add_argument("-o", "--output", choices=("table", "json", "yaml"), default="table")

    describe = command("describe", "everything about a resource: state, workers, conditions, events", _describe)
    describe.add_argument("name", help="NAME of a job, or KIND/NAME")

    logs = command("logs", "a worker's output (default: the newest train or eval worker's)", _logs)
    logs.add_argument("name", help="NAME of a job")
    logs.add_argument("--worker", default="", metavar="W", help="train, eval, inference, or a worker's name")
    logs.add_argument("-f", "--follow", action="store_true", help="go on until the worker ends")
    logs.add_argument("--tail", type=int, default=-1, metavar="N", help="the last N lines only")

    events = command("events", "what happened, oldest first", _events)
    events.add_argument("name", nargs="?", default="", help="NAME of a job, or KIND/NAME (default: everything)")

    history = command("history", "a job's rounds: samples, metrics, outcome", _history)
    history.add_argument("name")

    delete = command("delete", "stop a job and forget it; files below outputDir stay", _delete)
    delete.add_argument("name", nargs="?", default="", help="NAME of a job, or KIND/NAME")
    _files(delete, False)
    delete.add_argument("--timeout", type=float, default=60.0, metavar="S", help="wait so long for workers to end")

    _controller_options(command("controller", "the local controller in the foreground (for systemd)", _controller))
    command("stop", "stop the local controller; workers go on", _stop)


def run(args: argparse.Namespace) -> int:
    if args.job_run is None:
        args.job_parser.print_help(sys.stderr)
        return USAGE
    try:
        return int(args.job_run(args))
    except ControllerBusy as error:
        return _complain(error, AWAY)
    except BridgeError as error:
        return _complain(error, BAD)
    except BrokenPipeError:
        return OK


def _complain(error: Exception, code: int) -> int:
    print(f"error: {error}" if not isinstance(error, ResourceError) else str(error), file=sys.stderr)
    return code


def _common(parser: argparse.ArgumentParser, first: bool) -> None:
    missing: Any = None if first else argparse.SUPPRESS
    parser.add_argument("--state", default=missing, metavar="DIR", help="state directory (default: $SEDNABOX_STATE)")
    parser.add_argument("--json", action="store_true", default=False if first else argparse.SUPPRESS)
    parser.add_argument("-n", "--namespace", default="" if first else argparse.SUPPRESS, help="default: default")


def _files(parser: argparse.ArgumentParser, required: bool = True) -> None:
    parser.add_argument("-f", "--file", action="append", required=required, default=None, help="yaml, folder, or -")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="what $NAME in the yaml means")


def _controller_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", default=None, metavar="DIR", help="the yaml's host paths are below DIR (default: /)")
    parser.add_argument("--port", type=int, default=None, help="the LC's port (default: 9100)")
    parser.add_argument("--bind", default=None, metavar="ADDRESS", help="default: 127.0.0.1")
    parser.add_argument("--runtime", default=None, choices=("auto", "process", "docker", "podman", "nerdctl"))


def _state(args: argparse.Namespace) -> str:
    return os.path.abspath(str(state_directory(args.state, os.environ)))


def _store(args: argparse.Namespace) -> Store:
    return Store(os.path.join(_state(args), "controller"))


def _resources(args: argparse.Namespace) -> list[Resource]:
    resources = []
    findings = []
    for name in args.file or []:
        names = [name]
        if os.path.isdir(name):
            names = sorted(os.path.join(name, each) for each in os.listdir(name) if each.endswith((".yaml", ".yml")))
        for each in names:
            try:
                resources += load(_text(each, args.set), "<stdin>" if each == "-" else each, args.namespace)
            except ResourceError as error:
                findings += error.findings
    if findings:
        raise ResourceError(findings)
    return resources


def _text(name: str, settings: Sequence[str]) -> str:
    try:
        if name == "-":
            text = sys.stdin.read()
        else:
            with open(name, encoding="utf-8") as file:
                text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ControllerError(f"{name}: cannot be read: {error}") from None
    for setting in settings:
        key, sign, value = setting.partition("=")
        if not sign or not key.isidentifier():
            raise ControllerError(f"--set {setting!r}: expected NAME=VALUE")
        text = re.sub(r"\$\{%s\}|\$%s\b" % (key, key), value.replace("\\", r"\\"), text)
    return text


def _apply(args: argparse.Namespace) -> int:
    resources = _resources(args)
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
    store = _store(args)
    _say_applied(args, [(resource, store.apply(resource)) for resource in resources])
    wanted = _remember(store, args)
    if view.is_running(store):
        note = store.note("controller") or {}
        if args.root is not None and note.get("root") != wanted["root"]:
            raise ControllerError(
                f"the running controller has the root {note.get('root')}: `sednabox job stop` it first"
            )
    elif not args.no_start and any(resource.kind == JOB for resource in store_jobs(store)):
        server = daemon.start(store, daemon.foreground(_state(args)))
        if not args.json:
            print(f"local controller started at {server}; see `sednabox job get`, `describe`, `logs -f`")
    return OK


def store_jobs(store: Store) -> list[Any]:
    """The jobs that are kept here."""
    from sedna_bridge.jobs.resources import from_json

    return [from_json(row["text"]) for row in store.resource_rows(JOB) if row["deleted"] is None]


def _say_applied(args: argparse.Namespace, done: Sequence[tuple[Resource, str]]) -> None:
    if args.json:
        print(
            json.dumps([{"kind": r.kind, "name": r.name, "namespace": r.namespace, "result": what} for r, what in done])
        )
        return
    for resource, what in done:
        print(f"{resource.title} {what}")


def _remember(store: Store, args: argparse.Namespace) -> dict[str, Any]:
    """How the controller of this state works: what was said last, over what was said before."""
    settings = {"root": "/", "port": 9100, "bind": "127.0.0.1", "runtime": "auto", **(store.note("settings") or {})}
    for name in settings:
        value = getattr(args, name, None)
        if value is not None:
            settings[name] = os.path.abspath(value) if name == "root" else value
    store.note("settings", settings)
    return settings


def _check(args: argparse.Namespace) -> int:
    try:
        resources = _resources(args)
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


def _get(args: argparse.Namespace) -> int:
    store = _store(args)
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


def _find(store: Store, args: argparse.Namespace, kind: str = "") -> Any:
    word, slash, name = args.name.rpartition("/")
    wanted = kind_named(word) if slash else kind
    rows = store.resource_rows(wanted, args.namespace, name)
    rows = [row for row in rows if row["kind"] == JOB] or rows
    if not rows:
        raise ControllerError(
            f"there is no {wanted or 'resource'} {name!r}; `sednabox job get all` lists what there is"
        )
    return rows[0]


def _describe(args: argparse.Namespace) -> int:
    store = _store(args)
    row = _find(store, args)
    if args.json:
        value = view.whole(store, row)
        value["events"] = [dict(event) for event in store.events(row["kind"], row["namespace"], row["name"])]
        value["workers"] = [dict(worker) for worker in store.workers(row["uid"])]
        print(json.dumps(value, indent=2, ensure_ascii=False))
    else:
        print(view.describe(store, row))
    return OK


def _logs(args: argparse.Namespace) -> int:
    store = _store(args)
    row = _find(store, args, JOB)
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


def _events(args: argparse.Namespace) -> int:
    store = _store(args)
    if args.name:
        row = _find(store, args)
        events = store.events(row["kind"], row["namespace"], row["name"])
    else:
        events = store.events(namespace=args.namespace)
    if args.json:
        print(json.dumps([dict(event) for event in events], indent=1, ensure_ascii=False))
    else:
        print("\n".join(view.columns(view.event_rows(events))) if events else "No events found")
    return OK


def _history(args: argparse.Namespace) -> int:
    store = _store(args)
    row = _find(store, args, JOB)
    if args.json:
        print(json.dumps(store.rounds(row["uid"]), indent=1, ensure_ascii=False))
    else:
        rounds = view.history(store, row["uid"])
        print("\n".join(view.columns(rounds)) if len(rounds) > 1 else "No rounds yet")
    return OK


def _delete(args: argparse.Namespace) -> int:
    store = _store(args)
    if args.file:
        targets = [(each.kind, each.namespace, each.name) for each in _resources(args)]
    elif args.name:
        row = _find(store, args)
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
            settings = Settings(folder=store.folder, state=_state(args), root=_remember(store, args)["root"])
            controller = Controller(settings, port=0)
            try:
                controller.delete_once()
            finally:
                controller.close()
        time.sleep(0.05)
    return True


def _controller(args: argparse.Namespace) -> int:
    store = _store(args)
    wanted = _remember(store, args)
    settings = Settings(folder=store.folder, state=_state(args), root=wanted["root"], runtime=wanted["runtime"])
    controller = Controller(settings, wanted["bind"], int(wanted["port"]))
    # Workers that live on know this port: a restart must take the same one, also where any was asked for.
    store.note("settings", {**wanted, "port": controller.port})
    controller.on_signals()
    controller.run(lambda server: print(f"local controller at {server}, state {store.folder}", flush=True))
    return OK


def _stop(args: argparse.Namespace) -> int:
    if daemon.stop(_store(args)):
        print("local controller stopped; workers go on")
    else:
        print("no local controller is running")
    return OK


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="sednabox job", description=HELP)
    add_arguments(parser)
    return run(parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
