"""What one camera showed lately: things followed from frame to frame by the overlap of their boxes.

This is no tracker for counting people. It only has to tell a thing that a model lost for a moment from a thing
that left, and it costs microseconds.
"""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

from sedna_bridge.hard_examples.facts import Box, FrameFacts, pairs

HISTORY = 32
MEMORY = 30
LEAST_OVERLAP = 0.3
BORDER = 0.02


class Sighting(NamedTuple):
    """A thing seen once."""

    score: float
    label: Any


class Track:
    """One thing, as long as it is seen or missed for at most MEMORY frames."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.speed: tuple[float, float] = (0.0, 0.0)
        self.sightings: deque[Sighting] = deque([Sighting(box.score, box.label)], maxlen=HISTORY)
        self.seen = 1
        self.missed: list[int] = []

    @property
    def mean_score(self) -> float:
        return min(1.0, max(0.0, sum(s.score for s in self.sightings) / len(self.sightings)))

    def expected(self) -> tuple[float, float, float, float]:
        """Where the thing should be in the next frame."""
        steps = len(self.missed) + 1
        dx, dy = self.speed[0] * steps, self.speed[1] * steps
        return (self.box.x1 + dx, self.box.y1 + dy, self.box.x2 + dx, self.box.y2 + dy)

    def see(self, box: Box) -> None:
        steps = len(self.missed) + 1
        dx = (box.x1 + box.x2 - self.box.x1 - self.box.x2) / 2 / steps
        dy = (box.y1 + box.y2 - self.box.y1 - self.box.y2) / 2 / steps
        self.speed = ((self.speed[0] + dx) / 2, (self.speed[1] + dy) / 2)
        self.box = box
        self.sightings.append(Sighting(box.score, box.label))
        self.seen += 1
        self.missed = []


class Scene:
    """The tracks of one camera after its latest frame.

    `now` are the tracks seen in this frame, `lost` those that were seen in the frame before and are missed since
    this one, `returned` those seen again with the frames in which they were missed, `empties` the empty frames
    that this frame, being full, puts between full ones.
    """

    def __init__(self) -> None:
        self.tracks: list[Track] = []
        self.now: list[Track] = []
        self.lost: list[Track] = []
        self.returned: list[tuple[Track, tuple[int, ...]]] = []
        self.empties: tuple[int, ...] = ()
        self._run_of_empties: list[int] = []
        self._was_full = False

    def update(self, facts: FrameFacts) -> None:
        """Takes in the next frame of this camera."""
        boxes = facts.boxes
        self.now, self.lost, self.returned = [], [], []
        matched = pairs([track.expected() for track in self.tracks], boxes, LEAST_OVERLAP)
        seen = dict(matched)
        for i, track in enumerate(self.tracks):
            if i in seen:
                if track.missed:
                    self.returned.append((track, tuple(track.missed)))
                track.see(boxes[seen[i]])
                self.now.append(track)
            else:
                if not track.missed and not at_border(track.expected(), facts):
                    self.lost.append(track)
                track.missed.append(facts.index)
        self.tracks = [track for track in self.tracks if len(track.missed) <= MEMORY]
        for j in sorted(set(range(len(boxes))) - set(seen.values())):
            track = Track(boxes[j])
            self.tracks.append(track)
            self.now.append(track)
        self._count_empties(bool(boxes), facts.index)

    def _count_empties(self, full: bool, index: int) -> None:
        self.empties = ()
        if full:
            self.empties = tuple(self._run_of_empties)
            self._run_of_empties = []
            self._was_full = True
        elif self._was_full:
            self._run_of_empties.append(index)
            if len(self._run_of_empties) > MEMORY:
                self._run_of_empties = []
                self._was_full = False


def at_border(box: tuple[float, float, float, float], facts: FrameFacts) -> bool:
    """Whether a thing is so close to the edge of the picture that it may simply have left."""
    if not facts.width or not facts.height:
        return False
    margin_x, margin_y = facts.width * BORDER, facts.height * BORDER
    return (
        box[0] <= margin_x
        or box[1] <= margin_y
        or box[2] >= facts.width - margin_x
        or box[3] >= facts.height - margin_y
    )
