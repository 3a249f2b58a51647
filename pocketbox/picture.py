"""A graph as a picture: SVG without graphviz, or lines of text for a terminal."""
from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from .catalog import Catalog
from .descriptor import Descriptor
from .errors import BuildError
from .graph import Graph, Node
from .layout import Box, Line, place
from .unitinfo import kind

MARGIN = 24.0
TITLE_HEIGHT = 40.0
PORT_HEIGHT = 20.0
CHAR = 6.8          # mean width of a letter
LOOP = 46.0         # how far a line that leads back swings out
COLOURS = {         # kind -> fill, line
    "source": ("#e3f2e1", "#3d7a35"), "sink": ("#fdeede", "#b0641c"), "normal": ("#eef2f7", "#5a6b80"),
    "stream": ("#e4eefb", "#3567a8"), "condition": ("#fff6d6", "#9c7a12"), "expand": ("#f1e8fb", "#7147a8"),
    "collapse": ("#f1e8fb", "#7147a8"), "inference": ("#e2f4f4", "#22787a"), "input": ("#e3f2e1", "#3d7a35"),
    "output": ("#fdeede", "#b0641c"), "unknown": ("#fbe6e6", "#b03434"),
}
STYLE = """  .name { font: 600 13px sans-serif; fill: #1d2733 }
  .unit { font: 11px sans-serif; fill: #4a5868 }
  .port { font: 11px sans-serif; fill: #33404d }
  .edge { fill: none; stroke: #6b7b8c; stroke-width: 1.4 }"""


def svg(graph: Graph, catalog: Catalog | None = None) -> str:
    """The graph as an SVG text. Units of the catalog show their kind and all their ports, also unconnected ones."""
    views = {name: _View(node, graph, catalog) for name, node in graph.nodes.items()}
    boxes = {name: view.box() for name, view in views.items()}
    lines = [Line(boxes[edge.source], views[edge.source].port(edge.source_port, "out"),
                  boxes[edge.target], views[edge.target].port(edge.target_port, "in")) for edge in graph.edges]
    width, height = place(list(boxes.values()), lines)
    swing = LOOP if any(line.turned or line.source is line.target for line in lines) else 0.0
    full_width, full_height = width + 2 * MARGIN, height + 2 * MARGIN + swing
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" role="img">' % (
        full_width, full_height, full_width, full_height), "<title>%s</title>" % _text(graph.name or "graph"),
        "<style>\n%s\n</style>" % STYLE,
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" fill="#6b7b8c"/></marker></defs>',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        '<g transform="translate(%.0f,%.0f)">' % (MARGIN, MARGIN)]
    out += [_line(line, height) for line in lines]
    out += [views[name].draw(box) for name, box in boxes.items()]
    return "\n".join([*out, "</g>", "</svg>"]) + "\n"


def text(graph: Graph, catalog: Catalog | None = None) -> str:
    """The graph as lines: each node with its unit and kind, below it where its outputs lead."""
    views = {name: _View(node, graph, catalog) for name, node in graph.nodes.items()}
    wide = max((len(name) for name in views), default=0)
    out = ["%s: %d nodes, %d edges" % (graph.name or "graph", len(graph.nodes), len(graph.edges))]
    for name in _in_order(graph):
        view = views[name]
        out.append("%-*s  %s (%s)" % (wide, name, view.unit, view.kind) if view.unit else "%-*s  (%s)" % (
            wide, name, view.kind))
        for port in view.outputs:
            targets = ["%s%s" % (edge.target, ":" + edge.target_port if edge.target_port else "")
                       for edge in graph.edges if edge.source == name and view.port(edge.source_port, "out") == port]
            out.append("%s    %s -> %s" % (" " * wide, port, ", ".join(targets) or "(nothing)"))
        fed = {view.port(edge.target_port, "in") for edge in graph.edges if edge.target == name}
        out += ["%s    (nothing) -> %s" % (" " * wide, port) for port in view.inputs if port not in fed]
    return "\n".join(out) + "\n"


