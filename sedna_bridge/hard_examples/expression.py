"""How filters are combined: `IBT or flicker`, `(IBT or vanish) and novel`, `IBT(threshold_img=0.9) or not EdgeOnly`.

The grammar is Python's own for `and`, `or`, `not`, names and calls with keywords, so Python's parser reads it and
only the shape is checked here.
"""

from __future__ import annotations

import ast
import logging
from typing import Any, Callable, Mapping, Sequence

from sedna_bridge.errors import HardExampleError
from sedna_bridge.hard_examples.base import Filter
from sedna_bridge.hard_examples.disagreement import Disagreement
from sedna_bridge.hard_examples.drift import Drift
from sedna_bridge.hard_examples.facts import FrameFacts, Judgement
from sedna_bridge.hard_examples.novelty import Novel
from sedna_bridge.hard_examples.scene import Scene
from sedna_bridge.hard_examples.sedna import (
    CloudOnlyFilter,
    CrossEntropyFilter,
    EdgeOnlyFilter,
    IBTFilter,
    RandomFilter,
    ThresholdFilter,
)
from sedna_bridge.hard_examples.temporal import EmptyBetween, Flicker, Vanish

log = logging.getLogger(__name__)

FILTERS: dict[str, type[Filter]] = {
    kind.name: kind
    for kind in (
        IBTFilter,
        ThresholdFilter,
        CrossEntropyFilter,
        RandomFilter,
        CloudOnlyFilter,
        EdgeOnlyFilter,
        Flicker,
        Vanish,
        EmptyBetween,
        Disagreement,
        Novel,
        Drift,
    )
}
LONGEST = 2000


class Answer:
    """What the expression says about one frame: hard or not, the hardest score, and which filters made it so."""

    def __init__(self, hard: bool, score: float, reasons: Sequence[str], earlier: Sequence[int]) -> None:
        self.hard = hard
        self.score = score
        self.reasons = tuple(dict.fromkeys(reasons))
        self.earlier = tuple(sorted(set(earlier)))


Ask = Callable[[Filter], Judgement]


class _Leaf:
    def __init__(self, kind: Filter) -> None:
        self.filter = kind

    def answer(self, ask: Ask) -> Answer:
        judgement = ask(self.filter)
        return Answer(judgement.hard, judgement.score, [self.filter.name] if judgement.hard else [], judgement.earlier)


class _Not:
    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def answer(self, ask: Ask) -> Answer:
        inner = self.inner.answer(ask)
        return Answer(not inner.hard, 1 - inner.score, [], [])


class _Both:
    """`and`: as hard as its easiest part; every part is a reason. What is already easy asks no lazy filter."""

    def __init__(self, parts: list[Any]) -> None:
        self.parts = parts

    def answer(self, ask: Ask) -> Answer:
        answers = []
        for part in self.parts:
            answers.append(part.answer(ask))
            if not answers[-1].hard:
                return Answer(False, min(a.score for a in answers), [], [])
        return Answer(
            True,
            min(a.score for a in answers),
            [r for a in answers for r in a.reasons],
            [i for a in answers for i in a.earlier],
        )


class _Either:
    """`or`: as hard as its hardest part; every hard part is a reason."""

    def __init__(self, parts: list[Any]) -> None:
        self.parts = parts

    def answer(self, ask: Ask) -> Answer:
        answers = [part.answer(ask) for part in self.parts]
        hard = [answer for answer in answers if answer.hard]
        return Answer(
            bool(hard),
            max(a.score for a in hard or answers),
            [r for a in hard for r in a.reasons],
            [i for a in hard for i in a.earlier],
        )


class Expression:
    """A parsed expression with its filters made and ready."""

    def __init__(self, text: str, parameters: Mapping[str, Any]) -> None:
        self.text = text.strip()
        self.filters: list[Filter] = []
        self._parameters = dict(parameters)
        self._used: set = set()
        self._root = self._read(self._parse())
        self.unused = sorted(set(self._parameters) - self._used)

    def judge(self, facts: FrameFacts, scene: Scene) -> Answer:
        """Asks every filter that remembers frames, and the lazy ones where they matter."""
        known: dict[int, Judgement] = {}

        def ask(one: Filter) -> Judgement:
            if id(one) not in known:
                known[id(one)] = one.judge(facts, scene)
            return known[id(one)]

        for one in self.filters:
            if not one.lazy:
                ask(one)
        return self._root.answer(ask)

    def sent(self, facts: FrameFacts) -> None:
        for one in self.filters:
            one.sent(facts)

    def _parse(self) -> ast.expr:
        if not self.text or len(self.text) > LONGEST:
            raise HardExampleError(
                "the expression of filters must have 1 to %d characters, it has %d; an example is %r"
                % (LONGEST, len(self.text), "IBT or flicker")
            )
        try:
            return ast.parse(self.text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise self._wrong(
                "cannot be read: %s" % getattr(error, "msg", error), max(0, (getattr(error, "offset", 1) or 1) - 1)
            ) from None

    def _read(self, node: ast.AST) -> Any:
        if isinstance(node, ast.BoolOp):
            parts = [self._read(value) for value in node.values]
            return _Both(parts) if isinstance(node.op, ast.And) else _Either(parts)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return _Not(self._read(node.operand))
        if isinstance(node, ast.Name):
            return self._make(node, node.id, {})
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return self._make(node, node.func.id, self._arguments(node))
        raise self._wrong(
            "only names of filters, and, or, not and parentheses can stand here", getattr(node, "col_offset", 0)
        )

    def _arguments(self, node: ast.Call) -> dict[str, Any]:
        given: dict[str, Any] = {}
        for keyword in node.keywords:
            try:
                given[str(keyword.arg)] = ast.literal_eval(keyword.value)
            except ValueError:
                raise self._wrong("%s must be a number" % keyword.arg, node.col_offset) from None
        if node.args or None in {keyword.arg for keyword in node.keywords}:
            raise self._wrong("write parameters as name=number", node.col_offset)
        return given

    def _make(self, node: Any, name: str, given: dict[str, Any]) -> _Leaf:
        kind = FILTERS.get(name)
        if kind is None:
            near = [known for known in FILTERS if known.lower() == name.lower()]
            kind = FILTERS[near[0]] if near else None
        if kind is None:
            raise self._wrong("there is no filter %s; there are %s" % (name, ", ".join(FILTERS)), node.col_offset)
        names = set(kind.parameters) | ({"random_seed"} if kind is RandomFilter else set())
        unknown = sorted(set(given) - names)
        if unknown:
            raise self._wrong(
                "%s has no parameter %s; it has %s" % (kind.name, unknown[0], ", ".join(sorted(names)) or "none"),
                node.col_offset,
            )
        shared = {key: self._parameters[key] for key in names & set(self._parameters)}
        self._used |= set(shared)
        made = kind(**{**shared, **given})
        self.filters.append(made)
        return _Leaf(made)

    def _wrong(self, what: str, column: int) -> HardExampleError:
        return HardExampleError("the expression of filters %s\n  %s\n  %s^" % (what, self.text, " " * column))


def known_parameters() -> tuple[str, ...]:
    """Every parameter that some filter takes."""
    return tuple(sorted({"random_seed"} | {key for kind in FILTERS.values() for key in kind.parameters}))
