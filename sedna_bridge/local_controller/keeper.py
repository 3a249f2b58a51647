"""Runs one worker and leaves a record of how it ended: `python -m sedna_bridge.local_controller.keeper FOLDER`.

A controller may be killed at any moment, so it is not the parent of its workers: each worker has a keeper, a small
process in a session of its own. FOLDER holds plan.json (in), keeper.json (who runs), exit.json (how it ended, written
whole) and `lock`, held while the keeper lives: a free lock without exit.json means that the keeper was killed, and then
the kernel has killed the worker too. Starting the same folder twice does nothing the second time.

Limits: wall time, memory of the whole process tree (resident, looked at four to ten times a second, with RLIMIT_DATA
behind it against one huge allocation), cores, nice. Everything that the worker started dies with it. Its output goes to
a log that is turned over at a size.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from types import FrameType
from typing import Any, BinaryIO, Callable

PLAN, WHO, EXIT, LOCK = "plan.json", "keeper.json", "exit.json", "lock"

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LOOK, _SELDOM = 0.1, 0.25
_PAGE = os.sysconf("SC_PAGE_SIZE")


def main(folder: str) -> int:
    lock = os.open(os.path.join(folder, LOCK), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return 0
    if os.path.exists(os.path.join(folder, EXIT)) or os.path.exists(os.path.join(folder, WHO)):
        return 0
    with open(os.path.join(folder, PLAN), encoding="utf-8") as file:
        plan = json.load(file)
    write_whole(os.path.join(folder, WHO), {"pid": os.getpid(), "started": time.time()})
    record = Keeper(plan).run()
    write_whole(os.path.join(folder, EXIT), record)
    return 0


def write_whole(path: str, value: Mapping[str, Any]) -> None:
    """A JSON file that is there in full or not at all."""
    temporary = f"{path}.{os.getpid()}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    parent = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)


class Keeper:
    """One worker from start to end."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        self.plan = plan
        self.log = _Log(plan["log"], int(plan.get("log_bytes") or 10 << 20))
        self.asked_to_stop = False
        self.peak = 0

    def run(self) -> dict[str, Any]:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        for line in self.plan.get("before") or []:
            subprocess.run(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        started = time.time()
        try:
            child = self._start(libc)
        except OSError as error:
            self.log.write(f"cannot be started: {error}\n".encode())
            return {
                "code": 127,
                "reason": "CannotStart",
                "message": str(error),
                "started": started,
                "ended": time.time(),
            }
        reason, message = self._watch(child)
        self._kill_rest()
        for line in self.plan.get("after") or []:
            subprocess.run(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        code = child.returncode
        if not reason:
            reason = "Completed" if code == 0 else "Error"
            if code is not None and code < 0:
                reason, message = "Killed", f"killed by {_signal_name(-code)}"
        return {
            "code": code,
            "reason": reason,
            "message": message,
            "started": started,
            "ended": time.time(),
            "peak_memory": self.peak,
        }

    def _start(self, libc: ctypes.CDLL) -> subprocess.Popen:
        plan = self.plan
        memory = plan.get("memory")

        def limit() -> None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            if memory:
                most = max(int(memory) * 4, int(memory) + (8 << 30))
                resource.setrlimit(resource.RLIMIT_DATA, (most, most))
            if plan.get("nice"):
                os.nice(int(plan["nice"]))
            if plan.get("cpus"):
                allowed = sorted(os.sched_getaffinity(0))
                os.sched_setaffinity(0, allowed[-int(plan["cpus"]) :])

        child = subprocess.Popen(
            plan["argv"],
            cwd=plan["cwd"],
            env=plan["environment"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=limit,
        )
        try:
            with open(f"/proc/{child.pid}/oom_score_adj", "w", encoding="ascii") as file:
                file.write("500")
        except OSError:
            pass
        return child

    def _watch(self, child: subprocess.Popen) -> tuple[str, str]:
        """Wait for the end; the reason and message of a stop that we made, or two empty texts."""
        assert child.stdout is not None
        output = child.stdout.fileno()
        os.set_blocking(output, False)
        born = time.monotonic()
        deadline = self.plan.get("deadline")
        memory = self.plan.get("memory")
        reason = message = ""
        kill_at: float | None = None
        open_output = True
        used, looked = 0, 0.0
        while child.poll() is None:
            # Far from its limit a worker is looked at seldom: this goes on for months on a small box.
            pause = _LOOK if kill_at is not None or (memory and used > int(memory) * 0.6) else _SELDOM
            if open_output and select.select([output], [], [], pause)[0]:
                open_output = self._copy(output)
            elif not open_output:
                time.sleep(pause)
            now = time.monotonic()
            if memory and now - looked >= pause * 0.9:
                used, looked = self._memory(), now
                self.peak = max(self.peak, used)
            if not reason:
                if memory and used > int(memory):
                    reason = "OOMKilled"
                    message = f"used {used >> 20} MiB of {int(memory) >> 20} MiB"
                    kill_at = now
                elif deadline and now - born > float(deadline):
                    reason, message = "DeadlineExceeded", f"ran longer than {float(deadline):g} s"
                elif self.asked_to_stop:
                    reason, message = "Stopped", "stopped by the controller"
                if reason and kill_at is None:
                    self._signal(child, signal.SIGTERM)
                    kill_at = now + float(self.plan.get("grace") or 0)
            if kill_at is not None and now >= kill_at:
                self._signal(child, signal.SIGKILL)
                self._kill_rest()
        while open_output and select.select([output], [], [], 0)[0]:
            open_output = self._copy(output)
        return reason, message

    def _copy(self, output: int) -> bool:
        try:
            data = os.read(output, 65536)
        except BlockingIOError:
            return True
        self.log.write(data)
        return bool(data)

    def _memory(self) -> int:
        """Resident bytes of everything below this process."""
        total = 0
        for pid in descendants(os.getpid()):
            try:
                with open(f"/proc/{pid}/statm", encoding="ascii") as file:
                    total += int(file.read().split()[1]) * _PAGE
            except (OSError, ValueError, IndexError):
                continue
        return total

    @staticmethod
    def _signal(child: subprocess.Popen, number: int) -> None:
        try:
            os.killpg(child.pid, number)
        except OSError:
            pass

    @staticmethod
    def _kill_rest() -> None:
        """Kill what left the process group too: orphans become children of this process (a subreaper)."""
        for _ in range(50):
            rest = descendants(os.getpid())
            if not rest:
                return
            for pid in rest:
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
            time.sleep(0.02)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.asked_to_stop = True


def descendants(root: int) -> list[int]:
    """Every living process below `root`. The kernel's lists of children are cheap; without them /proc is read whole."""
    below = _children if os.path.exists(f"/proc/{root}/task/{root}/children") else _all_children()
    found: list[int] = []
    queue = [root]
    while queue:
        for pid in below(queue.pop()):
            if _lives(pid):
                found.append(pid)
            queue.append(pid)
    return found


def _children(pid: int) -> list[int]:
    result: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                result += [int(word) for word in file.read().split()]
    except OSError:
        pass
    return result


def _all_children() -> Callable[[int], list[int]]:
    parents: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        fields = _stat(name) if name.isdigit() else []
        if fields:
            parents.setdefault(int(fields[1]), []).append(int(name))
    return lambda pid: parents.get(pid, [])


def _lives(pid: int) -> bool:
    fields = _stat(str(pid))
    return bool(fields) and fields[0] != "Z"


def _stat(name: str) -> list[str]:
    """State, parent and so on of a process; nothing if it is gone."""
    try:
        with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return []


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class _Log:
    """Appends to a file and keeps one older file when it grows past a size. A full disk loses lines, not the worker."""

    def __init__(self, path: str, most: int) -> None:
        self.path, self.most = path, most
        self.file = self._open()
        self.size = os.fstat(self.file.fileno()).st_size

    def _open(self) -> BinaryIO:
        return open(self.path, "ab", buffering=0)

    def write(self, data: bytes) -> None:
        try:
            if self.size > self.most:
                self.file.close()
                os.replace(self.path, self.path + ".1")
                self.file = self._open()
                self.size = 0
            self.file.write(data)
            self.size += len(data)
        except OSError:
            pass


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
