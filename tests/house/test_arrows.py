"""The arrows between the rooms go one way; this reads every import in the tree."""
import ast
import re
from pathlib import Path

import pytest
import tomlkit

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {"pocketbox", "edgevision", "sedna_bridge", "sednabox"}
ALLOWED = {
    "pocketbox": {"pocketbox"},
    "edgevision": {"edgevision"},
    "sedna_bridge": {"sedna_bridge"},
    "sednabox": PACKAGES,
    "flowunits": {"edgevision", "sedna_bridge"},
}


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.split(".")[0], node.lineno
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0], node.lineno


@pytest.mark.parametrize("room", sorted(ALLOWED))
def test_arrows_go_one_way(room):
    wrong = []
    for path in sorted((ROOT / room).rglob("*.py")):
        for name, line in imports_of(path):
            if name in PACKAGES and name not in ALLOWED[room]:
                wrong.append("%s:%d imports %s" % (path.relative_to(ROOT), line, name))
    assert not wrong, "\n".join(wrong)


def test_no_dependency_takes_a_name_that_belongs_to_strangers():
    project = tomlkit.parse((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = list(project["dependencies"]) + [d for extra in project["optional-dependencies"].values() for d in extra]
    names = {re.split(r"[^A-Za-z0-9_.-]", d)[0].lower() for d in wanted}
    assert not names & {"modelbox", "sedna"}
