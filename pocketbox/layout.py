"""Places the boxes of a graph in layers from left to right, with few crossings and straight lines.

The usual four steps: turn back the edges of loops, put each node as far right as its longest way from a source, order
each layer by the mean place of its neighbours, and move boxes towards their neighbours without letting them touch. A
line that passes over layers gets an invisible box in each, which keeps it clear of the real ones.
"""
from __future__ import annotations

from typing import Iterable, Sequence

SWEEPS = 12
GAP = 28.0          # between boxes of a layer
LAYER_GAP = 90.0    # between layers


class Box:
    """A box with ports; the heights of its ports are measured from its top."""

    def __init__(self, name: str, width: float, height: float) -> None:
        self.name = name
        self.width = width
        self.height = height
        self.layer = 0
        self.x = 0.0
        self.y = 0.0        # of its middle
        self.ports: dict[tuple[str, str], float] = {}   # (side, port) -> height below the top

    def port_y(self, side: str, port: str) -> float:
        return self.y - self.height / 2 + self.ports.get((side, port), self.height / 2)


class Line:
    """An edge between two ports; `bends` are the boxes through which it passes on its way."""

    def __init__(self, source: Box, source_port: str, target: Box, target_port: str) -> None:
        self.source = source
        self.source_port = source_port
        self.target = target
        self.target_port = target_port
        self.bends: list[Box] = []
        self.turned = False


class _Link:
    """A piece of a line between two neighbouring layers."""

    __slots__ = ("left", "left_port", "right", "right_port")

    def __init__(self, left: Box, left_port: tuple[str, str], right: Box, right_port: tuple[str, str]) -> None:
        self.left = left
        self.left_port = left_port
        self.right = right
        self.right_port = right_port


def place(boxes: Sequence[Box], lines: Sequence[Line]) -> tuple[float, float]:
    """Set x and y of all boxes; gives the width and height of the whole."""
    if not boxes:
        return 0.0, 0.0
    _turn_loops(boxes, lines)
    _layer(boxes, lines)
    links = _links(lines)
    bends = [bend for line in lines for bend in line.bends]
    layers: list[list[Box]] = [[] for _ in range(max(box.layer for box in boxes) + 1)]
    for box in [*boxes, *bends]:
        layers[box.layer].append(box)
    _order(layers, links)
    _heights(layers, links)
    return _finish(layers)


def _turn_loops(boxes: Sequence[Box], lines: Sequence[Line]) -> None:
    """Mark the lines that lead back, by a walk from the sources."""
    out: dict[Box, list[Line]] = {box: [] for box in boxes}
    fed = set()
    for line in lines:
        out[line.source].append(line)
        fed.add(line.target)
    state: dict[Box, int] = {}
    for start in sorted(boxes, key=lambda box: box in fed):
        if start in state:
            continue
        state[start] = 1
        stack = [(start, iter(out[start]))]
        while stack:
            box, rest = stack[-1]
            step = next(rest, None)
            if step is None:
                state[box] = 2
                stack.pop()
            elif state.get(step.target) == 1:
                step.turned = True
            elif step.target not in state:
                state[step.target] = 1
                stack.append((step.target, iter(out[step.target])))


def _layer(boxes: Sequence[Box], lines: Sequence[Line]) -> None:
    """Longest way from a source; then sources and their like move right, next to what they feed."""
    after: dict[Box, list[Box]] = {box: [] for box in boxes}
    waiting = dict.fromkeys(boxes, 0)
    for line in lines:
        left, right = _ends(line)
        if left is not right:
            after[left].append(right)
            waiting[right] += 1
    ready = [box for box in boxes if waiting[box] == 0]
    order: list[Box] = []
    while ready:
        box = ready.pop()
        order.append(box)
        for right in after[box]:
            right.layer = max(right.layer, box.layer + 1)
            waiting[right] -= 1
            if waiting[right] == 0:
                ready.append(right)
    fed = {right for rights in after.values() for right in rights}
    for box in reversed(order):
        if box not in fed and after[box]:
            box.layer = min(right.layer for right in after[box]) - 1


def _ends(line: Line) -> tuple[Box, Box]:
    return (line.target, line.source) if line.turned else (line.source, line.target)


def _links(lines: Iterable[Line]) -> list[_Link]:
    """Cut lines into pieces from layer to layer, with a thin box wherever one passes a layer."""
    links: list[_Link] = []
    for line in lines:
        left, right = _ends(line)
        if left is right:
            continue
        left_port = ("in", line.target_port) if line.turned else ("out", line.source_port)
        right_port = ("out", line.source_port) if line.turned else ("in", line.target_port)
        last, last_port = left, left_port
        for layer in range(left.layer + 1, right.layer):
            bend = Box("", 0.0, 6.0)
            bend.layer = layer
            line.bends.append(bend)
            links.append(_Link(last, last_port, bend, ("", "")))
            last, last_port = bend, ("", "")
        links.append(_Link(last, last_port, right, right_port))
    return links


