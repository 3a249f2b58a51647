"""The inference worker: `python -m sedna_bridge.workers.infer` runs a graph through whichever engine is there.

GRAPH names the graph (a path, or a name in the shipped graphs). ENGINE is a command line with {graph} in it; without it
`sednabox run` or `modelbox-tool` is taken. GRAPH_SET sets attributes of nodes for `sednabox run`, with values of the
environment in braces: `camera.source={video_url};detect.model={MODEL_URL}`; without GRAPH and GRAPH_SET the video is
video_url, as in Sedna's example. This process becomes the engine: signals, output and exit code are its own. The
graph's flowunits read Sedna's environment themselves.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import sys
import sysconfig

from sedna_bridge.environment import Environment, WorkerEnvironment
from sedna_bridge.errors import BridgeError
from sedna_bridge.workers import reporting
from sedna_bridge.workers.errors import WorkerError
from sedna_bridge.workers.reporting import say

DEFAULT_GRAPH = "helmet_incremental"
DEFAULT_SET = "video.source={video_url}"


def main(environment: Environment | None = None) -> int:
    env = environment or Environment()
    try:
        worker = WorkerEnvironment.from_environment(env)
        line = command(env)
        shown = without_passwords(" ".join(shlex.quote(word) for word in line))
        say(f"{worker.worker_name or 'inference worker'}: {shown}")
        sys.stdout.flush()
        os.execvp(line[0], line)
    except BridgeError as error:
        return reporting.fail(error)
    except OSError as error:
        return reporting.fail(WorkerError(f"the engine {line[0]} cannot be started: {error.strerror}"))
    return 1


def without_passwords(text: str) -> str:
    """Text for a log that many may read: without names and passwords in addresses."""
    return re.sub(r"://[^/\s'\"]*@", "://***@", text)


def command(environment: Environment) -> list[str]:
    """The command line of the engine for the graph."""
    graph = find_graph(environment.text("GRAPH", DEFAULT_GRAPH))
    text = environment.text("ENGINE")
    if text:
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise WorkerError(f"ENGINE {text!r}: {error}; expected a command line") from None
        if not any("{graph}" in word for word in words):
            words.append("{graph}")
    elif importlib.util.find_spec("sednabox") is not None and importlib.util.find_spec("sednabox.__main__") is not None:
        words = [sys.executable, "-m", "sednabox", "run", "{graph}", *_settings(environment)]
    elif environment.get("GRAPH_SET"):
        raise WorkerError("GRAPH_SET needs `sednabox run`: install sednabox, or write the values into the graph")
    elif shutil.which("modelbox-tool"):
        words = ["modelbox-tool", "flow", "-run", "{graph}"]
    else:
        raise WorkerError("no engine: neither sednabox nor modelbox-tool is installed; set ENGINE to a command line")
    return [word.replace("{graph}", graph).replace("{python}", sys.executable) for word in words]


def _settings(environment: Environment) -> list[str]:
    """GRAPH_SET as `--set NODE.KEY=VALUE` words."""

    def value(match: re.Match) -> str:
        found = environment.get(match.group(1))
        if found is None:
            raise WorkerError(f"GRAPH_SET: {match.group(0)} names no environment variable that is set")
        return found

    words = []
    items = environment.items_of("GRAPH_SET", ";")
    if not items and not environment.get("GRAPH") and environment.get("video_url"):
        items = [DEFAULT_SET]
    for item in items:
        name, sign, text = item.partition("=")
        if not sign or "." not in name:
            raise WorkerError(f"GRAPH_SET: expected NODE.KEY=VALUE;...; got {item!r}")
        words += ["--set", f"{name}=" + re.sub(r"\{([A-Za-z_][A-Za-z0-9_]*)\}", value, text)]
    return words


def find_graph(name: str) -> str:
    """A graph's path: as given, or by name among the shipped graphs."""
    if os.path.isfile(name):
        return os.path.abspath(name)
    if os.path.sep in name:
        raise WorkerError(f"GRAPH {name}: no such file")
    places = [
        os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "graphs"),
        os.path.join(sysconfig.get_path("data"), "share", "sednabox", "graphs"),
        "/usr/share/sednabox/graphs",
    ]
    for place in places:
        for candidate in (name, name + ".toml"):
            path = os.path.join(place, candidate)
            if os.path.isfile(path):
                return path
    raise WorkerError(f"GRAPH {name}: no such graph in {', '.join(places)}; give a path")


if __name__ == "__main__":
    sys.exit(main())
