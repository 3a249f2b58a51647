"""`python -m bench [NAME ...]`: run the benchmarks here, each as `python -m bench.NAME` in its own process."""
from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import bench


def names() -> list[str]:
    return sorted(m.name for m in pkgutil.iter_modules(bench.__path__) if not m.name.startswith("_") and not m.ispkg)


def main(args: list[str]) -> int:
    if args and args[0] in ("-h", "--help"):
        print(__doc__)
        for name in names():
            doc = importlib.import_module("bench." + name).__doc__ or ""
            print("  %-16s %s" % (name, doc.strip().splitlines()[0] if doc.strip() else ""))
        return 0
    chosen = args or names()
    unknown = [n for n in chosen if n not in names()]
    if unknown:
        sys.stderr.write("no benchmark %s; there are: %s\n" % (", ".join(unknown), ", ".join(names())))
        return 2
    failed = 0
    for name in chosen:
        print("== %s" % name, flush=True)
        failed |= int(subprocess.call([sys.executable, "-m", "bench." + name]) != 0)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