def _order(layers: list[list[Box]], links: Sequence[_Link]) -> None:
    """Sort layers by the mean position of the neighbours, to and fro, and keep the order with the fewest crossings."""
    rank = {box: float(index) for layer in layers for index, box in enumerate(layer)}
    left: dict[Box, list[_Link]] = {box: [] for box in rank}
    right: dict[Box, list[_Link]] = {box: [] for box in rank}
    for link in links:
        left[link.right].append(link)
        right[link.left].append(link)

    def mean(box: Box, forward: bool) -> float:
        around = [(rank[link.left] + _part(link.left, link.left_port)) if forward
                  else (rank[link.right] + _part(link.right, link.right_port))
                  for link in (left if forward else right)[box]]
        return sum(around) / len(around) if around else rank[box]

    best, fewest = [list(layer) for layer in layers], _crossings(links, rank)
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        for layer in layers if forward else reversed(layers):
            layer.sort(key=lambda box: mean(box, forward))
            for index, box in enumerate(layer):
                rank[box] = float(index)
        count = _crossings(links, rank)
        if count < fewest:
            best, fewest = [list(layer) for layer in layers], count
    for layer, kept in zip(layers, best):
        layer[:] = kept


def _part(box: Box, port: tuple[str, str]) -> float:
    """A port's place within its box, as a fraction, so that ports are told apart when layers are sorted."""
    return box.ports.get(port, box.height / 2) / box.height - 0.5 if box.height else 0.0


def _crossings(links: Sequence[_Link], rank: dict[Box, float]) -> int:
    by_layer: dict[int, list[tuple[float, float]]] = {}
    for link in links:
        by_layer.setdefault(link.left.layer, []).append(
            (rank[link.left] + _part(link.left, link.left_port), rank[link.right] + _part(link.right, link.right_port)))
    return sum(1 for pairs in by_layer.values() for at, one in enumerate(pairs) for other in pairs[at + 1:]
               if (one[0] - other[0]) * (one[1] - other[1]) < 0)


def _heights(layers: list[list[Box]], links: Sequence[_Link]) -> None:
    """Move boxes towards their neighbours; within a layer they keep their order and their distance."""
    around: dict[Box, list[_Link]] = {box: [] for layer in layers for box in layer}
    for link in links:
        around[link.left].append(link)
        around[link.right].append(link)
    for layer in layers:
        _fit(layer, [0.0] * len(layer))
    for sweep in range(SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wanted = []
            for box in layer:
                pulls = [_other_end(link, box) for link in around[box]]
                wanted.append(sum(pulls) / len(pulls) if pulls else box.y)
            _fit(layer, wanted)


def _other_end(link: _Link, box: Box) -> float:
    """Where the middle of `box` would have to be for this link to run straight."""
    if link.right is box:
        return link.left.port_y(*link.left_port) - link.right.port_y(*link.right_port) + box.y
    return link.right.port_y(*link.right_port) - link.left.port_y(*link.left_port) + box.y


def _fit(layer: list[Box], wanted: list[float]) -> None:
    """The places nearest to those wanted at which no two boxes touch: pool neighbours that are too close."""
    offset, offsets = 0.0, []
    for index, box in enumerate(layer):
        if index:
            offset += (layer[index - 1].height + box.height) / 2 + GAP
        offsets.append(offset)
    pools: list[tuple[float, int]] = []     # mean, size
    for want, shift in zip(wanted, offsets):
        mean, size = want - shift, 1
        while pools and pools[-1][0] > mean:
            other, count = pools.pop()
            mean, size = (mean * size + other * count) / (size + count), size + count
        pools.append((mean, size))
    index = 0
    for mean, size in pools:
        for _ in range(size):
            layer[index].y = mean + offsets[index]
            index += 1


def _finish(layers: list[list[Box]]) -> tuple[float, float]:
    """Give layers their x, and shift everything so that it starts at 0."""
    x = 0.0
    for layer in layers:
        width = max((box.width for box in layer), default=0.0)
        for box in layer:
            box.x = x + (width - box.width) / 2
        x += width + LAYER_GAP
    boxes = [box for layer in layers for box in layer]
    top = min(box.y - box.height / 2 for box in boxes)
    for box in boxes:
        box.y -= top
    return x - LAYER_GAP, max(box.y + box.height / 2 for box in boxes)
