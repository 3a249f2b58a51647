"""The conformance corpus on the embedded engine: graphs whose outcome was recorded from the real one.

`conformance/run.py` judges; `conformance/differences.json` lists where this engine differs on purpose, and why.
"""
import argparse
import importlib.util
import json
import shlex
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent / "conformance"
DIFFERENCES = json.loads((HERE / "differences.json").read_text(encoding="utf-8"))
CASES = sorted(p.parent.name for p in HERE.glob("cases/*/case.json"))

_spec = importlib.util.spec_from_file_location("conformance_run", HERE / "run.py")
run = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(run)


def options():
    python = shlex.quote(sys.executable)
    return argparse.Namespace(
        engine=python + " -m pocketbox.tool", python=python + " -m pocketbox", root=str(HERE), record=False, repeat=1,
        strict_log=False, no_log_flags=False, slow=3.0, keep=False, show=False, log=False, intended=DIFFERENCES)


@pytest.mark.parametrize("name", CASES)
def test_case(name):
    verdict, lines = run.judge(str(HERE / "cases"), name, set(), options())
    assert verdict == "PASS", "\n".join(lines)


def test_every_difference_is_in_the_docs_with_its_reason():
    table = (HERE.parents[2] / "docs" / "differences.md").read_text(encoding="utf-8")
    for name, entry in DIFFERENCES.items():
        assert name in CASES
        assert entry["why"] in table, entry["why"]
        assert "`%s`" % name in table, name
