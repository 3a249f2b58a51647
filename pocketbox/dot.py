"""The DOT language as Graphviz reads it, with the place of everything.

Libraries for DOT either need a system graphviz or forget where things stood. This follows Graphviz' own grammar: node,
edge and graph defaults, subgraphs with their own defaults, node lists, edge chains, repeated nodes whose attributes
merge, ports given as a:port or as the edge attributes tailport and headport, and only the first graph of a text.
"""
from __future__ import annotations

from typing import NamedTuple, NoReturn

from . import dottokens
from .dotgraph import Attributes, DotEdge, DotGraph, DotNode, Value
from .dottokens import Token
from .errors import FormatError
from .place import Place
from .source import Lines, Locate

DEEPEST = 64    # nesting of subgraphs; Graphviz has no limit, people never get there


class _Scope:
    """A graph or subgraph: its defaults and the nodes in it."""

    def __init__(self, parent: _Scope | None = None) -> None:
        self.node: Attributes = dict(parent.node) if parent else {}
        self.edge: Attributes = dict(parent.edge) if parent else {}
        self.graph: Attributes = {}
        self.parent = parent
        self.names: dict[str, None] = {}

    def add(self, name: str) -> None:
        scope: _Scope | None = self
        while scope is not None:
            scope.names[name] = None
            scope = scope.parent


class End(NamedTuple):
    """One end of an edge as written."""

    name: str
    port: Value | None
    place: Place


def parse(text: str, file: str = "", locate: Locate | None = None) -> DotGraph:
    """Read a DOT text. `locate` turns an offset in it into a place, when the text is part of another file."""
    return _Parser(text, locate or Lines(text, file).place).run()


