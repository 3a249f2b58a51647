"""mean and normalize: arithmetic on planes; both give float32."""
from __future__ import annotations

from typing import Any

import numpy as np

from ..sdk.buffer import Buffer
from ..sdk.element import ModelBoxDataType
from .picture import shapeless
from .unit import BAD_CONFIG, FAULT, BuiltinUnit, Refusal, type_of

PLANES = 3


class PlaneUnit(BuiltinUnit):
    """The data is taken as three planes, one after the other, whatever its layout says: put it behind
    packed_planar_transpose."""

    option = ""

    def configure(self, config: Any) -> None:
        values = config.get_float_list(self.option)
        if len(values) != PLANES:
            raise Refusal(BAD_CONFIG, "option %s needs three numbers, one for each channel; write %s=\"1,2,3\"" % (
                self.option, self.option))
        self.values = values

    def of_plane(self, plane: np.ndarray, value: float, target: np.ndarray) -> None:
        raise NotImplementedError

    def work(self, ctx: Any) -> None:
        out = ctx.output("out_data")
        buffers = list(ctx.input("in_data"))
        for buffer in buffers:
            if type_of(buffer) not in (ModelBoxDataType.FLOAT, ModelBoxDataType.UINT8):
                raise Refusal(FAULT, "")
        for buffer in buffers:
            out.push_back(self._one(buffer))

    def _one(self, buffer: Buffer) -> Buffer:
        source = buffer._array.reshape(-1)
        target = np.zeros(source.size, np.float32)
        new = shapeless(self.get_bind_device(), target, typed=False)
        if buffer._shape is None and "shape" not in buffer._meta:
            return new      # without a shape the real unit passes empty data on
        size = source.size // PLANES
        for number, value in enumerate(self.values):
            part = slice(size * number, size * (number + 1))
            self.of_plane(source[part], value, target[part])
        new._meta["type"] = ModelBoxDataType.FLOAT
        new.copy_meta(buffer)
        new._meta["type"] = ModelBoxDataType.FLOAT
        return new


class Mean(PlaneUnit):
    option = "mean"

    def of_plane(self, plane: np.ndarray, value: float, target: np.ndarray) -> None:
        np.subtract(plane, value, out=target, dtype=np.float64, casting="unsafe")


class Normalize(PlaneUnit):
    option = "standard_deviation_inverse"

    def of_plane(self, plane: np.ndarray, value: float, target: np.ndarray) -> None:
        np.multiply(plane, value, out=target, dtype=np.float64, casting="unsafe")
