"""Kubernetes' quantities as numbers: 500m, 2Gi, 1.5, 1e3."""

from __future__ import annotations

import re
from typing import Any

from sedna_bridge.local_controller.errors import PodError

_SHAPE = re.compile(
    r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(m|u|n|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?\Z"
)
_FACTORS = {"": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3}
for _power, _letter in enumerate("kMGTPE", 1):
    _FACTORS[_letter] = 1000.0**_power
for _power, _letter in enumerate("KMGTPE", 1):
    _FACTORS[_letter + "i"] = 1024.0**_power


def quantity(value: Any, what: str) -> float:
    """The number that a quantity means; `what` names it in the error."""
    match = _SHAPE.match(str(value).strip())
    if match is None or isinstance(value, bool):
        raise PodError(f"{what}: expected a quantity such as 500m or 2Gi; got {value!r}")
    return float(match.group(1)) * _FACTORS[match.group(2) or ""]