class _Parser:
    def __init__(self, text: str, locate: Locate) -> None:
        self.locate = locate
        self.tokens = dottokens.split(text, locate)
        self.at = 0
        self.graph = DotGraph()
        self.subgraphs: dict[str, _Scope] = {}
        self.merged: dict[tuple[str, str], DotEdge] = {}

    # -- tokens ------------------------------------------------------------------------------------------------------
    @property
    def token(self) -> Token:
        token = self.tokens[self.at]
        if token.error is not None:
            raise token.error
        return token

    def is_mark(self, *marks: str) -> bool:
        return self.token.kind == "mark" and self.token.value in marks

    def take(self) -> Token:
        token = self.token
        if token.kind != "end":
            self.at += 1
        return token

    def wrong(self, expected: str, cure: str = "", token: Token | None = None) -> NoReturn:
        token = token or self.token
        if not cure and token.keyword:
            cure = f"'{token.value}' is a word of the language: write it in quotes to use it as a name"
        raise FormatError(f"expected {expected}, found {token}", self.locate(token.offset), cure, "FAULT", "build")

    def expect(self, mark: str, what: str, cure: str = "") -> Token:
        if not self.is_mark(mark):
            self.wrong(f"{what}", cure)
        return self.take()

    def atom(self, what: str) -> Token:
        token = self.token
        if not token.is_atom or token.keyword:
            self.wrong(what)
        self.take()
        if token.kind == "text":
            while self.is_mark("+"):
                self.take()
                more = self.token
                if more.kind != "text":
                    self.wrong("a quoted text behind '+'")
                self.take()
                token = Token("text", token.value + more.value, token.offset)
        return token

    # -- the graph ---------------------------------------------------------------------------------------------------
    def run(self) -> DotGraph:
        graph = self.graph
        if self.token.kind == "end":
            self.wrong("a graph: digraph NAME { ... }")
        if self.token.keyword == "strict":
            graph.strict = True
            self.take()
        if self.token.keyword not in ("digraph", "graph"):
            self.wrong("'digraph'", "A graph starts with: digraph NAME {")
        graph.place = self.locate(self.token.offset)
        graph.directed = self.take().keyword == "digraph"
        if self.token.is_atom and not self.token.keyword:
            graph.name = self.atom("the graph's name").value
        scope = _Scope()
        self.body(scope, 0)
        graph.attributes = scope.graph
        behind = self.tokens[self.at]
        if behind.kind != "end":
            graph.rest = self.locate(behind.offset)
        return graph

    def body(self, scope: _Scope, depth: int) -> None:
        if depth > DEEPEST:
            self.wrong("at most %d subgraphs in each other" % DEEPEST)
        opening = self.expect("{", "'{'")
        while not self.is_mark("}"):
            if self.token.kind == "end":
                place = self.locate(opening.offset)
                self.wrong("'}'", "The '{' of line %d is still open" % place.line)
            self.statement(scope, depth)
        self.graph.end = self.locate(self.take().offset)

    def statement(self, scope: _Scope, depth: int) -> None:
        token = self.token
        if token.keyword in ("graph", "node", "edge"):
            self.take()
            if not self.is_mark("["):
                self.wrong(f"'[' behind '{token.value}'")
            getattr(scope, token.keyword).update(self.attribute_lists())
        elif token.is_atom and not token.keyword and self.assignment():
            key = self.atom("a name").value
            self.take()
            value = self.atom("a value")
            scope.graph[key] = Value(value.value, self.locate(value.offset))
        else:
            self.chain(scope, depth)
        if self.is_mark(";"):
            self.take()

    def assignment(self) -> bool:
        """Whether NAME = VALUE stands here (a name may be several quoted texts joined by +)."""
        at = self.at + 1
        while self.tokens[at].kind == "mark" and self.tokens[at].value == "+" and self.tokens[at + 1].kind == "text":
            at += 2
        return self.tokens[at].kind == "mark" and self.tokens[at].value == "="

    def attribute_lists(self) -> Attributes:
        """[a=b, c=d; e=f g=h] [...]"""
        out: Attributes = {}
        while self.is_mark("["):
            opening = self.take()
            while not self.is_mark("]"):
                if self.token.kind == "end" or self.is_mark("{", "}", "[", "->", "--", ":"):
                    line = self.locate(opening.offset).line
                    self.wrong("']'", "The '[' of line %d is still open" % line)
                name = self.atom("an attribute: name=value, or ']'")
                if not self.is_mark("="):
                    line = self.locate(opening.offset).line
                    if self.is_mark("->", "--", ":", "["):
                        self.wrong("']'", "The '[' of line %d is still open" % line)
                    self.wrong(f"'=' behind the attribute name '{name.value}'", self.half_word(name))
                self.take()
                value = self.atom(f"a value for '{name.value}'")
                out[name.value] = Value(value.value, self.locate(value.offset))
                if self.is_mark(",", ";"):
                    self.take()
            self.take()
        return out

    def half_word(self, name: Token) -> str:
        """The cure where 12x or a.b was meant as one value: it reads as two words."""
        before = self.tokens[self.at - 2]
        touching = before.kind == "id" and before.offset + len(before.value) == name.offset
        return f'Put the value in quotes: "{before.value}{name.value}"' if touching else ""

    # -- nodes and edges ---------------------------------------------------------------------------------------------
    def chain(self, scope: _Scope, depth: int) -> None:
        """node, node:port or subgraph, joined by -> into edges, with attributes behind."""
        first = self.at
        groups = [self.ends(scope, depth)]
        arrow = "->" if self.graph.directed else "--"
        while self.is_mark("->", "--"):
            if self.token.value != arrow:
                self.wrong(f"'{arrow}'", "A {} has edges written with {}".format(
                    "digraph" if self.graph.directed else "graph", arrow))
            self.take()
            groups.append(self.ends(scope, depth))
        start = self.tokens[first]
        if len(groups) == 1:
            if start.keyword == "subgraph" or (start.value == "{" and start.kind == "mark"):
                if self.is_mark("["):
                    self.attribute_lists()
                return
            attributes = self.attribute_lists()
            for end in groups[0]:
                node = self.graph.nodes[end.name]
                if not node.declared:
                    node.place = end.place
                    node.declared = True
                node.attributes.update(attributes)
            return
        attributes = self.attribute_lists()
        for tails, heads in zip(groups, groups[1:]):
            for tail in tails:
                for head in heads:
                    self.edge(scope, tail, head, attributes)

    def ends(self, scope: _Scope, depth: int) -> list[End]:
        if self.token.keyword == "subgraph" or self.is_mark("{"):
            place = self.locate(self.token.offset)
            return [End(name, None, place) for name in self.subgraph(scope, depth).names]
        found = [self.end_of_edge(scope)]
        while self.is_mark(","):
            self.take()
            found.append(self.end_of_edge(scope))
        return found

    def end_of_edge(self, scope: _Scope) -> End:
        token = self.atom("a node")
        if token.value not in self.graph.nodes:
            self.graph.nodes[token.value] = DotNode(token.value, self.locate(token.offset), dict(scope.node))
        scope.add(token.value)
        if not self.is_mark(":"):
            return End(token.value, None, self.locate(token.offset))
        self.take()
        port = self.atom("a port behind ':'")
        text = port.value
        if self.is_mark(":"):
            self.take()
            text += ":" + self.atom("a compass point behind ':'").value
        return End(token.value, Value(text, self.locate(port.offset)), self.locate(token.offset))

    def subgraph(self, scope: _Scope, depth: int) -> _Scope:
        name = ""
        if self.token.keyword == "subgraph":
            self.take()
            if self.token.is_atom and not self.token.keyword:
                name = self.atom("a name").value
        inner = self.subgraphs.get(name) if name else None
        if inner is None:
            inner = _Scope(scope)
            if name:
                self.subgraphs[name] = inner
        self.body(inner, depth + 1)
        return inner

    def edge(self, scope: _Scope, tail: End, head: End, attributes: Attributes) -> None:
        key = (tail.name, head.name)
        known = self.merged.get(key) if self.graph.strict else None
        edge = known or DotEdge(tail.name, head.name, tail.place, dict(scope.edge))
        if tail.port is not None:
            edge.attributes["tailport"] = tail.port
        if head.port is not None:
            edge.attributes["headport"] = head.port
        edge.attributes.update(attributes)
        if known is None:
            self.graph.edges.append(edge)
            self.merged[key] = edge