class _View:
    """How a node is shown: its unit, kind and ports (from the catalog, else those that edges name)."""

    def __init__(self, node: Node, graph: Graph, catalog: Catalog | None) -> None:
        self.name = node.name
        self.unit = node.unit
        found = _unit(node, catalog)
        named_in = [edge.target_port for edge in graph.edges if edge.target == node.name]
        named_out = [edge.source_port for edge in graph.edges if edge.source == node.name]
        self.inputs = _merge(found.input_names() if found else [], [self.port(name, "in") for name in named_in])
        self.outputs = _merge(found.output_names() if found else [], [self.port(name, "out") for name in named_out])
        if node.kind in ("input", "output"):
            self.kind = node.kind
            self.inputs = self.inputs if node.kind == "output" else []
            self.outputs = self.outputs if node.kind == "input" else []
        elif found is None:
            self.kind = "unknown"
        elif not self.inputs:
            self.kind = "source"
        elif not self.outputs:
            self.kind = "sink"
        else:
            self.kind = kind(found)

    def port(self, name: str, side: str) -> str:
        """The port as it is shown; an end that names none has one of the side's name."""
        return name or side

    def box(self) -> Box:
        rows = max(len(self.inputs), len(self.outputs))
        ports = max((len(a) + len(b) for a, b in _pairs(self.inputs, self.outputs)), default=0)
        width = max(len(self.name) * 7.6, len(self._subtitle()) * 6.2, ports * CHAR + 24) + 28
        box = Box(self.name, width, TITLE_HEIGHT + rows * PORT_HEIGHT + (6 if rows else 0))
        for side, names in (("in", self.inputs), ("out", self.outputs)):
            for number, name in enumerate(names):
                box.ports[(side, name)] = TITLE_HEIGHT + (number + 0.5) * PORT_HEIGHT
        return box

    def _subtitle(self) -> str:
        return "%s (%s)" % (self.unit, self.kind) if self.unit else self.kind

    def draw(self, box: Box) -> str:
        fill, line = COLOURS.get(self.kind, COLOURS["normal"])
        left, top, middle = box.x, box.y - box.height / 2, box.x + box.width / 2
        out = ["<g><title>%s</title>" % _text("%s: %s" % (self.name, self._subtitle())),
               '<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="6" fill="%s" stroke="%s"/>' % (
                   left, top, box.width, box.height, fill, line),
               '<text class="name" x="%.1f" y="%.1f" text-anchor="middle">%s</text>' % (
                   middle, top + 17, _text(self.name)),
               '<text class="unit" x="%.1f" y="%.1f" text-anchor="middle">%s</text>' % (
                   middle, top + 32, _text(self._subtitle()))]
        for (side, name), below in box.ports.items():
            is_input = side == "in"
            edge = left if is_input else left + box.width
            out.append('<circle cx="%.1f" cy="%.1f" r="3.2" fill="%s"/>' % (edge, top + below, line))
            out.append('<text class="port" x="%.1f" y="%.1f"%s>%s</text>' % (
                edge + (9 if is_input else -9), top + below + 4, "" if is_input else ' text-anchor="end"', _text(name)))
        return "\n".join([*out, "</g>"])


def _unit(node: Node, catalog: Catalog | None) -> Descriptor | None:
    if catalog is None or node.kind != "flowunit" or not node.unit:
        return None
    try:
        return catalog.find(node.unit, node.attributes.get("device", ""))
    except BuildError:
        return None


def _merge(first: list[str], second: list[str]) -> list[str]:
    return list(dict.fromkeys([*first, *second]))


def _pairs(left: list[str], right: list[str]) -> list[tuple[str, str]]:
    size = max(len(left), len(right))
    return list(zip(left + [""] * (size - len(left)), right + [""] * (size - len(right))))


def _line(line: Line, height: float) -> str:
    """A smooth line from port to port, through the bends that keep it clear of boxes."""
    label = quoteattr("%s:%s -> %s:%s" % (line.source.name, line.source_port, line.target.name, line.target_port))
    start = (line.source.x + line.source.width, line.source.port_y("out", line.source_port))
    end = (line.target.x - 5, line.target.port_y("in", line.target_port))
    if line.turned or line.source is line.target:
        low = height + LOOP * 0.7
        path = "M%.1f,%.1f C%.1f,%.1f %.1f,%.1f %.1f,%.1f S%.1f,%.1f %.1f,%.1f" % (
            *start, start[0] + LOOP, start[1], start[0] + LOOP, low, (start[0] + end[0]) / 2, low,
            end[0] - LOOP, end[1], *end)
    else:
        points = [start, *((bend.x, bend.y) for bend in line.bends), end]
        path = "M%.1f,%.1f" % start
        for (x1, y1), (x2, y2) in zip(points, points[1:]):
            reach = max((x2 - x1) / 2, 12.0)
            path += " C%.1f,%.1f %.1f,%.1f %.1f,%.1f" % (x1 + reach, y1, x2 - reach, y2, x2, y2)
    return '<path class="edge" d="%s" marker-end="url(#arrow)" aria-label=%s/>' % (path, _clean(label))


def _in_order(graph: Graph) -> list[str]:
    """Nodes so that each comes after what feeds it, as far as there is such an order."""
    waiting = {name: {edge.source for edge in graph.edges if edge.target == name} - {name} for name in graph.nodes}
    done: list[str] = []
    while waiting:
        ready = [name for name, sources in waiting.items() if not sources & waiting.keys()] or [next(iter(waiting))]
        for name in ready:
            done.append(name)
            del waiting[name]
    return done


def _clean(value: str) -> str:
    """Without the control characters that XML cannot hold."""
    return "".join(char if char >= " " or char in "\t\n" else "?" for char in value)


def _text(value: str) -> str:
    return escape(_clean(value))
