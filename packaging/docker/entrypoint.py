#!/usr/bin/env python3
"""What a container does: `train`, `evaluate`, `infer` are Sedna's workers; everything else is the command sednabox.

Without arguments the worker is the one that Sedna's environment describes. This process becomes the worker: signals and
exit code are its own.
"""
from __future__ import annotations

import os
import sys
from typing import Mapping, Sequence

WORKERS = {"train": "train", "evaluate": "evaluate", "eval": "evaluate", "infer": "infer", "inference": "infer"}


def worker_of(environment: Mapping[str, str]) -> str:
    """The worker that Sedna started this container as, "" where no job of Sedna is around it."""
    if environment.get("TRAIN_DATASET_URL"):
        return "train"
    if environment.get("TEST_DATASET_URL") and environment.get("MODEL_URLS"):
        return "evaluate"
    if environment.get("JOB_NAME") and environment.get("MODEL_URL"):
        return "infer"
    return ""


def command(arguments: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """The command line for arguments and environment."""
    words = list(arguments)
    name = WORKERS.get(words[0], "") if words else worker_of(environment)
    if name:
        return [sys.executable, "-m", "sedna_bridge.workers." + name, *words[1:]]
    return [sys.executable, "-m", "sednabox", *(words or ["--help"])]


if __name__ == "__main__":
    line = command(sys.argv[1:], os.environ)
    os.execv(line[0], line)
