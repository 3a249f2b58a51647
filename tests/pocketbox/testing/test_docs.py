"""The example of docs/testing-units.md, run as it stands there."""
from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Any

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def test_the_example_passes(tmp_path: Any) -> None:
    with open(os.path.join(ROOT, "docs", "testing-units.md"), encoding="utf-8") as stream:
        text = stream.read()
    files = re.findall(r"```\w+\n# (\S+)\n(.*?)```", text, re.DOTALL)
    assert [name for name, _ in files] == ["brighten/brighten.py", "brighten/brighten.toml", "test_brighten.py"]
    for name, content in files:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_brighten.py"],
                          cwd=str(tmp_path), env={**os.environ, "PYTHONPATH": ROOT}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
