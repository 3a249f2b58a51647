"""A run of the loop: rounds of train, evaluate, deploy, while the pipeline goes on; and what is to be told of it."""
from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

from .exam import Exam, Mark
from .labeller import Labeller
from .plan import Plan
from .site import Frames, LoopError, Site

Tell = Callable[[str], None]
OVER = ("deployed", "rejected", "failed")
FIRST_FRAME_SECONDS = 90.0
LAST_LOOK_SECONDS = 12.0
MOST_FAILURES = 2


@dataclass
class Chapter:
    """One round: what was decided, and the marks of the model that it made. Round 0 is the shipped model."""

    number: int
    outcome: str
    marks: dict[str, Mark]
    poisoned: bool = False
    facts: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"round": self.number, "outcome": self.outcome, "poisoned": self.poisoned,
                "marks": {domain: mark.to_json() for domain, mark in self.marks.items()}, **self.facts}


@dataclass
class Story:
    """Everything that table and page are made from."""

    plan: Plan
    chapters: list[Chapter] = field(default_factory=list)
    frames: list[dict[str, Any]] = field(default_factory=list)
    swaps: list[tuple[int, str]] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    missing: int = 0
    labelled: int = 0
    poisoned: int = 0
    seconds: float = 0.0
    trouble: list[str] = field(default_factory=list)

    @property
    def standing(self) -> Chapter:
        """The round whose model is in use at the end."""
        return [chapter for chapter in self.chapters if chapter.outcome in ("shipped", "deployed")][-1]

    def gain(self, domain: str) -> float:
        """How much mAP50 the loop brought in a domain."""
        return self.standing.marks[domain].mAP50 - self.chapters[0].marks[domain].mAP50

    def to_json(self) -> dict[str, Any]:
        swaps = [{"frame": self.frames[place]["index"], "model": version} for place, version in self.swaps]
        return {"seed": self.plan.seed, "models": self.names, "seconds": round(self.seconds, 1),
                "frames": len(self.frames), "frames_missing": self.missing, "swaps": swaps,
                "labelled": self.labelled, "poisoned_labels": self.poisoned,
                "gain": {domain: round(self.gain(domain), 4) for domain in self.standing.marks},
                "rounds": [chapter.to_json() for chapter in self.chapters]}


