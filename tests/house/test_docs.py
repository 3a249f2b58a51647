"""Docs are true: the tutorial's commands are run, and every page that is linked exists."""
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)
INTO = re.compile(r"into `([^`]+)`")


def test_the_first_flowunit_as_written(tmp_path):
    text = (DOCS / "first-flowunit.md").read_text(encoding="utf-8")
    ran = 0
    for match in BLOCK.finditer(text):
        kind, body = match.groups()
        if kind in ("python", "toml"):
            (tmp_path / INTO.findall(text[:match.start()])[-1]).write_text(body, encoding="utf-8")
            continue
        for line in body.strip().splitlines():
            program, *rest = shlex.split(line)
            module = {"modelbox-tool": "pocketbox.tool", "sednabox": "sednabox"}[program]
            done = subprocess.run([sys.executable, "-m", module, *rest], cwd=str(tmp_path), stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, timeout=120, stdin=subprocess.DEVNULL)
            assert done.returncode == 0, "%s\n%s" % (line, done.stdout)
            ran += 1
    assert ran == 6
    assert (tmp_path / "dark.mp4").stat().st_size > 10000
    assert (tmp_path / "darkroom.svg").read_text(encoding="utf-8").startswith("<svg")
    import av
    import numpy as np

    def first(name):
        with av.open(str(tmp_path / name)) as video:
            return next(video.decode(video=0)).to_ndarray(format="bgr24").astype(np.float64)
    assert abs(first("dark.mp4").mean() / first("site.mp4").mean() - 0.3) < 0.05


PAGES = sorted(p for p in [*DOCS.glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), "%s links to %s" % (page.name, target)


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_nothing_names_this_machine():
    listed = subprocess.run(["git", "ls-files"], cwd=str(ROOT), stdout=subprocess.PIPE, text=True)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    home = os.path.expanduser("~")
    wrong = []
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if not path.is_file() or path.stat().st_size > 2_000_000:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for word in (str(ROOT) + "/", home + "/."):
            if word in text and word != "/.":
                wrong.append("%s holds %s" % (name, word))
    assert not wrong, "\n".join(wrong)
