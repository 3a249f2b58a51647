"""When a job trains and when it deploys: Sedna's operators, timer window and metric selection.

`strict` compares exactly as the real LC does, where a list without an index counts as 0. Otherwise a list without an
index is compared by its mean, which is what the documented `precision_delta > 0.1` means; the verdict says so.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable

from sedna_bridge.jobs.advice import OPERATORS
from sedna_bridge.jobs.resources import Condition, Trigger

_NEAR = 1e-6
_INDEXED = re.compile(r"([^\[\]]*)\[(.*)\](.*)\Z", re.S)
_COMPARE: dict[str, Callable[[float, float, bool], bool]] = {
    ">": lambda value, limit, equal: not equal and value > limit,
    ">=": lambda value, limit, equal: equal or value >= limit,
    "==": lambda value, limit, equal: equal,
    "!=": lambda value, limit, equal: not equal,
    "<=": lambda value, limit, equal: equal or value <= limit,
    "<": lambda value, limit, equal: not equal and value < limit,
}
_NAMES = {"gt": ">", "ge": ">=", "eq": "==", "=": "==", "ne": "!=", "le": "<=", "lt": "<"}


@dataclass(frozen=True)
class Verdict:
    """Whether a trigger fires, and why in words."""

    fires: bool
    why: str


def judge(
    trigger: Trigger, metrics: Mapping[str, Any], strict: bool = False, clock: time.struct_time | None = None
) -> Verdict:
    """Both the timer window (local time) and the condition must hold."""
    window = in_window(trigger, clock or time.localtime())
    if window is not None and not window.fires:
        return window
    return compare(trigger.condition, metrics, strict)


def in_window(trigger: Trigger, clock: time.struct_time) -> Verdict | None:
    """The daily window [start, end], both ends in it, over midnight where start is after end; None without a timer."""
    if not trigger.start and not trigger.end:
        return None
    now = f"{clock.tm_hour:02d}:{clock.tm_min:02d}"
    start, end = trigger.start.rjust(5, "0"), trigger.end.rjust(5, "0")
    inside = start <= now or now <= end if start > end else start <= now <= end
    return Verdict(inside, f"it is {now}, the window is {start}-{end}")


def compare(condition: Condition, metrics: Mapping[str, Any], strict: bool = False) -> Verdict:
    """Whether `metric operator threshold` holds for these metrics."""
    value, said = select(condition.metric, metrics, strict)
    if value is None:
        return Verdict(False, said)
    name = _NAMES.get(condition.operator, condition.operator)
    if name not in _COMPARE:
        return Verdict(False, f"operator {condition.operator!r} is unknown; expected one of {' '.join(OPERATORS)}")
    equal = abs(value - condition.threshold) < _NEAR
    holds = _COMPARE[name](value, condition.threshold, equal)
    sign = "" if holds else "not "
    return Verdict(holds, f"{said} is {sign}{condition.operator} {condition.threshold:g}")


def select(metric: str, metrics: Mapping[str, Any], strict: bool = False) -> tuple[float | None, str]:
    """The number that `precision_delta[0]`, `precision_delta` or `num_of_samples` names, and words for it."""
    match = _INDEXED.match(metric)
    if match is None:
        if metric not in metrics:
            return None, _unknown(metric, metrics)
        value = metrics[metric]
        if isinstance(value, (list, tuple)):
            if strict:
                return 0.0, f"{metric} (a list without an index, which counts as 0)"
            if not value:
                return None, f"{metric} is an empty list"
            mean = sum(value) / len(value)
            return mean, f"{metric} = {mean:.4g} (the mean of {len(value)}; the real Sedna needs an index)"
        return _number(value), f"{metric} = {value:g}" if isinstance(value, (int, float)) else f"{metric} = {value!r}"
    name, index = match.group(1).strip(), match.group(2)
    if name not in metrics:
        return None, _unknown(name, metrics)
    values = metrics[name]
    if not isinstance(values, (list, tuple)):
        return None, f"{name} is no list: it has no index"
    if not re.match(r"[+-]?[0-9]+\Z", index) or not 0 <= int(index) < len(values):
        return None, f"{metric}: the index must be a number from 0 to {len(values) - 1}"
    value = values[int(index)]
    return _number(value), f"{metric} = {value:.4g}"


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0


def _unknown(name: str, metrics: Mapping[str, Any]) -> str:
    return f"metric {name!r} is unknown; there are {', '.join(sorted(metrics)) or 'none'}"


def deltas(new: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, list[float]]:
    """What a deploy trigger may name: the new metrics, and each minus the deployed model's as `<name>_delta`."""
    result: dict[str, list[float]] = {}
    for name, values in new.items():
        result[name] = [float(value) for value in values]
        result[name + "_delta"] = [float(value) - float(before) for value, before in zip(values, old[name])]
    return result