class Loop:
    """Runs a plan. `tell` gets a line for each thing that happens; `pulse(text)` what goes on right now."""

    def __init__(self, plan: Plan, tell: Tell, pulse: Tell) -> None:
        self.plan = plan
        self.tell = tell
        self.pulse = pulse
        self.site = Site(plan)
        self.frames = Frames(plan)
        self.labeller = Labeller(plan)
        self.story = Story(plan)
        self._began = time.monotonic()
        self._dark = False

    def run(self) -> Story:
        self.tell("drawing %d held-out pictures by day and by night" % (2 * self.plan.exam))
        exam = Exam(self.plan)
        self.site.lay_out()
        self.story.chapters.append(Chapter(0, "shipped", exam.marks(self.plan.initial)))
        self.tell("model little as shipped: %s" % _marks(self.story.chapters[0].marks))
        self.labeller.start()
        try:
            self.site.start()
            self.tell("job applied; the camera's day begins")
            self._wait_for_frames()
            while len(self.story.chapters) <= self.plan.rounds:
                self._one_round(exam)
            self._watch_on()
        finally:
            self.labeller.stop()
            self.site.stop(self.tell)
            self._finish()
        return self.story

    def _finish(self) -> None:
        story = self.story
        self.frames.look()
        story.frames, story.swaps, story.missing = self.frames.rows, self.frames.swaps(), self.frames.missing()
        story.labelled, story.poisoned = self.labeller.labelled, self.labeller.poisoned
        story.seconds = time.monotonic() - self._began

    def _wait_for_frames(self) -> None:
        end = time.monotonic() + FIRST_FRAME_SECONDS
        while not self.frames.look():
            if time.monotonic() > end:
                raise LoopError("no frame came out of the pipeline within %.0f s; %s" % (
                    FIRST_FRAME_SECONDS, self._advice()))
            self._look("the pipeline starts")

    def _one_round(self, exam: Exam) -> None:
        number = len(self.story.chapters)
        deadline = time.monotonic() + self.plan.round_deadline
        poisoned = number == self.plan.poisoned_round
        if poisoned:
            self.labeller.poison = True
            self.tell("round %d: from now on the labels are wrong on purpose" % number)
        said = ""
        while True:
            facts = self._facts(number)
            outcome = facts.get("outcome", "")
            if outcome and outcome != said:
                said = outcome
                self.tell("round %d: %s" % (number, _told(facts)))
                if number + 1 == self.plan.poisoned_round and outcome == "training":
                    self.labeller.poison = True
            if outcome in OVER:
                break
            if time.monotonic() > deadline:
                raise LoopError("round %d did not end within %.0f s (it is at %s); %s" % (
                    number, self.plan.round_deadline, self.site.stage(), self._advice()))
            self._look("round %d: %s" % (number, outcome or "gathering hard examples"))
        model = self.plan.root / str(facts.get("model", "")).lstrip("/")
        marks = exam.marks(model) if Path(model).is_file() else self.story.chapters[0].marks
        self.story.chapters.append(Chapter(number, outcome, marks, poisoned, facts))
        self.tell("round %d %s: %s" % (number, outcome, _marks(marks)))
        if outcome == "failed" and sum(c.outcome == "failed" for c in self.story.chapters) > MOST_FAILURES:
            raise LoopError("%d rounds failed; %s" % (MOST_FAILURES + 1, self._advice()))

    def _facts(self, number: int) -> dict[str, Any]:
        for facts in self.site.rounds():
            if facts["number"] == number:
                return facts
        return {}

    def _look(self, what: str) -> None:
        for row in self.frames.look():
            self._notice(row)
        count = len(self.frames.rows)
        recent = self.frames.rows[-80:]
        hard = sum(row["hard"] for row in recent) / max(1, len(recent))
        line = "%s | %d frames, %.0f %% hard, %d labelled" % (what, count, 100 * hard, self.labeller.labelled)
        newest = self.site.log_tail(1) if self.site.rounds() else ""
        self.pulse(line + (" | %s" % newest if newest else ""))
        time.sleep(1.0)

    def _notice(self, row: dict[str, Any]) -> None:
        if not self._dark and row["timestamp"] >= 1000 * self.plan.dark:
            self._dark = True
            self.tell("frame %d: it is night" % row["index"])
        self.story.names.setdefault(self.frames.rows[0]["model"], "before round 1")
        before = self.frames.rows[row["index"] - 1] if 0 < row["index"] < len(self.frames.rows) else row
        if before["index"] + 1 == row["index"] and before["model"] != row["model"]:
            name = self.story.names.setdefault(row["model"], "round %d" % len(self.story.chapters))
            self.tell("frame %d: the model of %s judges from here on" % (row["index"], name))

    def _watch_on(self) -> None:
        """A little longer, so that the last model is seen at work."""
        end = time.monotonic() + LAST_LOOK_SECONDS
        while time.monotonic() < end:
            self._look("the last model at work")

    def _advice(self) -> str:
        trouble = self.site.trouble()[-3:]
        if self.labeller.trouble:
            trouble.append("the labeller: %s" % self.labeller.trouble)
        return "; ".join([*trouble, "see `sednabox job --state %s describe helmet-loop` and the logs below %s" % (
            self.plan.state, self.plan.state / "controller" / "logs")])


def _marks(marks: dict[str, Mark]) -> str:
    return ", ".join("mAP50 by %s %.3f" % (domain, mark.mAP50) for domain, mark in marks.items())


def _told(facts: dict[str, Any]) -> str:
    outcome = facts["outcome"]
    if outcome == "training":
        return "training on %d samples" % facts["train_samples"]
    if outcome == "evaluating":
        return "evaluating on %d samples" % facts["eval_samples"]
    if outcome == "failed":
        return "failed: %s" % facts.get("message", "")
    return str(outcome)


