"""Graph files: the tables of a TOML or JSON file and the DOT text in it, read into a Graph.

A mistake in the DOT is shown where it stands in the file that the person edits, through all the quoting in between.
"""
from __future__ import annotations

import os
from typing import Any

from . import attribute, dot, jsontext, tomltext
from .attribute import LIST_SIGN
from .dotgraph import DotGraph
from .errors import FormatError
from .graph import Edge, Graph, Node
from .nearest import did_you_mean
from .place import Place
from .source import Lines, Locate, read_text
from .tomltext import TextFile, text_of

FORMATS = ("graphviz",)


def load(path: str, format: str = "") -> Graph:
    """Read a graph file; `format` is toml, json or "" (by the file's name, else by its first character)."""
    return loads(read_text(path, "graph file"), path, None, format)


def loads(text: str, file: str = "", args: dict[str, Any] | None = None, format: str = "") -> Graph:
    """Read the text of a graph file.

    With `args` (a dict, it may be empty) each node attribute `$name` becomes the argument's value, else the default of
    its table [args.name]; without, it stays as it is, as the real engine does unless it is asked for a flow by name.
    """
    if text.startswith("\ufeff"):
        text = text[1:]
    reader = jsontext.loads if _format(text, file, format) == "json" else tomltext.loads
    source = reader(text, file, "the graph file")
    graph = Graph()
    graph.file = file
    graph.settings = source.flat()
    graph.places = {key: source.place(key) for key in graph.settings}
    graph.odd_arrays = source.odd_arrays()
    _read_graph(graph, source)
    if args is not None:
        _replace(graph, args)
    return graph


def from_settings(settings: dict[str, Any], file: str = "") -> Graph:
    """A graph from settings under flat dotted keys, as a Configuration made in Python holds them."""
    graph = Graph()
    graph.file = file
    for key, value in settings.items():
        if isinstance(value, str) and LIST_SIGN in value:
            value = value.split(LIST_SIGN)
        graph.settings[str(key)] = [text_of(v) for v in value] if isinstance(value, (list, tuple)) else text_of(value)
    _read_graph(graph, None)
    return graph


def _format(text: str, file: str, format: str) -> str:
    format = format.lower()
    if format in ("toml", "json"):
        return format
    if format not in ("", "auto"):
        raise FormatError(f"'{format}' is no format of a graph file", Place(file), "Say toml or json", "NOTSUPPORT")
    extension = os.path.splitext(file)[1].lower()
    if extension in (".toml", ".json"):
        return extension[1:]
    return "json" if text.lstrip()[:1] == "{" else "toml"


def _read_graph(graph: Graph, source: TextFile | None) -> None:
    settings = graph.settings

    def place(key: str) -> Place:
        return source.place(key) if source else Place(graph.file)

    if not any(key == "graph" or key.startswith("graph.") for key in settings):
        raise FormatError("the graph file has no table [graph]", Place(graph.file),
                          'Add [graph] with format = "graphviz" and graphconf = """digraph ..."""')
    kind = settings.get("graph.format", "")
    if not kind:
        raise FormatError("[graph] has no format", place("graph"), 'Add format = "graphviz"')
    if kind not in FORMATS:
        raise FormatError(f"graph format '{_join(kind)}' is not known", place("graph.format"),
                          'Write format = "graphviz"', "NOTSUPPORT")
    conf = settings.get("graph.graphconf", "")
    if isinstance(conf, list):
        parsed = dot.parse(*_joined(conf, source, graph.file))
    elif conf:
        parsed = dot.parse(str(conf), graph.file, _locate("graph.graphconf", str(conf), source))
    else:
        path = _join(settings.get("graph.graphconffilepath", ""))
        if not path:
            raise FormatError("[graph] holds neither graphconf nor graphconffilepath", place("graph"),
                              "Write the graph as graphconf = \"\"\"digraph ...\"\"\"", "NOTFOUND")
        try:
            text = read_text(path, "the graph text named by graphconffilepath")
        except FormatError as error:
            raise FormatError(error.message, place("graph.graphconffilepath"),
                              f"A relative path is taken from the working directory, which is {os.getcwd()}",
                              "FAULT", "build") from None
        parsed = dot.parse(text, path)
    _fill(graph, parsed)


def _join(value: object) -> str:
    return LIST_SIGN.join(value) if isinstance(value, list) else str(value)


def _locate(key: str, value: str, source: TextFile | None) -> Locate | None:
    if source is None:
        return None
    found = source
    return lambda index: found.locate(key, index, value)


def _joined(items: list[str], source: TextFile | None, file: str) -> tuple[str, str, Locate | None]:
    """graphconf given as a list of lines, and where each character of the whole stands."""
    text = "".join(item + "\n" for item in items)
    if source is None:
        return text, file, None
    found = source
    lines = Lines(text)
    owners = [(number, at) for number, item in enumerate(items) for at in range(item.count("\n") + 1)]
    starts = {number: sum(len(item) + 1 for item in items[:number]) for number, _ in owners}

    def locate(index: int) -> Place:
        row = lines.place(min(index, max(len(text) - 1, 0))).line - 1
        number = owners[row][0] if row < len(owners) else len(items) - 1
        item = items[number] if items else ""
        return found.locate("graph.graphconf[%d]" % number, index - starts.get(number, 0), item)

    return text, file, locate


def _fill(graph: Graph, parsed: DotGraph) -> None:
    graph.name = parsed.name
    graph.place = parsed.place
    graph.strict_dot = parsed.strict
    graph.rest = parsed.rest
    graph.attributes = {key: value.text for key, value in parsed.attributes.items()}
    graph.attribute_places = {key: value.place for key, value in parsed.attributes.items()}
    for node in parsed.nodes.values():
        attributes = {key: value.text for key, value in node.attributes.items() if value.text}
        places = {key: value.place for key, value in node.attributes.items()}
        kind = attribute.text(attributes.get("type", ""))
        if not kind and attribute.text(attributes.get("flowunit", "")):
            kind = "flowunit"
        graph.nodes[node.name] = Node(node.name, kind, attributes, node.place, places)
    known = set()
    for edge in parsed.edges:
        key = (edge.tail, edge.port("tail"), edge.head, edge.port("head"))
        if key in known:
            continue
        known.add(key)
        tail, head = edge.attributes.get("tailport"), edge.attributes.get("headport")
        graph.edges.append(Edge(*key, edge.place, tail.place if tail else None, head.place if head else None))


def _replace(graph: Graph, args: dict[str, Any]) -> None:
    defaults: dict[str, str] = {}
    for key, value in graph.settings.items():
        parts = key.split(".")
        if parts[0] == "args" and len(parts) > 2:
            defaults.setdefault(parts[1], "")
            if parts[2:] == ["default"]:
                defaults[parts[1]] = _join(value)
    for name in args:
        if str(name) not in defaults:
            raise FormatError(f"the flow has no argument '{name}'", Place(graph.file),
                              did_you_mean(str(name), defaults) + " An argument is declared by a table [args.NAME]",
                              "FAULT")
    values = dict(defaults, **{str(name): text_of(value) for name, value in args.items()})
    for node in graph.nodes.values():
        for key, value in node.attributes.items():
            if value.startswith("$") and value[1:] in values:
                node.attributes[key] = values[value[1:]]
