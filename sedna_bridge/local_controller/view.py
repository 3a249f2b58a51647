"""What people ask of the state file: rows for `get`, a text for `describe`, rounds for `history`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from sedna_bridge.contract_conditions import JobStatus, now_text
from sedna_bridge.jobs.resources import PLURALS, from_json
from sedna_bridge.local_controller import processes
from sedna_bridge.local_controller.store import Store


def age(seconds: float | None, now: float | None = None) -> str:
    """A duration since `seconds` as kubectl writes it: 45s, 12m, 3h20m, 5d."""
    if not seconds:
        return "<none>"
    span = int(max(0.0, (time.time() if now is None else now) - seconds))
    if span < 120:
        return f"{span}s"
    if span < 7200:
        return f"{span // 60}m"
    if span < 172800:
        return f"{span // 3600}h{span % 3600 // 60}m"
    return f"{span // 86400}d"


def whole(store: Store, row: Any) -> dict[str, Any]:
    """A resource with its status, as `kubectl get -o json` shows it."""
    value = json.loads(row["text"])
    value["metadata"].update(uid=row["uid"], generation=row["generation"], creationTimestamp=now_text(row["created"]))
    if row["deleted"] is not None:
        value["metadata"]["deletionTimestamp"] = now_text(row["deleted"])
    if row["kind"] == "IncrementalLearningJob":
        value["status"] = JobStatus(store.conditions(row["uid"]), row["created"]).to_json()
        value["status"]["sednabox"] = brief(store, row)
    elif row["kind"] == "Dataset":
        note = store.note(f"dataset/{row['namespace']}/{row['name']}")
        if note:
            value["status"] = {"numberOfSamples": note["samples"], "updateTime": now_text(note["updated"])}
    elif row["kind"] == "JointInferenceService":
        note = store.note(f"service/{row['namespace']}/{row['name']}") or {}
        metrics = [{"key": key, "value": str(item)} for key, item in (note.get("metrics") or {}).items()]
        value["status"] = {"metrics": metrics}
    return value


def brief(store: Store, row: Any) -> dict[str, Any]:
    """A job in a few facts."""
    state = store.job_state(row["uid"]) or {}
    rounds = store.rounds(row["uid"])
    pending = store.rows(
        "SELECT COUNT(*) AS n FROM samples WHERE uid=? AND role='train' AND round IS NULL", row["uid"]
    )[0]["n"]
    infer = state.get("infer") or {}
    return {
        "stage": state.get("stage", ""),
        "type": state.get("type", ""),
        "round": state.get("round", 0),
        "deployed": sum(1 for entry in rounds if entry["outcome"] == "deployed"),
        "pending": pending,
        "worker": state.get("worker", "") if state.get("type") in ("Starting", "Running") else "",
        "inference": infer.get("state", "waiting") if infer else "waiting",
        "inferenceProblem": infer.get("problem") or "",
        "message": store.job_note(row["uid"]),
    }


def table(store: Store, kind: str, rows: Sequence[Any], now: float | None = None) -> list[list[str]]:
    """The rows of `get KIND` with their header."""
    if kind == "IncrementalLearningJob":
        result = [["NAME", "STAGE", "STATUS", "ROUND", "DEPLOYED", "PENDING", "INFERENCE", "AGE"]]
        for row in rows:
            facts = brief(store, row)
            status = "Deleting" if row["deleted"] is not None else facts["type"] or "<none>"
            result.append(
                [
                    row["name"],
                    facts["stage"] or "<none>",
                    status,
                    str(facts["round"]),
                    str(facts["deployed"]),
                    str(facts["pending"]),
                    facts["inference"],
                    age(row["created"], now),
                ]
            )
        return result
    if kind == "Dataset":
        result = [["NAME", "FORMAT", "SAMPLES", "URL", "AGE"]]
        for row in rows:
            spec = from_json(row["text"]).spec
            note = store.note(f"dataset/{row['namespace']}/{row['name']}") or {}
            samples = "<problem>" if note.get("problem") else str(note.get("samples", "<none>"))
            result.append([row["name"], spec["format"], samples, spec["url"], age(row["created"], now)])
        return result
    if kind == "Model":
        result = [["NAME", "FORMAT", "URL", "AGE"]]
        for row in rows:
            spec = from_json(row["text"]).spec
            result.append([row["name"], spec["format"], spec["url"], age(row["created"], now)])
        return result
    return [["NAME", "STATUS", "AGE"], *([row["name"], "Validated", age(row["created"], now)] for row in rows)]


def describe(store: Store, row: Any) -> str:
    """A resource in full, as `kubectl describe` lays it out."""
    resource = from_json(row["text"])
    lines = [
        f"Name:         {row['name']}",
        f"Namespace:    {row['namespace']}",
        f"Kind:         {row['kind']}",
        f"Created:      {now_text(row['created'])}",
    ]
    for key, text in resource.annotations.items():
        lines.append(f"Annotation:   {key}={text}")
    lines.append("Spec:")
    lines += [f"  {line}" for line in _spec_lines(resource.spec)]
    if row["kind"] == "IncrementalLearningJob":
        lines += _describe_job(store, row)
    elif row["kind"] == "Dataset":
        note = store.note(f"dataset/{row['namespace']}/{row['name']}") or {}
        lines.append(f"Samples:      {note.get('samples', '<not read yet: no job uses it>')}")
        if note.get("problem"):
            lines.append(f"Problem:      {note['problem']}")
    elif row["kind"] == "JointInferenceService":
        lines.append("Status:       read and validated; a cluster runs it, one machine does not yet")
        note = store.note(f"service/{row['namespace']}/{row['name']}") or {}
        for key, value in (note.get("metrics") or {}).items():
            lines.append(f"Metric:       {key}={value}")
    lines.append("Events:")
    events = store.events(row["kind"], row["namespace"], row["name"])
    lines += [f"  {line}" for line in columns(event_rows(events[-60:]))] if events else ["  <none>"]
    return "\n".join(lines)


def _describe_job(store: Store, row: Any) -> list[str]:
    facts = brief(store, row)
    lines = [
        f"State:        {facts['stage']}/{facts['type']}",
        f"Message:      {facts['message'] or '<none>'}",
        f"Round:        {facts['round']} ({facts['deployed']} deployed)",
        f"Pending:      {facts['pending']} samples wait for training",
        f"Inference:    {facts['inference']}" + (f": {facts['inferenceProblem']}" if facts["inferenceProblem"] else ""),
        f"Controller:   {controller_text(store)}",
    ]
    lines.append("Workers:")
    header = ["NAME", "STAGE", "ROUND", "ATTEMPT", "STATE", "CODE", "REASON"]
    rows = [header]
    for worker in store.workers(row["uid"])[-12:]:
        state = worker["state"] if worker["state"] == "ended" else processes.look(worker["folder"]).state
        code = "" if worker["code"] is None else str(worker["code"])
        reason = " ".join(filter(None, (worker["reason"], worker["message"])))
        rows.append(
            [worker["name"], worker["stage"], str(worker["round"]), str(worker["attempt"]), state, code, reason]
        )
    lines += [f"  {line}" for line in columns(rows)]
    lines.append("Conditions:")
    rows = [["AGE", "STAGE", "TYPE", "MESSAGE"]]
    for condition in store.conditions(row["uid"])[-30:]:
        rows.append([age(condition.seconds), condition.stage, condition.type, condition.message])
    return lines + [f"  {line}" for line in columns(rows)]


def _spec_lines(value: Any) -> list[str]:
    import yaml

    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=160)).rstrip("\n").split("\n")


def event_rows(events: Sequence[Any], now: float | None = None) -> list[list[str]]:
    rows = [["LAST SEEN", "TYPE", "REASON", "OBJECT", "COUNT", "MESSAGE"]]
    for event in events:
        thing = f"{event['kind'].lower()}/{event['name']}"
        rows.append(
            [age(event["last"], now), event["type"], event["reason"], thing, str(event["count"]), event["message"]]
        )
    return rows


def history(store: Store, uid: str) -> list[list[str]]:
    """A job's rounds with what they were trained on and how they compared."""
    rows = [["ROUND", "OUTCOME", "TRAIN", "EVAL", "TOOK", "NEW", "DEPLOYED", "BASE", "MESSAGE"]]
    for entry in store.rounds(uid):
        ended = entry["ended"]
        took = f"{ended - entry['started']:.0f}s" if ended else "..."
        rows.append(
            [
                str(entry["number"]),
                entry["outcome"],
                str(entry["train_samples"]),
                str(entry["eval_samples"]),
                took,
                _means(entry.get("new")),
                _means(entry.get("deployed")),
                entry["base"],
                entry.get("message", ""),
            ]
        )
    return rows


def _means(metrics: Mapping[str, Sequence[float]] | None) -> str:
    if not metrics:
        return "-"
    return " ".join(f"{name}={sum(values) / len(values):.3f}" for name, values in metrics.items() if values)


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines with aligned columns, three blanks apart as kubectl does."""
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return ["   ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def controller_text(store: Store) -> str:
    """Whether a controller works on this state, and where."""
    note = store.note("controller") or {}
    if is_running(store):
        return f"running (pid {note.get('pid')}, {note.get('server')}, root {note.get('root')})"
    problem = store.note("problem") or {}
    said = f"; the last start failed: {problem['message']}" if problem else ""
    return f"not running: start it with `sednabox job controller`{said}"


def is_running(store: Store) -> bool:
    """Whether a controller holds the lock of this state."""
    import fcntl

    try:
        descriptor = os.open(os.path.join(store.folder, "controller.lock"), os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def kinds(word: str) -> list[str]:
    """The kinds that `get WORD` means."""
    from sedna_bridge.jobs.resources import kind_named

    return list(PLURALS) if word in ("all", "") else [kind_named(word)]
