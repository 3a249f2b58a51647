"""A job's samples: what waits for training, what is kept for evaluation. Lines live in the state file."""

from __future__ import annotations

from sedna_bridge.datasets.txt import parse_box
from sedna_bridge.local_controller import launching, samples
from sedna_bridge.local_controller.context import JobContext
from sedna_bridge.local_controller.samples import DatasetError

EVAL_BATCHES = 5
"""Sedna evaluates on the lines of the last five batches."""


def refresh(context: JobContext, now: float) -> bool:
    """Look at the dataset and take what is new, `trainProb` of it to train; False if it cannot be read."""
    state, dataset = context.state, context.dataset()
    if dataset is None:
        return False
    try:
        path = context.host(dataset.url)
        if samples.stamp(path) == state.cursor.get("stamp"):
            return True
        look = samples.look(path, dataset.format, state.cursor, lambda: _seen(context), now)
    except DatasetError as error:
        context.hold(str(error), True, "DatasetProblem")
        return False
    with context.store.change() as database:
        for note in look.notes:
            context.event("DatasetRemark", note, True)
        bad = bad_boxes(look) if dataset.format.lower() == "txt" else []
        if bad:
            listed = "; ".join(f"{dataset.url}:{number}: {why}" for number, why in bad[:3])
            context.event("BadLines", f"{len(bad)} new lines have bad boxes, workers leave them out: {listed}", True)
        if look.new:
            share, state.carry = samples.train_share(len(look.new), context.job.train_prob, state.carry)
            state.batch += 1
            rows = [
                (context.uid, state.batch, "train" if index < share else "eval", line)
                for index, line in enumerate(look.new)
            ]
            database.executemany("INSERT INTO samples (uid, batch, role, line) VALUES (?,?,?,?)", rows)
            context.event("Samples", f"{len(look.new)} new samples: {share} to train, {len(look.new) - share} to eval")
        state.cursor = look.cursor
        state.header = look.header.decode("utf-8", "replace")
        context.save()
    return True


def bad_boxes(look: samples.Look) -> list[tuple[int, str]]:
    """New lines that look like Sedna's boxes and are not right, with their numbers."""
    found = []
    for number, line in zip(look.numbers, look.new):
        for word in line.decode("utf-8", "replace").split()[1:]:
            if "," in word:
                box, why = parse_box(word)
                if box is None:
                    found.append((number, why))
                    break
    return found


def pending(context: JobContext) -> int:
    """How many samples wait for training."""
    query = "SELECT COUNT(*) AS n FROM samples WHERE uid=? AND role='train' AND round IS NULL"
    return int(context.store.rows(query, context.uid)[0]["n"])


def write_train(context: JobContext) -> None:
    """The round's data file, from all samples that wait."""
    query = "SELECT line FROM samples WHERE uid=? AND role='train' AND round IS NULL ORDER BY id"
    lines = [bytes(row["line"]) for row in context.store.rows(query, context.uid)]
    _write(context, context.files.train_data, lines)


def take(context: JobContext) -> None:
    """These samples belong to the round now."""
    with context.store.change() as database:
        database.execute(
            "UPDATE samples SET round=? WHERE uid=? AND role='train' AND round IS NULL",
            (context.state.round, context.uid),
        )


def give_back(context: JobContext) -> None:
    """The round failed: its samples wait again. (Sedna loses them.)"""
    with context.store.change() as database:
        database.execute(
            "UPDATE samples SET round=NULL WHERE uid=? AND role='train' AND round=?", (context.uid, context.state.round)
        )


def write_eval(context: JobContext) -> int:
    """The round's evaluation file: the last five batches' lines, each once. Returns how many."""
    batches = context.store.rows(
        "SELECT DISTINCT batch FROM samples WHERE uid=? AND role='eval' ORDER BY batch DESC LIMIT ?",
        context.uid,
        EVAL_BATCHES,
    )
    if not batches:
        return 0
    query = "SELECT line FROM samples WHERE uid=? AND role='eval' AND batch>=? ORDER BY id"
    lines = [bytes(row["line"]) for row in context.store.rows(query, context.uid, batches[-1]["batch"])]
    _write(context, context.files.eval_data, lines)
    return len(lines)


def _write(context: JobContext, url: str, lines: list[bytes]) -> None:
    path = context.host(launching.data_url(url, context))
    samples.write_lines(path, lines, context.state.header.encode("utf-8"))


def _seen(context: JobContext) -> list[bytes]:
    return [bytes(row["line"]) for row in context.store.rows("SELECT line FROM samples WHERE uid=?", context.uid)]
