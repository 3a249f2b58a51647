"""YAML as kubectl reads it, with the line of every value.

kubectl reads with Go's yaml library and not with YAML 1.1 to the letter: an unquoted `20:00` is a text (PyYAML makes
1200 of it), `1e3` is a number (for PyYAML a text), a date is a text, `yes` and `on` are true, `0o17` and `017` are
octal. So PyYAML only parses here; what a plain scalar means is decided by `plain`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from sedna_bridge.jobs.errors import ERROR, Finding, ResourceError

Path = tuple
"""A value's place in a document: keys and indexes."""

_PLAIN = "sednabox:plain"
_MOST_VALUES = 100_000
"""An alias bomb ends here; no resource has a hundredth of it."""


@dataclass(frozen=True)
class Document:
    """One YAML document: its value, and the line on which each value (and each key) stands."""

    file: str
    value: Any
    lines: dict = field(default_factory=dict, compare=False, repr=False)
    duplicates: list = field(default_factory=list, compare=False, repr=False)

    def line(self, path: Path) -> int:
        """The line of the value at `path`, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return int(self.lines.get(path, 1))

    def where(self, path: Path = ()) -> str:
        """`file:line` of the value at `path`."""
        return f"{self.file}:{self.line(path)}"


class _Loader(yaml.SafeLoader):
    """PyYAML's parser that leaves plain scalars untouched."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return _PLAIN if implicit[0] else "tag:yaml.org,2002:str"
        return str(super().resolve(kind, value, implicit))


def read(text: str, file: str = "<text>") -> list[Document]:
    """Every document of `text` that is not empty; the items of a `kind: List` one by one."""
    documents: list[Document] = []
    try:
        for node in yaml.compose_all(text, Loader=_Loader):
            if node is None or (isinstance(node, yaml.ScalarNode) and plain(node.value) is None):
                continue
            documents.extend(_unlist(_Builder(file).document(node)))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        said = " ".join(str(part) for part in (error.context, error.problem) if part)
        raise ResourceError([Finding(ERROR, f"{file}:{line}", f"this is no YAML: {said}", "yaml")]) from None
    except yaml.YAMLError as error:
        raise ResourceError([Finding(ERROR, f"{file}:1", f"this is no YAML: {error}", "yaml")]) from None
    except RecursionError:
        raise ResourceError([Finding(ERROR, f"{file}:1", "the YAML is nested too deeply", "yaml")]) from None
    return documents


def _unlist(document: Document) -> Iterator[Document]:
    value = document.value
    if not (isinstance(value, dict) and value.get("kind") == "List" and isinstance(value.get("items"), list)):
        yield document
        return
    for index, item in enumerate(value["items"]):
        prefix = ("items", index)
        lines = {path[2:]: line for path, line in document.lines.items() if path[:2] == prefix}
        duplicates = [path[2:] for path in document.duplicates if path[:2] == prefix]
        yield Document(document.file, item, lines, duplicates)


class _Builder:
    """Turns PyYAML's nodes into values and remembers their lines."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict = {}
        self.duplicates: list = []
        self.count = 0
        self.open: list = []

    def document(self, node: Any) -> Document:
        value = self.value(node, ())
        return Document(self.file, value, self.lines, self.duplicates)

    def value(self, node: Any, path: Path) -> Any:
        self.count += 1
        if self.count > _MOST_VALUES:
            self.fail(node, f"more than {_MOST_VALUES} values: too many aliases")
        if any(node is outer for outer in self.open):
            self.fail(node, "an alias that holds itself")
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node)
        self.open.append(node)
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
            return self.mapping(node, path)
        finally:
            self.open.pop()

    def mapping(self, node: Any, path: Path) -> dict:
        merged: dict = {}
        own: dict = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.fail(key_node, "a key must be a text")
            if key_node.tag == _PLAIN and key_node.value == "<<":
                parts = value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
                for part in parts:
                    value = self.value(part, path)
                    if not isinstance(value, dict):
                        self.fail(part, "`<<` merges only mappings")
                    merged = {**value, **merged}
                continue
            key = self.key(key_node)
            if key in own:
                self.duplicates.append((*path, key))
            below = (*path, key)
            self.lines[below] = key_node.start_mark.line + 1
            own[key] = self.value(value_node, below)
        return {**merged, **own}

    def key(self, node: Any) -> str:
        """JSON has only texts as keys, so kubectl writes other plain keys as texts."""
        value = self.scalar(node)
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        return "null" if value is None else str(value)

    def scalar(self, node: Any) -> Any:
        if node.tag == _PLAIN:
            value = plain(node.value)
        elif node.tag == "tag:yaml.org,2002:str":
            return node.value
        elif node.tag in _TAGGED:
            value = plain(node.value)
            if not isinstance(value, _TAGGED[node.tag]):
                self.fail(node, f"{node.value!r} is no {node.tag.rsplit(':', 1)[-1]}")
        else:
            self.fail(node, f"the tag {node.tag!r} means nothing in a resource")
        if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
            self.fail(node, f"{node.value} is no JSON number")
        return value

    def fail(self, node: Any, message: str) -> Any:
        raise ResourceError([Finding(ERROR, f"{self.file}:{node.start_mark.line + 1}", message, "yaml")])


_TAGGED: dict = {
    "tag:yaml.org,2002:int": (int,),
    "tag:yaml.org,2002:float": (int, float),
    "tag:yaml.org,2002:bool": (bool,),
    "tag:yaml.org,2002:null": (type(None),),
    "tag:yaml.org,2002:timestamp": (str,),
}

_WORDS: dict = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
for _word in ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"):
    _WORDS[_word] = True
for _word in ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"):
    _WORDS[_word] = False
for _word in (".nan", ".NaN", ".NAN"):
    _WORDS[_word] = float("nan")
for _word in (".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"):
    _WORDS[_word] = float("inf")
for _word in ("-.inf", "-.Inf", "-.INF"):
    _WORDS[_word] = float("-inf")

_INTEGERS = (
    (re.compile(r"[-+]?(0|[1-9][0-9]*)\Z"), 10, ""),
    (re.compile(r"[-+]?0[xX][0-9a-fA-F]+\Z"), 16, "x"),
    (re.compile(r"[-+]?0[bB][01]+\Z"), 2, "b"),
    (re.compile(r"[-+]?0[oO]?[0-7]+\Z"), 8, "o"),
)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")


def plain(text: str) -> Any:
    """What kubectl makes of an unquoted scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    bare = text.replace("_", "")
    for pattern, base, letter in _INTEGERS:
        if pattern.match(bare):
            digits = bare.lower().replace("0" + letter, "0", 1) if letter else bare
            number = int(digits, base)
            if -(1 << 63) <= number < (1 << 64):
                return number
            return float(number)
    return float(bare) if _FLOAT.match(bare) else text
