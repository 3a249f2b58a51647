"""`python -m pocketbox FILE.py [ARGS]`: run a program written for ModelBox's Python API on the embedded engine."""
from __future__ import annotations

import sys

from .runner import run_script

USAGE = """usage: python -m pocketbox FILE.py [ARGS ...]

Runs FILE.py with `import modelbox` (the embedded one) available. To run a graph, use: sednabox run GRAPH, or
modelbox-tool flow -run GRAPH.
"""


def main() -> int:
    args = sys.argv[1:]
    if not args or args[0] in ("-h", "--help"):
        sys.stderr.write(USAGE)
        return 0 if args else 2
    return run_script(args[0], args[1:])


if __name__ == "__main__":
    sys.exit(main())
