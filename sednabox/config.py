"""The service's configuration: /etc/sednabox/sednabox.toml, read and checked with places.

`{credential:NAME}` in a value is the content of a secret's file, so that passwords stand in no configuration and on no
command line. systemd hands the files over in $CREDENTIALS_DIRECTORY (LoadCredential=sednabox:DIR names them
sednabox_NAME); elsewhere they are read from `credentials/` beside the configuration.
"""
from __future__ import annotations

import ipaddress
import os
import re
from typing import Any, Mapping, NamedTuple

from pocketbox import graphfile, tomltext
from pocketbox.errors import PocketboxError
from pocketbox.graph import Graph
from pocketbox.nearest import did_you_mean
from pocketbox.place import Place
from pocketbox.problem import ERROR, WARNING, Problem
from pocketbox.source import read_text

from .pack import find_graph

DEFAULT_PATH = "/etc/sednabox/sednabox.toml"
CODE = "CONFIG"
KEYS: dict[str, dict[str, tuple[type, ...]]] = {
    "service": {"graph": (str,), "stall_seconds": (int, float), "drain_seconds": (int, float)},
    "metrics": {"enabled": (bool,), "address": (str,), "port": (int,)},
    "set": {},
    "environment": {},
}
KINDS = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}
_CREDENTIAL = re.compile(r"\{credential:([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")


class Config(NamedTuple):
    """What the service runs, as it is used: the graph's path, attributes and environment with secrets in place."""

    graph: str
    settings: dict[tuple[str, str], str]
    environment: dict[str, str]
    stall_seconds: float = 60.0
    drain_seconds: float = 10.0
    metrics: bool = True
    address: str = "127.0.0.1"
    port: int = 9464


def load(path: str, environment: Mapping[str, str]) -> Config:
    """The configuration of a file; the first error in it is raised as a FormatError."""
    config, problems = read(path, environment)
    for problem in problems:
        if problem.severity == ERROR:
            raise problem.error()
    assert config is not None
    return config


def check(path: str, environment: Mapping[str, str]) -> list[Problem]:
    """Everything that is wrong with a configuration file, and with the graph that it names."""
    return read(path, environment)[1]


def read(path: str, environment: Mapping[str, str]) -> tuple[Config | None, list[Problem]]:
    """The configuration (None where an error leaves none) and its problems."""
    try:
        file = tomltext.loads(read_text(path, "the configuration"), path, "the configuration")
    except PocketboxError as error:
        return None, [Problem.of(CODE, error)]
    reader = _Reader(path, file, environment)
    config = reader.config()
    broken = any(problem.severity == ERROR for problem in reader.problems)
    return (None if broken else config), reader.problems


