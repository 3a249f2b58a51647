"""Runs one recorded case: buffers into one built-in unit (or a short chain), what came out, on any engine.

`python recorded.py "ENGINE COMMAND" FILE.json` records: it writes what that engine gave beside each case that has no
"expect" yet. The command takes `flow -run GRAPH`. Record with the real engine only.
"""
from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
MEDIA = os.path.join(HERE, "media")
GRAPH = '''[driver]
dir = ["{units}"]
skip-default = false
[graph]
format = "graphviz"
graphconf = """digraph case {{
{lines}
}}"""
[flow]
name = "case"
'''


def graph_of(case: dict[str, Any], folder: str) -> str:
    """The graph's text: source, unit and sink, or the lines that the case brings."""
    result, source = os.path.join(folder, "result.json"), os.path.join(folder, "source.json")
    if "lines" in case:
        lines = [line.replace("@TMP@", folder).replace("@RESULT@", result).replace("@MEDIA@", MEDIA)
                 for line in case["lines"]]
    else:
        options = "".join(', %s="%s"' % pair for pair in case.get("options", {}).items())
        ports = case.get("ports", ["in_image", "out_image"])
        lines = ["src[type=flowunit, flowunit=bi_source, device=cpu, file=\"%s\"]" % source,
                 "u[type=flowunit, flowunit=%s, device=cpu%s]" % (case["unit"], options),
                 "sink[type=flowunit, flowunit=bi_sink, device=cpu, file=\"%s\"]" % result,
                 "src:out -> u:%s" % ports[0], "u:%s -> sink:in" % ports[-1]]
        if len(ports) == 3:
            lines.append("src:side -> u:%s" % ports[1])
        else:
            lines += ["eat[type=flowunit, flowunit=bi_eat, device=cpu]", "src:side -> eat:in"]
    with open(source, "w", encoding="utf-8") as stream:
        stream.write(json.dumps(case.get("source", {})).replace("@MEDIA@", MEDIA))
    return GRAPH.format(units=os.path.join(HERE, "units"), lines="\n".join("    " + line for line in lines))


def run(command: str, case: dict[str, Any], folder: str, seconds: float = 20) -> dict[str, Any]:
    """What came out, and how the engine ended: ended, failed, crashed or still running."""
    path = os.path.join(folder, "graph.toml")
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(graph_of(case, folder))
    with open(os.path.join(folder, "log.txt"), "wb") as out:
        process = subprocess.Popen([*shlex.split(command), "flow", "-run", path], cwd=folder, stdout=out, stderr=out,
                                   stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            code: int | None = process.wait(case.get("seconds", seconds))
        except subprocess.TimeoutExpired:
            code = None
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    seen: dict[str, Any] = {"outcome": "still running" if code is None else "ended" if code == 0 else
                            "crashed" if code < 0 or code > 128 else "failed"}
    seen.update(results(case, folder))
    return seen


def results(case: dict[str, Any], folder: str) -> dict[str, Any]:
    """What the sink saw, and which files there are."""
    seen: dict[str, Any] = {}
    result = os.path.join(folder, "result.json")
    if os.path.exists(result):
        with open(result, encoding="utf-8") as stream:
            seen["streams"] = json.loads(stream.read().replace(MEDIA, "@MEDIA@"))
    for name in case.get("files", []):
        path = os.path.join(folder, name)
        seen.setdefault("files", {})[name] = os.path.exists(path) and os.path.getsize(path) > 0
    return seen


def record(command: str, path: str) -> None:
    with open(path, encoding="utf-8") as stream:
        cases = json.load(stream)
    for case in cases:
        if "expect" in case:
            continue
        with tempfile.TemporaryDirectory() as folder:
            case["expect"] = run(command, case, folder)
            print(case["name"], json.dumps(case["expect"])[:400])
            if os.environ.get("SHOW_LOG"):
                with open(os.path.join(folder, "log.txt"), encoding="utf-8", errors="replace") as log:
                    print("".join(line for line in log if "ERROR" in line or "WARN" in line)[-2000:])
    with open(path, "w", encoding="utf-8") as stream:
        stream.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


if __name__ == "__main__":
    record(sys.argv[1], sys.argv[2])
