"""What every filter is: a name, its parameters, and one question asked once per frame."""

from __future__ import annotations

from typing import Any, ClassVar, Mapping

from sedna_bridge.hard_examples.facts import FrameFacts, Judgement
from sedna_bridge.hard_examples.parameters import Parameter, number
from sedna_bridge.hard_examples.scene import Scene


class Filter:
    """Judges the frames of all cameras, one after the other.

    A filter never raises on what a model may return: a result that it cannot read is easy. Where `lazy` is set
    it keeps no memory of frames that nobody sent, so the expression may skip it. Where `looks_back` is set it asks the
    scene, which is followed only then.
    """

    name: ClassVar[str]
    parameters: ClassVar[Mapping[str, Parameter]] = {}
    lazy: ClassVar[bool] = False
    looks_back: ClassVar[bool] = False

    def __init__(self, **given: Any) -> None:
        for key, parameter in self.parameters.items():
            setattr(self, key, number(self.name, key, given.get(key, parameter.default), parameter))

    def judge(self, facts: FrameFacts, scene: Scene) -> Judgement:
        """Says whether this frame is hard. `scene` is what its camera showed before."""
        raise NotImplementedError

    def sent(self, facts: FrameFacts) -> None:
        """Told after a frame was in the end judged hard by the whole expression and its budgets."""

    def settings(self) -> dict[str, float]:
        """The parameters in force, for the sidecar and for people."""
        return {key: getattr(self, key) for key in self.parameters}
