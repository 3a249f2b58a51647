"""The hard-example filter: one question per frame, one verdict, with reasons, a score and the budgets applied."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from typing import Any, Callable, Mapping, NamedTuple

from sedna_bridge.errors import HardExampleError
from sedna_bridge.hard_examples.budget import Budget, read_quota
from sedna_bridge.hard_examples.expression import FILTERS, Expression, known_parameters
from sedna_bridge.hard_examples.facts import FrameFacts
from sedna_bridge.hard_examples.parameters import from_sedna
from sedna_bridge.hard_examples.scene import Scene

log = logging.getLogger(__name__)

DEFAULT = "IBT"
BUDGETS = ("budget_per_minute", "budget_per_hour", "budget_per_day", "quota")


class Verdict(NamedTuple):
    """What becomes of a frame. `withheld` names the budget that made a hard frame go as an easy one.

    `earlier` are indices of frames of the same camera that went by as easy and are known now to be hard.
    """

    hard: bool
    reasons: tuple[str, ...]
    score: float
    withheld: str | None = None
    earlier: tuple[int, ...] = ()


class HardExampleFilter:
    """Judges the frames of any number of cameras; each camera has its own memory, all share the budgets.

    Where `looks_back` is set a filter follows things along time, so the frames of a camera must come in order.
    """

    def __init__(
        self, expression: str = DEFAULT, parameters: Mapping[str, Any] | None = None, budget: Budget | None = None
    ) -> None:
        self.expression = Expression(expression, parameters or {})
        self.counts: Counter = Counter()
        self._budget = budget or Budget()
        self._scenes: dict[str, Scene] = {}
        self.looks_back = any(one.looks_back for one in self.expression.filters)
        self._lock = threading.Lock()
        if self.expression.unused:
            log.warning(
                "no filter of %r takes the parameters %s", self.expression.text, ", ".join(self.expression.unused)
            )

    @classmethod
    def from_environment(
        cls,
        environment: Mapping[str, str],
        attributes: Mapping[str, Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> HardExampleFilter:
        """Makes the filter that Sedna's environment and a node's attributes ask for.

        HEM_NAME, a name or a whole expression, takes the place of the attribute `filter`, and HEM_PARAMETERS goes
        before attributes of the same names: who deploys a graph knows better than who drew it. The attribute
        `environment = false` shuts the environment out. With neither, the filter is IBT with Sedna's defaults.
        """
        given = {key: value for key, value in (attributes or {}).items() if value not in (None, "")}
        if str(given.pop("environment", "true")).lower() in ("false", "0", "no", "off"):
            environment = {}
        named = (environment.get("HEM_NAME") or "").strip()
        expression = named or str(given.get("filter", DEFAULT))
        parameters = {key: given[key] for key in known_parameters() if key in given}
        if named:
            told = from_sedna(environment.get("HEM_PARAMETERS"))
            given.update({key: told.pop(key) for key in BUDGETS if key in told})
            parameters.update(told)
        made = cls(expression, parameters, Budget.from_attributes(given, clock))
        names = {one.name for one in made.expression.filters}
        strangers = sorted(set(read_quota(str(given.get("quota") or ""))) - names)
        if strangers:
            raise HardExampleError("quota names %s, but the filters are %s" % (strangers[0], ", ".join(sorted(names))))
        return made

    def judge(self, facts: FrameFacts) -> Verdict:
        """The verdict on the next frame of its camera."""
        with self._lock:
            scene = self._scenes.setdefault(facts.camera, Scene())
            if self.looks_back:
                scene.update(facts)
            answer = self.expression.judge(facts, scene)
            self.counts["frames"] += 1
            if not answer.hard:
                self.counts["easy"] += 1
                return Verdict(False, (), answer.score)
            withheld = self._budget.spend(answer.reasons)
            if withheld:
                self.counts["withheld: " + withheld] += 1
                return Verdict(False, answer.reasons, answer.score, withheld, answer.earlier)
            self.counts["hard"] += 1
            for reason in answer.reasons:
                self.counts["reason: " + reason] += 1
            self.expression.sent(facts)
            return Verdict(True, answer.reasons, answer.score, None, answer.earlier)

    def forget(self, camera: str) -> None:
        """A stream has ended: its frames have no neighbours any more."""
        with self._lock:
            self._scenes.pop(camera, None)

    def settings(self) -> dict[str, dict[str, float]]:
        """The parameters in force by filter, for the sidecar and for people."""
        return {one.name: one.settings() for one in self.expression.filters}


def attribute_names() -> tuple[str, ...]:
    """Every node attribute that `from_environment` reads."""
    return ("filter", "environment", *known_parameters(), *BUDGETS)


__all__ = ["DEFAULT", "FILTERS", "HardExampleFilter", "Verdict", "attribute_names"]
