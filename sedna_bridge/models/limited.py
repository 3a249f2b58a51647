"""`python -m sedna_bridge.models.limited AS_BYTES CPU_SECONDS PARENT -- COMMAND...`: set limits, then become the
command.

A program of its own, because a function that runs between fork and exec in a process with many threads can hang it.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Limit this process and replace it by the command; a parent that dies takes it along."""
    memory, cpu = int(arguments[0]), int(arguments[1])
    parent = int(arguments[2])
    command = arguments[arguments.index("--") + 1 :]
    try:
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    except (OSError, AttributeError):
        pass
    if os.getppid() != parent:
        sys.exit(1)
    if memory:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    if cpu:
        resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(5)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
