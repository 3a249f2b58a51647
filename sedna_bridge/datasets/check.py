"""Whether a dataset is fit for training, and for the real LC: everything that is wrong, with its line."""

from __future__ import annotations

from sedna_bridge.datasets.errors import Problem
from sedna_bridge.datasets.samples import LabelledSet
from sedna_bridge.datasets.statistics import statistics


def check(data: LabelledSet, pictures: bool = True) -> list[Problem]:
    """The reader's problems, and what shows only when pictures and lines are compared."""
    problems = list(data.problems)
    counts = statistics(data, pictures)
    where = {sample.path: sample.where for sample in reversed(data.samples)}
    for path in counts.missing:
        problems.append(Problem(where[path], f"the picture {path} does not exist"))
    for path in counts.unreadable:
        problems.append(Problem(where[path], f"{path} is no picture that can be read"))
    for text in counts.outside:
        place, _, said = text.partition(": ")
        problems.append(Problem(place, said))
    for places in counts.same_path:
        problems.append(Problem(places[-1], f"the same picture stands at {', '.join(places[:-1])} already", False))
    for paths in counts.same_content:
        message = f"the same picture under {len(paths)} names: {', '.join(paths[:4])}"
        problems.append(Problem(where[paths[0]], message, False))
    if not data.samples:
        problems.append(Problem(data.root or "dataset", "no samples", True))
    return sorted(problems, key=_place)


def _place(problem: Problem) -> tuple[str, int]:
    name, _, number = problem.where.rpartition(":")
    return (name, int(number)) if number.isdigit() else (problem.where, 0)
