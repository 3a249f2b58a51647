"""One machine's resources, as the command line names them: where they are kept, and which of them are meant."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from typing import Any

from sedna_bridge.jobs import Resource, ResourceError, load
from sedna_bridge.jobs.resources import kind_named
from sedna_bridge.local_controller.errors import ControllerError
from sedna_bridge.local_controller.store import Store
from sedna_bridge.spool.upload import state_directory

OK, BAD, USAGE, AWAY = 0, 1, 2, 3
JOB = "IncrementalLearningJob"


def state_of(args: argparse.Namespace) -> str:
    return os.path.abspath(str(state_directory(args.state, os.environ)))


def store_of(args: argparse.Namespace) -> Store:
    return Store(os.path.join(state_of(args), "controller"))


def resources_of(args: argparse.Namespace) -> list[Resource]:
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


def find(store: Store, args: argparse.Namespace, kind: str = "") -> Any:
    word, slash, name = args.name.rpartition("/")
    wanted = kind_named(word) if slash else kind
    rows = store.resource_rows(wanted, args.namespace, name)
    rows = [row for row in rows if row["kind"] == JOB] or rows
    if not rows:
        raise ControllerError(
            f"there is no {wanted or 'resource'} {name!r}; `sednabox job get all` lists what there is"
        )
    return rows[0]


def remember(store: Store, args: argparse.Namespace) -> dict[str, Any]:
    """How the controller of this state works: what was said last, over what was said before."""
    settings = {"root": "/", "port": 9100, "bind": "127.0.0.1", "runtime": "auto", **(store.note("settings") or {})}
    for name in settings:
        value = getattr(args, name, None)
        if value is not None:
            settings[name] = os.path.abspath(value) if name == "root" else value
    store.note("settings", settings)
    return settings
