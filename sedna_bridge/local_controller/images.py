"""What runs on this machine for a container image.

A table of rules, first match wins: the job's own (`sednabox job apply --run IMAGE=COMMAND`, kept in an annotation that
Kubernetes does not read), then the table below, which names what Sedna's examples and our own images do. An image
that no rule names runs in a container where a runtime exists.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sedna_bridge.local_controller.errors import PodError

RUN_ANNOTATION = "sednabox.io/run"

_EXAMPLES = (
    "kubeedge/sedna-example-incremental-learning-*",
    "*/kubeedge/sedna-example-incremental-learning-*",
    "sednabox",
    "sednabox:*",
    "*/sednabox",
    "*/sednabox:*",
    "$*",
)
"""Images whose scripts our workers replace. "$..." is a shell variable that nobody expanded: there is no such image."""

_WORKERS = {
    "train.py": "train",
    "eval.py": "evaluate",
    "evaluate.py": "evaluate",
    "inference.py": "infer",
    "infer.py": "infer",
    "train": "train",
    "evaluate": "evaluate",
    "eval": "evaluate",
    "infer": "infer",
}
_STAGE_WORKERS = {"train": "train", "eval": "evaluate", "inference": "infer"}


@dataclass(frozen=True)
class Command:
    """A local command line for a container; `builtin` when it is one of our own workers."""

    argv: tuple
    rule: str
    builtin: bool = False


def local_command(container: Mapping[str, Any], stage: str, rules: Mapping[str, str]) -> Command | None:
    """The command that plays this container here, or None where no rule names its image."""
    image = container.get("image") or ""
    for pattern, text in rules.items():
        if _matches(pattern, image):
            return _expand(text, container, stage, pattern)
    if any(_matches(pattern, image) for pattern in _EXAMPLES):
        return _worker(container, stage, image)
    return None


def _matches(pattern: str, image: str) -> bool:
    """A pattern without a tag matches every tag."""
    if image == pattern or fnmatch.fnmatchcase(image, pattern):
        return True
    name = re.sub(r"(:[^/:]+)?(@sha256:.*)?\Z", "", image)
    return name != image and fnmatch.fnmatchcase(name, pattern)


def _expand(text: str, container: Mapping[str, Any], stage: str, pattern: str) -> Command:
    """COMMAND plays the image's ENTRYPOINT: the container's args follow, or stand where {args} is."""
    args = [str(arg) for arg in container.get("args") or []]
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise PodError(f"--run {pattern}={text}: {error}; expected a command line") from None
    if not words:
        raise PodError(f"--run {pattern}=: expected a command line after '='")
    argv: list[str] = []
    for word in words:
        if word == "{args}":
            argv += args
        else:
            word = word.replace("{stage}", stage).replace("{python}", sys.executable)
            argv.append(word.replace("{args}", " ".join(args)))
    if "{args}" not in text:
        argv += args
    return Command(tuple(argv), f"{pattern}={text}")


def _worker(container: Mapping[str, Any], stage: str, image: str) -> Command:
    words = [*(container.get("command") or []), *(container.get("args") or [])]
    name = ""
    for word in words:
        name = name or _WORKERS.get(os.path.basename(str(word)), "")
    name = name or _STAGE_WORKERS[stage]
    return Command((sys.executable, "-m", f"sedna_bridge.workers.{name}"), f"our own {name} worker for {image}", True)


def parse_rules(text: str) -> dict[str, str]:
    """The annotation's value: a JSON object of image patterns and command lines."""
    if not text.strip():
        return {}
    try:
        value = json.loads(text)
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            raise ValueError("not an object of texts")
    except ValueError as error:
        raise PodError(
            f'annotation {RUN_ANNOTATION}: expected {{"IMAGE": "COMMAND"}}; got {text[:120]!r} ({error})'
        ) from None
    return value


def rules_from_options(options: Sequence[str]) -> dict[str, str]:
    """`--run IMAGE=COMMAND` as rules. The first '=' divides: an image has none."""
    rules = {}
    for option in options:
        image, sign, command = option.partition("=")
        if not sign or not image.strip() or not command.strip():
            raise PodError(f"--run {option!r}: expected IMAGE=COMMAND")
        rules[image.strip()] = command.strip()
    return rules
