"""What /proc says about a process tree: descriptors, threads, children, memory, CPU.

Rules: it reads and never acts; it must run on the machine of the process it looks at. A process
that is gone counts as nothing left (zeros), never as an error.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

import msgspec

_TICKS = os.sysconf("SC_CLK_TCK")
_CPUCLOCK_SCHED = 2
_GONE = (FileNotFoundError, ProcessLookupError, PermissionError)  # it ended while being looked at


class Resources(msgspec.Struct, frozen=True, kw_only=True):
    """What a process tree holds at one instant."""

    fds: int
    """Open file descriptors, summed over the tree."""
    threads: int
    children: int
    private_bytes: int
    """Memory that would be freed if the tree ended (USS)."""
    cpu_s: float
    """User and system time of the tree's living processes."""


def tree(pid: int) -> list[int]:
    """Return the process and its living descendants, itself first; empty when it is gone."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        with suppress(*_GONE):
            tasks = list(Path(f"/proc/{one}/task").iterdir())
            found.append(one)
            for task in tasks:
                with suppress(*_GONE):
                    waiting += [int(word) for word in (task / "children").read_text().split()]
    return found


def resources(pid: int) -> Resources:
    """Return what the process `pid` and its descendants hold now."""
    processes = tree(pid)
    fds = threads = private = ticks = 0
    for process in processes:
        with suppress(*_GONE):
            fds += len(os.listdir(f"/proc/{process}/fd"))  # noqa: PTH208  names alone, and often
            threads += int(_status(process, "Threads"))
            ticks += sum(int(word) for word in _stat(process)[11:13])
            private += private_bytes(process)
    return Resources(
        fds=fds,
        threads=threads,
        children=max(0, len(processes) - 1),
        private_bytes=private,
        cpu_s=ticks / _TICKS,
    )


def asleep(pid: int) -> bool:
    """Tell whether every thread of a process tree waits for something; True when it is gone."""
    states = []
    for process in tree(pid):
        with suppress(*_GONE):
            for task in Path(f"/proc/{process}/task").iterdir():
                with suppress(*_GONE):
                    states.append((task / "stat").read_text().rpartition(")")[2].split()[0])
    return all(state in "SZX" for state in states)


def waits_s(*processes: int) -> dict[int, float]:
    """Return for how long each living thread was runnable without a core (schedstat), by its id."""
    waits = {}
    for process in processes:
        with suppress(*_GONE):
            for task in Path(f"/proc/{process}/task").iterdir():
                with suppress(*_GONE):
                    waits[int(task.name)] = int((task / "schedstat").read_text().split()[1]) / 1e9
    return waits


def waited_s(*processes: int) -> float:
    """Return the sum of these waits; threads that wait for one another make it longer than time."""
    return sum(waits_s(*processes).values())


def cpu_ns(*processes: int) -> int:
    """Return the CPU time of processes so far, by their own clocks: exact where ticks are not.

    Source: clock_getcpuclockid(3), whose clock of a process is made of its id (posix-timers.h).
    """
    spent = 0
    for process in processes:
        with suppress(OSError):  # it is gone
            spent += time.clock_gettime_ns((~process << 3) | _CPUCLOCK_SCHED)
    return spent


def private_bytes(pid: int) -> int:
    """Return the private memory of one process in bytes (USS: Private_Clean and Private_Dirty)."""
    return _rollup_bytes(pid, "Private_Clean:", "Private_Dirty:")


def anonymous_bytes(pid: int) -> int:
    """Return the anonymous memory of one process in bytes; 0 when it is gone.

    Unlike private memory it does not change with what other processes map or a child just forked.
    """
    return _rollup_bytes(pid, "Anonymous:")


def pss_bytes(pid: int) -> int:
    """Return the memory of a process tree in bytes, what is shared counted by its share (PSS).

    Unlike private memory it sums up over processes that share pages, as forked workers do.
    """
    return sum(_rollup_bytes(process, "Pss:") for process in tree(pid))


def _rollup_bytes(pid: int, *fields: str) -> int:
    """Return the sum of these fields of /proc/PID/smaps_rollup in bytes."""
    with suppress(*_GONE):
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        lines = [line.split() for line in text.splitlines()]
        return 1024 * sum(int(words[1]) for words in lines if words[0] in fields)
    return 0


def state(pid: int) -> str:
    """Return the state letter of a process (R, S, T, Z, ...); empty when it is gone."""
    with suppress(*_GONE):
        return _stat(pid)[0]
    return ""


def catches(pid: int, signal_number: int) -> bool:
    """Tell whether a handler of the process's own stands for this signal."""
    with suppress(*_GONE):
        return bool(int(_status(pid, "SigCgt"), 16) >> (signal_number - 1) & 1)
    return False


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the third on (the second may hold spaces)."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _status(pid: int, field: str) -> str:
    """Return a field of /proc/PID/status, "0" when the process has none (a zombie)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return line.partition(":")[2].strip()
    return "0"
