"""The networks, as plain lists of layers.

One list is read three ways: torch runs it with batch normalisation (training from nothing), torch runs it folded
(fine-tuning), and the ONNX writer copies it node by node. So what was trained and what is shipped cannot differ.
"""
from __future__ import annotations

from dataclasses import dataclass

HEAD_STRIDE = 8


@dataclass(frozen=True)
class Layer:
    """One step. kind: "conv" (with ReLU if `relu`), "up" (nearest, twice as large) or "add"."""

    name: str
    kind: str
    sources: tuple[str, ...]
    inputs: int = 0
    outputs: int = 0
    kernel: int = 1
    stride: int = 1
    relu: bool = True


@dataclass(frozen=True)
class Plan:
    """A network: layers in the order of running; the last one is the raw head, (4 + classes) channels at stride 8."""

    name: str
    layers: tuple[Layer, ...]
    classes: int
    width: int = 640
    height: int = 352

    def macs(self) -> int:
        """Multiply-and-add steps for one picture."""
        size: dict[str, int] = {"image": self.width * self.height}
        total = 0
        for layer in self.layers:
            area = size[layer.sources[0]]
            if layer.kind == "up":
                area *= 4
            elif layer.kind == "conv":
                area //= layer.stride * layer.stride
                total += area * layer.inputs * layer.outputs * layer.kernel * layer.kernel
            size[layer.name] = area
        return total

    def gflop(self) -> float:
        """Floating point operations for one picture in thousand millions, a multiply-and-add counted as two."""
        return 2 * self.macs() / 1e9


class _Builder:
    def __init__(self) -> None:
        self.layers: list[Layer] = []
        self.channels: dict[str, int] = {"image": 3}

    def conv(self, name: str, source: str, outputs: int, kernel: int = 3, stride: int = 1, relu: bool = True) -> str:
        self.layers.append(Layer(name, "conv", (source,), self.channels[source], outputs, kernel, stride, relu))
        self.channels[name] = outputs
        return name

    def up(self, name: str, source: str) -> str:
        self.layers.append(Layer(name, "up", (source,)))
        self.channels[name] = self.channels[source]
        return name

    def add(self, name: str, first: str, second: str) -> str:
        self.layers.append(Layer(name, "add", (first, second)))
        self.channels[name] = self.channels[first]
        return name

    def block(self, name: str, source: str, times: int) -> str:
        """Residual bottlenecks: half the channels in the middle, 1x1 then 3x3."""
        for k in range(times):
            narrow = self.conv("%s.%d.a" % (name, k), source, self.channels[source] // 2, 1)
            wide = self.conv("%s.%d.b" % (name, k), narrow, self.channels[source], 3)
            source = self.add("%s.%d" % (name, k), wide, source)
        return source


def pyramid(name: str, widths: tuple[int, int, int, int, int], depth: tuple[int, int, int, int], neck: int, head: int,
            classes: int = 4) -> Plan:
    """Five halvings, back up to stride 8, one head. Strides 2, 4, 8, 16, 32 have `widths` channels."""
    b = _Builder()
    at = b.conv("stem", "image", widths[0], 3, 2)
    at = b.block("s4", b.conv("down4", at, widths[1], 3, 2), depth[0])
    s8 = at = b.block("s8", b.conv("down8", at, widths[2], 3, 2), depth[1])
    s16 = at = b.block("s16", b.conv("down16", at, widths[3], 3, 2), depth[2])
    at = b.block("s32", b.conv("down32", at, widths[4], 3, 2), depth[3])
    at = b.up("up16", b.conv("lateral32", at, widths[3], 1))
    at = b.block("neck16", b.add("join16", at, s16), neck)
    at = b.up("up8", b.conv("lateral16", at, widths[2], 1))
    at = b.block("neck8", b.add("join8", at, s8), neck)
    at = b.conv("head", at, head, 3)
    b.conv("raw", at, 4 + classes, 1, relu=False)
    return Plan(name, tuple(b.layers), classes)


LITTLE = pyramid("little", (16, 24, 48, 72, 96), (0, 1, 1, 1), 1, 32)
BIG = pyramid("big", (16, 32, 96, 160, 192), (1, 2, 2, 1), 1, 64)
PLANS: dict[str, Plan] = {plan.name: plan for plan in (LITTLE, BIG)}
