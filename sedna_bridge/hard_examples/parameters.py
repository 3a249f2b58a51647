"""Parameters of filters: they come as text from a graph or from HEM_PARAMETERS and leave as checked numbers."""

from __future__ import annotations

import json
import math
from typing import Any, Mapping, NamedTuple

from sedna_bridge.errors import HardExampleError


class Parameter(NamedTuple):
    """One number that a filter can be given, its default and its bounds."""

    default: float
    about: str
    least: float = -math.inf
    most: float = math.inf
    whole: bool = False


def number(filter_name: str, name: str, value: Any, parameter: Parameter) -> float:
    """The value as a number within the parameter's bounds."""
    try:
        result = float(value)
    except (TypeError, ValueError):
        result = math.nan
    if math.isnan(result) or (parameter.whole and not result.is_integer()):
        raise HardExampleError(
            "%s: parameter %s must be a %snumber, not %r"
            % (filter_name, name, "whole " if parameter.whole else "", value)
        )
    if not parameter.least <= result <= parameter.most:
        raise HardExampleError(
            "%s: parameter %s must lie between %g and %g, not %r"
            % (filter_name, name, parameter.least, parameter.most, value)
        )
    return result


def from_sedna(text: str | None) -> dict[str, Any]:
    """HEM_PARAMETERS as Sedna writes it: `[{"key": "threshold_img", "value": "0.9"}]`, or `null`.

    Items without a key are skipped and a missing value is the empty text, as in Sedna's lib. Text that is not
    such a list is an error here: Sedna's lib would go on with defaults that nobody asked for.
    """
    if not text or not text.strip():
        return {}
    try:
        items = json.loads(text)
    except ValueError as error:
        raise HardExampleError(
            'HEM_PARAMETERS must be a JSON list of {"key", "value"}, but it is no JSON (%s): %.120r' % (error, text)
        ) from None
    if items is None:
        return {}
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        raise HardExampleError('HEM_PARAMETERS must be a JSON list of {"key", "value"}, not %.120r' % text)
    return {str(item["key"]): item.get("value", "") for item in items if "key" in item}
