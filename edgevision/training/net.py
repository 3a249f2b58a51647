"""A plan run by torch, and the numbers in it as plain arrays."""
from __future__ import annotations

import math
from typing import Dict, cast

import numpy as np
import torch
from torch import nn

from edgevision.errors import TrainingError
from edgevision.training.plan import HEAD_STRIDE, Plan

Weights = Dict[str, np.ndarray]
_LARGEST = 4.5  # cap on the raw logarithm of a box side in strides: 8 * e^4.5 = 720 pixels


class Net(nn.Module):
    """Runs a plan. Folded nets have no batch normalisation: convolution, bias, ReLU, as the shipped model."""

    def __init__(self, plan: Plan, folded: bool = False) -> None:
        super().__init__()
        self.plan = plan
        self.folded = folded
        self.convs = nn.ModuleDict()
        self.norms = nn.ModuleDict()
        for layer in plan.layers:
            if layer.kind == "conv":
                normed = layer.relu and not folded
                self.convs[_key(layer.name)] = nn.Conv2d(layer.inputs, layer.outputs, layer.kernel, layer.stride,
                                                         layer.kernel // 2, bias=not normed)
                if normed:
                    self.norms[_key(layer.name)] = nn.BatchNorm2d(layer.outputs, momentum=0.03)
        self._last_use = {source: k for k, layer in enumerate(plan.layers) for source in layer.sources}
        self._start()

    def _start(self) -> None:
        for layer in self.plan.layers:
            if layer.kind == "conv":
                nn.init.kaiming_normal_(self._conv(layer.name).weight, nonlinearity="relu")
        raw = self._conv(self.plan.layers[-1].name)
        assert raw.bias is not None
        nn.init.normal_(raw.weight, std=0.01)
        with torch.no_grad():
            raw.bias[:2] = 0.0
            raw.bias[2:4] = math.log(4.0)
            raw.bias[4:] = math.log(0.01 / 0.99)

    def _conv(self, name: str) -> nn.Conv2d:
        return cast(nn.Conv2d, self.convs[_key(name)])

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """(batch, 3, h, w) to the raw head (batch, 4 + classes, h / 8, w / 8)."""
        values = {"image": image}
        for k, layer in enumerate(self.plan.layers):
            source = values[layer.sources[0]]
            if layer.kind == "conv":
                out = self.convs[_key(layer.name)](source)
                if layer.relu:
                    if not self.folded:
                        out = self.norms[_key(layer.name)](out)
                    out = torch.relu_(out)
            elif layer.kind == "up":
                out = nn.functional.interpolate(source, scale_factor=2, mode="nearest")
            else:
                out = source + values[layer.sources[1]]
            values[layer.name] = out
            for name in layer.sources:
                if self._last_use[name] == k:
                    values.pop(name, None)
        return values[self.plan.layers[-1].name]

    def fold(self) -> Weights:
        """Weights and biases of every convolution with the normalisation folded in."""
        weights: Weights = {}
        with torch.no_grad():
            for layer in self.plan.layers:
                if layer.kind != "conv":
                    continue
                conv = self._conv(layer.name)
                weight, bias = conv.weight.double(), conv.bias
                bias = torch.zeros(layer.outputs, dtype=torch.float64) if bias is None else bias.double()
                if _key(layer.name) in self.norms:
                    norm = cast(nn.BatchNorm2d, self.norms[_key(layer.name)])
                    assert norm.running_mean is not None and norm.running_var is not None
                    factor = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
                    weight = weight * factor[:, None, None, None]
                    bias = norm.bias.double() + (bias - norm.running_mean.double()) * factor
                weights[layer.name + ".weight"] = np.ascontiguousarray(weight.float().numpy())
                weights[layer.name + ".bias"] = np.ascontiguousarray(bias.float().numpy())
        return weights

    @classmethod
    def from_weights(cls, plan: Plan, weights: Weights) -> Net:
        """A folded net with these weights; every shape is checked."""
        net = cls(plan, folded=True)
        with torch.no_grad():
            for layer in plan.layers:
                if layer.kind != "conv":
                    continue
                conv = net._conv(layer.name)
                assert conv.bias is not None
                for part, target in (("weight", conv.weight), ("bias", conv.bias)):
                    name = "%s.%s" % (layer.name, part)
                    if name not in weights:
                        raise TrainingError("weights for the net %r: %s is missing" % (plan.name, name))
                    if tuple(weights[name].shape) != tuple(target.shape):
                        raise TrainingError("weights for the net %r: %s has the shape %s, expected %s" % (
                            plan.name, name, tuple(weights[name].shape), tuple(target.shape)))
                    target.copy_(torch.from_numpy(np.array(weights[name], np.float32)))
        return net


def _key(name: str) -> str:
    return name.replace(".", "_")


def grid(height: int, width: int) -> torch.Tensor:
    """Centres of the head's cells in pixels, (cells, 2), row by row."""
    ys, xs = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return (torch.stack((xs, ys), -1).reshape(-1, 2).float() + 0.5) * HEAD_STRIDE


def decode(raw: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The raw head as boxes x1, y1, x2, y2 in pixels (batch, cells, 4) and class logits (batch, cells, classes)."""
    batch, channels, height, width = raw.shape
    flat = raw.reshape(batch, channels, height * width).transpose(1, 2)
    centre = grid(height, width) + flat[..., :2] * HEAD_STRIDE
    half = torch.exp(flat[..., 2:4].clamp(max=_LARGEST)) * (HEAD_STRIDE / 2)
    return torch.cat((centre - half, centre + half), -1), flat[..., 4:]
