"""Filters that look along time: flicker, things that vanish and return, empty frames between full ones."""

from __future__ import annotations

from itertools import islice

from sedna_bridge.hard_examples.base import Filter
from sedna_bridge.hard_examples.facts import EASY, FrameFacts, Judgement
from sedna_bridge.hard_examples.parameters import Parameter
from sedna_bridge.hard_examples.scene import HISTORY, MEMORY, Scene, Sighting


class Flicker(Filter):
    """Hard where one thing's class or score jumps to and fro: the same thing cannot be both.

    Only the frame of a jump is hard, not the quiet ones after it.
    """

    name = "flicker"
    looks_back = True
    parameters = {
        "flicker_window": Parameter(10, "sightings of a thing that are looked at", 2, HISTORY, True),
        "flicker_changes": Parameter(2, "jumps within the window that make it flicker", 1, HISTORY, True),
        "flicker_jump": Parameter(0.25, "a change of score from one sighting to the next that is a jump", 0, 1),
    }
    flicker_window: float
    flicker_changes: float
    flicker_jump: float

    def judge(self, facts: FrameFacts, scene: Scene) -> Judgement:
        score = 0.0
        for track in scene.now:
            skip = max(0, len(track.sightings) - int(self.flicker_window))
            sightings = list(islice(track.sightings, skip, None))
            changes = self._changes(sightings)
            if changes >= self.flicker_changes and self._changes(sightings[-2:]):
                score = max(score, min(1.0, 0.5 * changes / self.flicker_changes))
        return Judgement(True, score) if score else EASY

    def _changes(self, sightings: list[Sighting]) -> int:
        return sum(
            1
            for before, after in zip(sightings, sightings[1:])
            if before.label != after.label or abs(after.score - before.score) >= self.flicker_jump
        )


class Vanish(Filter):
    """Hard where a thing that was seen steadily is missed away from the border, and where it is back again.

    The first missed frame is hard at once, as a guess. When the thing comes back the guess is certain: that frame
    is hard too, and all frames between are named as earlier ones.
    """

    name = "vanish"
    looks_back = True
    parameters = {
        "vanish_steady": Parameter(3, "sightings that make a thing steady", 1, HISTORY, True),
        "vanish_gap": Parameter(10, "missed frames after which a thing has left", 1, MEMORY, True),
    }
    vanish_steady: float
    vanish_gap: float

    def judge(self, facts: FrameFacts, scene: Scene) -> Judgement:
        back = [
            (track, gap)
            for track, gap in scene.returned
            if len(gap) <= self.vanish_gap and track.seen > self.vanish_steady
        ]
        if back:
            return Judgement(
                True,
                max(track.mean_score for track, _ in back),
                tuple(sorted({index for _, gap in back for index in gap})),
            )
        lost = [track for track in scene.lost if track.seen >= self.vanish_steady]
        return Judgement(True, 0.5 * max(track.mean_score for track in lost)) if lost else EASY


class EmptyBetween(Filter):
    """Hard where nothing is found between two frames in which something is.

    The first empty frame is hard at once if something was lost away from the border; the full frame that ends the
    gap is hard, and names the empty ones.
    """

    name = "empty_between"
    looks_back = True
    parameters = {"empty_gap": Parameter(5, "empty frames after which the place is simply empty", 1, MEMORY, True)}
    empty_gap: float

    def judge(self, facts: FrameFacts, scene: Scene) -> Judgement:
        if scene.empties and len(scene.empties) <= self.empty_gap:
            return Judgement(True, 1.0, scene.empties)
        if not scene.now and scene.lost:
            return Judgement(True, 0.5)
        return EASY
