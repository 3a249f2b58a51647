"""The page that tells of a run: one HTML file that needs nothing beside it."""
from __future__ import annotations

import base64
from html import escape
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edgevision.detector import Detector
from edgevision.draw import draw
from edgevision.frame import Frame
from edgevision.scenes import CLASSES, Camera

from .charts import COLOURS, Chart
from .exam import DOMAINS
from .story import Story

AROUND = 6.0
WINDOW = 40
STYLE = """body{font:15px/1.5 sans-serif;max-width:860px;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:1em 0}td,th{border:1px solid #ccc;padding:4px 10px;text-align:right}
th{background:#f3f3f3}figure{margin:1.5em 0}figcaption{font-weight:bold}svg,img{width:100%;height:auto}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:10px}.bad{color:#c0392b}.good{color:#2b7a5b}"""


def page(story: Story) -> str:
    """The whole page."""
    parts = [_head(story), _table(story), _marks(story), _hard(story), _latencies(story), _pictures(story),
             _how(story)]
    return ('<!doctype html><html lang="en"><meta charset="utf-8"><title>SednaBox: the closed loop</title>'
            "<style>%s</style><body>%s</body></html>" % (STYLE, "\n".join(parts)))


def _head(story: Story) -> str:
    deployed = sum(chapter.outcome == "deployed" for chapter in story.chapters)
    rejected = sum(chapter.outcome == "rejected" for chapter in story.chapters)
    text = ("%d frames in %.0f s, <b class=%s>%d missing</b>. %d pictures were found hard and labelled (%d of them "
            "wrongly, on purpose). %d rounds deployed, %d rejected. mAP50 by night %+.3f, by day %+.3f." % (
                len(story.frames), story.seconds, "bad" if story.missing else "good", story.missing, story.labelled,
                story.poisoned, deployed, rejected, story.gain("night"), story.gain("day")))
    return "<h1>From day to night: the closed loop</h1><p>%s</p><p>%s</p>" % (text, (
        "The camera, its pictures and their labels come from a scene generator. No photograph was used, and the "
        "figures say nothing about photographs."))


def rows(story: Story) -> list[list[str]]:
    """The table of rounds, as text."""
    table = [["round", "outcome", "trained on", "mAP50 day", "mAP50 night", "precision night", "recall night", "took"]]
    for chapter in story.chapters:
        night = chapter.marks["night"]
        started, ended = chapter.facts.get("started"), chapter.facts.get("ended")
        table.append([str(chapter.number) if chapter.number else "-",
                      chapter.outcome + (" (wrong labels)" if chapter.poisoned else ""),
                      str(chapter.facts.get("train_samples", "-")),
                      "%.3f" % chapter.marks["day"].mAP50, "%.3f" % night.mAP50, "%.3f" % night.precision,
                      "%.3f" % night.recall, "%.0f s" % (ended - started) if started and ended else "-"])
    return table


def _table(story: Story) -> str:
    head, *body = rows(story)
    cells = "".join("<th>%s</th>" % escape(cell) for cell in head)
    lines = "".join("<tr>%s</tr>" % "".join("<td>%s</td>" % escape(cell) for cell in line) for line in body)
    return "<table><tr>%s</tr>%s</table>" % (cells, lines)


def _marks(story: Story) -> str:
    charts = []
    for what, of in (("mAP50", lambda mark: mark.mAP50), ("precision", lambda mark: mark.precision),
                     ("recall", lambda mark: mark.recall)):
        chart = Chart("%s on held-out sites, after each round" % what, (0, max(1, len(story.chapters) - 1)), (0, 1),
                      "round", what)
        for domain in DOMAINS:
            standing, points = story.chapters[0], []
            for chapter in story.chapters:
                standing = chapter if chapter.outcome == "deployed" else standing
                points.append((chapter.number, of(standing.marks[domain])))
            chart.line(points, COLOURS[domain], domain + ", the model in use", dots=True)
            for chapter in story.chapters:
                if chapter.outcome == "rejected":
                    chart.cross(chapter.number, of(chapter.marks[domain]), "round %d, rejected" % chapter.number)
        charts.append(chart.svg())
    return "<h2>How good</h2>%s<p>A red cross is a model that evaluation rejected.</p>" % "".join(charts)


def _hard(story: Story) -> str:
    frames = story.frames
    if not frames:
        return ""
    end = frames[-1]["timestamp"] / 1000
    chart = Chart("Share of hard frames over time", (0, end), (0, 1), "seconds", "share")
    chart.band(story.plan.dark, end, COLOURS["night"])
    hard = np.array([row["hard"] for row in frames], float)
    share = np.convolve(hard, np.ones(WINDOW) / WINDOW, "valid") if len(hard) >= WINDOW else hard
    times = [row["timestamp"] / 1000 for row in frames[-len(share):]]
    chart.line(list(zip(times, share.tolist())), COLOURS["plain"], "hard, mean of %d frames" % WINDOW)
    for place, version in story.swaps:
        chart.upright(frames[place]["timestamp"] / 1000, story.names.get(version, version), COLOURS["bad"])
    return "<h2>What is hard</h2>%s<p>Blue: night. Dashed: a model was swapped.</p>" % chart.svg()


def _latencies(story: Story) -> str:
    parts = []
    for place, identifier in story.swaps:
        version = "the model of " + story.names.get(identifier, identifier)
        middle = story.frames[place]["wall_time"]
        near = [row for row in story.frames if abs(row["wall_time"] - middle) <= AROUND and row["latency_ms"]]
        if not near:
            continue
        top = max(60.0, 1.1 * max(row["latency_ms"] for row in near))
        chart = Chart("Latency of the frames around the swap to %s" % version, (-AROUND, AROUND), (0, top),
                      "seconds from the swap", "ms")
        for old in (True, False):
            some = [(row["wall_time"] - middle, row["latency_ms"]) for row in near
                    if (row["wall_time"] < middle) == old]
            chart.dots(some, COLOURS["quiet" if old else "plain"], 2.5, "before" if old else "judged by " + version)
        parts.append(chart.svg())
    return "<h2>The swaps</h2>" + ("".join(parts) or "<p>No model was swapped.</p>")


def _pictures(story: Story) -> str:
    plan = story.plan
    if not story.frames:
        return ""
    camera = Camera(plan.seed + 500, "night", plan.fps)
    last = plan.root / str(story.standing.facts.get("model", "")).lstrip("/")
    after = last if last.is_file() else plan.initial
    cells = []
    for name, model in (("as shipped", plan.initial), ("after the loop", after)):
        with Detector(model, threads=1) as detector:
            for number in (40, 400):
                frame = Frame.from_array(camera.frame(number).bgr)
                [found] = detector.detect([frame])
                cells.append('<div><img alt="%s" src="%s">%s</div>' % (name, _data(draw(frame, found, CLASSES)), name))
    ordered = [cells[0], cells[2], cells[1], cells[3]]
    return "<h2>Before and after</h2><p>A site at night that no round has seen.</p><div class=pair>%s</div>" % (
        "".join(ordered))


def _data(picture: Any) -> str:
    _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode()


def _how(story: Story) -> str:
    return ("<h2>To run it again</h2><pre>sednabox demo --seed %d --rounds %d</pre><p>Everything that the run wrote is "
            "below <code>%s</code>.</p>" % (story.plan.seed, story.plan.rounds, escape(story.plan.folder.name)))


def write(story: Story, path: Path) -> Path:
    path.write_text(page(story), encoding="utf-8")
    return path