class _Reader:
    """Walks one file and collects problems instead of stopping at the first."""

    def __init__(self, path: str, file: tomltext.TextFile, environment: Mapping[str, str]) -> None:
        self.path = os.path.abspath(path)
        self.file = file
        self.environment = environment
        self.problems: list[Problem] = []

    def problem(self, key: str, message: str, cure: str = "", severity: str = ERROR) -> None:
        place = self.file.place(key) if key else Place(self.path)
        self.problems.append(Problem(CODE, severity, message, place, cure=cure, stage="init"))

    def config(self) -> Config:
        tables = self._tables()
        service, metrics = tables["service"], tables["metrics"]
        graph, path = self._graph(service)
        config = Config(path, self._settings(tables["set"], graph), self._environment(tables["environment"]),
                        float(service.get("stall_seconds", 60)), float(service.get("drain_seconds", 10)),
                        metrics.get("enabled", True), metrics.get("address", "127.0.0.1"), metrics.get("port", 9464))
        self._ranges(config)
        return config

    def _tables(self) -> dict[str, dict[str, Any]]:
        """The four tables; keys of a wrong kind are told and left out, so that the rest is looked at as well."""
        tables: dict[str, dict[str, Any]] = {name: {} for name in KEYS}
        for name, table in self.file.values.items():
            if name not in KEYS:
                self.problem(name, "there is no [%s] here" % name, did_you_mean(name, KEYS))
            elif not isinstance(table, dict):
                self.problem(name, "'%s' is not a table" % name, "Write [%s] on a line of its own" % name)
            else:
                for key, value in _flat(table) if name == "set" else table.items():
                    if self._fits(name, key, value):
                        tables[name][key] = value
        return tables

    def _fits(self, table: str, key: str, value: Any) -> bool:
        where = "%s.%s" % (table, key)
        if table in ("set", "environment"):
            if isinstance(value, (str, bool, int, float)):
                return True
            self.problem(where, "%s is %s" % (key, _kind(value)), "Write a text, a number, true or false")
            return False
        kinds = KEYS[table].get(key)
        if kinds is None:
            self.problem(where, "[%s] has no '%s'" % (table, key), did_you_mean(key, KEYS[table]))
            return False
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            self.problem(where, "%s is %s" % (key, _kind(value)), "Expected %s" % KINDS[kinds[-1]])
            return False
        return True

    def _graph(self, service: Mapping[str, Any]) -> tuple[Graph | None, str]:
        name = service.get("graph", "")
        if not name:
            given = self.file.values.get("service", {})
            if isinstance(given, dict) and "graph" not in given:
                self.problem("service", "no graph is named", 'Write graph = "NAME or path" in [service]')
            elif isinstance(given, dict) and given["graph"] == "":
                self.problem("service.graph", "graph is empty", 'Write graph = "NAME or path"')
            return None, ""
        path, places = find_graph(name, os.path.dirname(self.path))
        if not path:
            self.problem("service.graph", "there is no graph '%s'" % name, "Looked in %s" % ", ".join(places))
            return None, ""
        try:
            return graphfile.load(path), path
        except PocketboxError as error:
            self.problems.append(Problem.of(CODE, error))
            return None, path

    def _settings(self, table: Mapping[str, Any], graph: Graph | None) -> dict[tuple[str, str], str]:
        found = {}
        for key, value in table.items():
            node, dot, attribute = key.partition(".")
            if not (node and dot and attribute):
                self.problem("set." + key, "'%s' names no attribute" % key, 'Expected "NODE.KEY" = VALUE')
            elif graph is not None and node not in graph.nodes:
                self.problem("set." + key, "the graph has no node '%s'" % node, did_you_mean(node, graph.nodes))
            else:
                found[(node, attribute)] = self._secret("set." + key, _text(value))
        return found

    def _environment(self, table: Mapping[str, Any]) -> dict[str, str]:
        found = {}
        for key, value in table.items():
            if not re.match(r"[A-Za-z_][A-Za-z0-9_]*\Z", key):
                self.problem("environment." + key, "'%s' is not a name of an environment variable" % key,
                             "Letters, digits and _ only")
            else:
                found[key] = self._secret("environment." + key, _text(value))
        return found

    def _secret(self, key: str, text: str) -> str:
        def content(match: re.Match) -> str:
            name = match.group(1)
            if not _NAME.match(name):
                self.problem(key, "'%s' is not a name of a credential" % name, "Letters, digits, '.', '_' and '-' only")
                return ""
            path = self._credential(name)
            try:
                with open(path, encoding="utf-8") as file:
                    return file.read().rstrip("\n")
            except FileNotFoundError:
                self.problem(key, "there is no credential '%s'" % name, "Write it into %s" % path)
            except PermissionError:
                self.problem(key, "the credential '%s' cannot be read by this user" % name,
                             "The service reads it through systemd; run the check as root", WARNING)
            except (OSError, UnicodeDecodeError) as error:
                self.problem(key, "the credential '%s' cannot be read: %s" % (name, error), "Write text into %s" % path)
            return ""
        return _CREDENTIAL.sub(content, text)

    def _credential(self, name: str) -> str:
        given = self.environment.get("CREDENTIALS_DIRECTORY", "")
        if given:
            return os.path.join(given, "sednabox_" + name)
        return os.path.join(os.path.dirname(self.path), "credentials", name)

    def _ranges(self, config: Config) -> None:
        if config.stall_seconds < 5:
            self.problem("service.stall_seconds", "stall_seconds is %g" % config.stall_seconds, "Expected 5 or more")
        if config.drain_seconds < 0:
            self.problem("service.drain_seconds", "drain_seconds is %g" % config.drain_seconds, "Expected 0 or more")
        if not 1 <= config.port <= 65535:
            self.problem("metrics.port", "port is %d" % config.port, "Expected 1 to 65535")
        try:
            loopback = ipaddress.ip_address(config.address).is_loopback
        except ValueError:
            self.problem("metrics.address", "'%s' is not an IP address" % config.address,
                         'Expected such as "127.0.0.1"')
            return
        if config.metrics and not loopback:
            self.problem("metrics.address", "%s lets other machines read the figures, without a password" %
                         config.address, "Keep 127.0.0.1, or guard the port with a firewall", WARNING)


def _flat(table: Mapping[str, Any], head: str = "") -> list[tuple[str, Any]]:
    """[set] may be written "node.key" = 1, node.key = 1, or as a table [set.node]."""
    found: list[tuple[str, Any]] = []
    for key, value in table.items():
        found += _flat(value, head + key + ".") if isinstance(value, dict) else [(head + key, value)]
    return found


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return "a list"
    return "a table" if isinstance(value, dict) else KINDS.get(type(value), type(value).__name__)


