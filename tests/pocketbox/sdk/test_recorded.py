"""The SDK's values against what the real SDK said to the same probes (recorded_*.txt)."""
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def compare(recorded, said):
    want = (HERE / recorded).read_text(encoding="utf-8").splitlines()
    wrong = ["%s   (recorded: %s)" % (a, b) for a, b in zip(said, want) if a != b]
    assert not wrong, "\n".join(wrong)
    assert len(said) == len(want)


def test_outside_flowunits():
    done = subprocess.run([sys.executable, "-m", "pocketbox", str(HERE / "probe_module.py")], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    compare("recorded_module.txt", done.stdout.splitlines())


def test_inside_a_flowunit(tmp_path):
    graph = tmp_path / "graph.toml"
    graph.write_text('[driver]\ndir = ["%s"]\n[graph]\nformat = "graphviz"\n'
                     'graphconf = """digraph g {\na[flowunit=pb_probe]\nb[flowunit=pb_sink]\n'
                     'a:out -> b:in\n}"""\n' % (HERE / "probe_unit"), encoding="utf-8")
    out = tmp_path / "said.txt"
    done = subprocess.run([sys.executable, "-m", "pocketbox.tool", "flow", "-run", str(graph)], timeout=60, text=True,
                          env=dict(os.environ, PBOUT=str(out)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    compare("recorded_unit.txt", out.read_text(encoding="utf-8").splitlines())
